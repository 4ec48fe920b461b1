# tools/local.mk - mstat, the reporter, and its bash completion.

# All but main(), so that the suites of tests/tools can link it.  stats/conf.c and
# fields.c are compiled once more, because mstat links nothing of the library.
noinst_LTLIBRARIES += libreporter.la
libreporter_la_SOURCES = \
	%D%/books.h %D%/books.c \
	%D%/box_content.h %D%/box_content.c \
	%D%/box_name.h %D%/box_name.c \
	%D%/box_read.h %D%/box_read.c \
	%D%/boxes.h %D%/boxes.c \
	%D%/cgroup.h %D%/cgroup.c \
	%D%/clear.h %D%/clear.c \
	%D%/command.h \
	%D%/conf.c %D%/diff.c %D%/dump.c %D%/ls.c %D%/run.c %D%/set.c %D%/show.c \
	%D%/control.h %D%/control.c \
	%D%/dump_fields.h %D%/dump_fields.c \
	%D%/dump_json.h %D%/dump_json.c \
	%D%/dump_read.h %D%/dump_read.c \
	%D%/dump_text.h %D%/dump_text.c \
	%D%/failure.h %D%/failure.c \
	%D%/file.h %D%/file.c \
	%D%/ledger.h %D%/ledger.c \
	%D%/mappings.h %D%/mappings.c \
	%D%/places.h %D%/places.c \
	%D%/process.h %D%/process.c \
	%D%/remote.h %D%/remote.c \
	%D%/report.h %D%/report.c %D%/report_json.c %D%/report_text.c \
	%D%/resident.h %D%/resident.c \
	%D%/sites.h %D%/sites.c \
	%D%/symbols.h \
	%D%/table.h %D%/table.c \
	%D%/target.h %D%/target.c \
	%D%/term.h %D%/term.c \
	%D%/text.h %D%/text.c \
	%D%/units.h %D%/units.c \
	stats/conf.c stats/fields.c
libreporter_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(DWFL_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	$(ZLIB_CFLAGS) $(NCURSES_CFLAGS)
# What whoever links libreporter.la links too.
reporter_libs = $(JANSSON_LIBS) $(DWFL_LIBS) $(PROTOBUF_C_LIBS) $(ZLIB_LIBS) $(NCURSES_LIBS) -lm

bin_PROGRAMS += mstat
mstat_SOURCES = %D%/main.c
mstat_LDADD = libreporter.la $(reporter_libs)

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/mstat.bash
