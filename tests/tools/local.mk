# tests/tools/local.mk - the reporter, on sample boxes that need no library.

box_sample_sources = %D%/box_sample.h %D%/box_sample.c
reporter_libs = libreporter.la $(JANSSON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/box_maker
%C%_box_maker_SOURCES = %D%/box_maker.c $(box_sample_sources)
%C%_box_maker_LDADD =
