# stats/local.mk - libstats.la: the books, and the layout that tools/ reads.

noinst_LTLIBRARIES += libstats.la
libstats_la_SOURCES = %D%/box.h %D%/box.c %D%/box_identity.c %D%/box_layout.h \
	%D%/box_place.h %D%/box_place.c %D%/conf.h %D%/conf.c %D%/conf_signal.c \
	%D%/dump.h %D%/dump.c %D%/fields.h %D%/fields.c \
	%D%/report.h %D%/report.c %D%/report_sites.h %D%/report_sites.c %D%/source.h %D%/survey_layout.h %D%/version.c
