# tests/tools/local.mk - the reporter, on sample boxes that need no library.

reporter_sample = %D%/box_sample.h %D%/box_sample.c
reporter_ldadd = tests/libsuite.la libreporter.la $(FLOORS) $(reporter_libs) $(CHECK_LIBS)

unit_suites += %D%/check_units %D%/check_text %D%/check_box_read \
	%D%/check_box_content %D%/check_dump_read %D%/check_ledger \
	%D%/check_cgroup %D%/check_clear %D%/check_hostile %D%/check_symbols \
	%D%/check_prof_tree %D%/check_prof_files %D%/check_sites_json \
	%D%/check_kmsg %D%/check_death %D%/check_suppressions %D%/check_top

%C%_check_suppressions_LDADD = $(reporter_ldadd)
%C%_check_units_LDADD = $(reporter_ldadd)
%C%_check_text_LDADD = $(reporter_ldadd)
%C%_check_box_read_SOURCES = %D%/check_box_read.c $(reporter_sample)
%C%_check_box_read_LDADD = $(reporter_ldadd)
%C%_check_box_content_SOURCES = %D%/check_box_content.c $(reporter_sample)
%C%_check_box_content_LDADD = $(reporter_ldadd)
%C%_check_dump_read_LDADD = $(reporter_ldadd)
%C%_check_sites_json_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_check_sites_json_LDADD = $(reporter_ldadd)
%C%_check_kmsg_LDADD = $(reporter_ldadd)
%C%_check_death_SOURCES = %D%/check_death.c $(reporter_sample)
%C%_check_death_LDADD = $(reporter_ldadd)
%C%_check_ledger_LDADD = $(reporter_ldadd)
%C%_check_cgroup_LDADD = $(reporter_ldadd)
%C%_check_clear_LDADD = $(reporter_ldadd)
%C%_check_hostile_SOURCES = %D%/check_hostile.c $(reporter_sample)
%C%_check_hostile_LDADD = $(reporter_ldadd)

# They have functions of tools/symbols.h of their own.
prof_sample = %D%/sites_sample.h %D%/sites_sample.c
%C%_check_prof_tree_SOURCES = %D%/check_prof_tree.c $(prof_sample)
%C%_check_prof_tree_LDADD = $(reporter_ldadd)
%C%_check_prof_files_SOURCES = %D%/check_prof_files.c $(prof_sample)
%C%_check_prof_files_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(ZLIB_CFLAGS)
%C%_check_prof_files_LDADD = $(reporter_ldadd)
%C%_check_top_SOURCES = %D%/check_top.c $(prof_sample)
%C%_check_top_LDADD = $(reporter_ldadd)
$(%C%_check_prof_files_OBJECTS): | tools/profile.pb-c.h

# What these look up is their own code: with debugging information, an inlined function
# and a build id, whatever is the rule elsewhere.
symbol_sample = %D%/symbol_sample.h %D%/symbol_sample.c %D%/symbol_sample_cxx.cc
symbol_cflags = $(AM_CFLAGS) -g
symbol_cxxflags = $(AM_CXXFLAGS) -g
symbol_ldflags = $(AM_LDFLAGS) -Wl,--build-id=sha1
%C%_check_symbols_SOURCES = %D%/check_symbols.c $(symbol_sample)
%C%_check_symbols_CFLAGS = $(symbol_cflags)
%C%_check_symbols_CXXFLAGS = $(symbol_cxxflags)
%C%_check_symbols_LDFLAGS = $(symbol_ldflags)
%C%_check_symbols_LDADD = $(reporter_ldadd)

# What symbols.sh runs and takes apart.
check_PROGRAMS += %D%/symbol_teller
%C%_symbol_teller_SOURCES = %D%/symbol_teller.c $(symbol_sample)
%C%_symbol_teller_CFLAGS = $(symbol_cflags)
%C%_symbol_teller_CXXFLAGS = $(symbol_cxxflags)
%C%_symbol_teller_LDFLAGS = $(symbol_ldflags)
%C%_symbol_teller_LDADD = libreporter.la $(FLOORS) $(reporter_libs)

# What reporter.sh runs: it makes boxes, and is a process that has one.
check_PROGRAMS += %D%/box_maker
%C%_box_maker_SOURCES = %D%/box_maker.c $(reporter_sample)
%C%_box_maker_LDFLAGS = $(AM_LDFLAGS) -Wl,--build-id=sha1
%C%_box_maker_LDADD = libstats.la libbase.la

# What top.sh watches mstat through.
EXTRA_DIST += %D%/terminal.py

shell_tests += %D%/reporter.sh %D%/symbols.sh %D%/top.sh
