# tools/local.mk - mstat, the reporter, and its bash completion.

# All but main(), so that the suites of tests/tools can link it.  stats/conf*.c and
# fields.c are compiled once more, because mstat links nothing of the library.
noinst_LTLIBRARIES += libreporter.la
libreporter_la_SOURCES = \
	%D%/binary.h %D%/binary.c \
	%D%/books.h %D%/books.c \
	%D%/box_content.h %D%/box_content.c \
	%D%/box_name.h %D%/box_name.c \
	%D%/box_read.h %D%/box_read.c \
	%D%/boxes.h %D%/boxes.c \
	%D%/cgroup.h %D%/cgroup.c \
	%D%/clear.h %D%/clear.c \
	%D%/callers.h %D%/callers.c \
	%D%/command.h \
	%D%/conf.c %D%/diff.c %D%/dump.c %D%/fragments.c %D%/leaks.c %D%/ls.c %D%/post.c %D%/prof.c %D%/run.c %D%/set.c \
	%D%/show.c %D%/top.c \
	%D%/control.h %D%/control.c \
	%D%/death.h %D%/death.c \
	%D%/debug_file.h %D%/debug_file.c \
	%D%/demangle.h %D%/demangle.c \
	%D%/dump_fields.h %D%/dump_fields.c \
	%D%/dump_json.h %D%/dump_json.c \
	%D%/dump_read.h %D%/dump_read.c \
	%D%/dump_text.h %D%/dump_text.c \
	%D%/elf_file.h %D%/elf_file.c \
	%D%/failure.h %D%/failure.c \
	%D%/file.h %D%/file.c \
	%D%/flame.h %D%/flame.c %D%/flame_script.c \
	%D%/folded.h %D%/folded.c \
	%D%/fragments.h %D%/fragments_gather.c %D%/fragments_json.c %D%/fragments_text.c \
	%D%/intern.h %D%/intern.c \
	%D%/json.h \
	%D%/kmsg.h %D%/kmsg.c \
	%D%/leaks.h %D%/leaks_gather.c %D%/leaks_json.c %D%/leaks_text.c \
	%D%/ledger.h %D%/ledger.c \
	%D%/limit.h %D%/limit.c \
	%D%/lines.h %D%/lines.c \
	%D%/mappings.h %D%/mappings.c \
	%D%/names.h %D%/names.c \
	%D%/output.h %D%/output.c \
	%D%/page.h %D%/page.c \
	%D%/perf_map.h %D%/perf_map.c \
	%D%/places.h %D%/places.c \
	%D%/post.h %D%/post_gather.c %D%/post_json.c %D%/post_text.c \
	%D%/pprof.h %D%/pprof.c \
	%D%/process.h %D%/process.c \
	%D%/prof.h %D%/prof_json.h %D%/prof_json.c %D%/prof_text.c %D%/prof_tree.c \
	%D%/prof_rows.h %D%/prof_rows.c \
	%D%/prof_table.h %D%/prof_table.c \
	%D%/rate.h %D%/rate.c \
	%D%/remote.h %D%/remote.c \
	%D%/report.h %D%/report.c %D%/report_json.c %D%/report_text.c \
	%D%/resident.h %D%/resident.c \
	%D%/sites.h %D%/sites.c \
	%D%/sites_json.h %D%/sites_json.c \
	%D%/spans.h %D%/spans.c \
	%D%/stack_names.h %D%/stack_names.c \
	%D%/stack_tree.h %D%/stack_tree.c \
	%D%/stacks.h %D%/stacks.c \
	%D%/suppressions.h %D%/suppressions.c \
	%D%/survey.h %D%/survey.c \
	%D%/symbols.h %D%/symbols.c \
	%D%/table.h %D%/table.c \
	%D%/tags.h %D%/tags.c %D%/tags_text.c \
	%D%/target.h %D%/target.c \
	%D%/target_symbols.h %D%/target_symbols.c \
	%D%/term.h %D%/term.c \
	%D%/text.h %D%/text.c \
	%D%/texts.h %D%/texts.c \
	%D%/top_list.h %D%/top_list.c \
	%D%/top_pages.h %D%/top_pages.c \
	%D%/top_process.h %D%/top_process.c \
	%D%/top_screen.h %D%/top_screen.c \
	%D%/top_terminal.h %D%/top_terminal.c \
	%D%/units.h %D%/units.c \
	stats/conf.c stats/conf_signal.c stats/fields.c
libreporter_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(DWFL_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	$(LIBELF_CFLAGS) $(ZLIB_CFLAGS) $(NCURSES_CFLAGS)

# The messages of pprof's profiles.  What protoc-c makes of them is in no tarball, and is
# compiled apart, because our warnings are not for it.
noinst_LTLIBRARIES += libprofileproto.la
nodist_libprofileproto_la_SOURCES = %D%/profile.pb-c.h %D%/profile.pb-c.c
libprofileproto_la_CFLAGS = $(PROTOBUF_C_CFLAGS)
EXTRA_DIST += %D%/profile.proto
BUILT_SOURCES += %D%/profile.pb-c.h
CLEANFILES += %D%/profile.pb-c.h %D%/profile.pb-c.c

%D%/profile.pb-c.c: %D%/profile.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && \
		$(PROTOC_C) --proto_path=$(srcdir)/%D% --c_out=%D% $(srcdir)/%D%/profile.proto
%D%/profile.pb-c.h: %D%/profile.pb-c.c
	@touch $@
# BUILT_SOURCES are made before all, not before one program alone.
$(libreporter_la_OBJECTS): | %D%/profile.pb-c.h

# What whoever links libreporter.la links too.
reporter_libs = libprofileproto.la $(JANSSON_LIBS) $(DWFL_LIBS) $(PROTOBUF_C_LIBS) $(ZLIB_LIBS) \
	$(NCURSES_LIBS) $(LIBELF_LIBS) $(DEMANGLE_LIBS) -lm

bin_PROGRAMS += mstat
mstat_SOURCES = %D%/main.c
mstat_LDADD = libreporter.la $(reporter_libs)

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/mstat.bash
