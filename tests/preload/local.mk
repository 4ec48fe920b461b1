# tests/preload/local.mk - real programs under the built libmstat.so.  A shell test
# is one line in program_tests.  A program of our own that such a test runs is four:
#
#     tested_programs += %D%/churn
#     %C%_churn_SOURCES = %D%/churn.c $(TAP)
#     %C%_churn_CFLAGS = $(CALLS_KEPT_CFLAGS)
#     %C%_churn_LDADD =

EXTRA_DIST += %D%/preload.sh
# Programs that are on the machine.
program_tests += %D%/shell.sh %D%/python3.sh %D%/compilers.sh %D%/git.sh \
	%D%/sqlite3.sh %D%/redis.sh %D%/tools.sh %D%/ledger.sh %D%/top.sh

# Some of these once more, as checked processes.
program_tests += %D%/checked.sh

TAP = %D%/tap.h %D%/tap.c

program_tests += %D%/family.sh

# These do on purpose what the compiler warns of.
tested_programs += %D%/family
%C%_family_SOURCES = %D%/family.c $(TAP)
%C%_family_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than \
	-Wno-deprecated-declarations -Wno-use-after-free
%C%_family_LDADD =

program_tests += %D%/limits.sh

tested_programs += %D%/limits
%C%_limits_SOURCES = %D%/limits.cc $(TAP)
%C%_limits_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_limits_LDADD =

tested_programs += %D%/alignments
%C%_alignments_SOURCES = %D%/alignments.c $(TAP)
%C%_alignments_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_alignments_LDADD =

# As distributions compile: the builtins are what is fortified.
tested_programs += %D%/usable
%C%_usable_SOURCES = %D%/usable.c $(TAP)
%C%_usable_CFLAGS = $(AM_CFLAGS) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
%C%_usable_LDADD =

tested_programs += %D%/locked
%C%_locked_SOURCES = %D%/locked.c $(TAP)
%C%_locked_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_locked_LDADD =

tested_programs += %D%/refusals
%C%_refusals_SOURCES = %D%/refusals.c $(TAP)
%C%_refusals_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_refusals_LDADD =

BOOKS = $(TAP) %D%/tally.h %D%/tally.c %D%/workload.h %D%/workload.c

program_tests += %D%/books.sh

tested_programs += %D%/books_one
%C%_books_one_SOURCES = %D%/books_one.c $(BOOKS)
%C%_books_one_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_books_one_LDADD =

tested_programs += %D%/books_many
%C%_books_many_SOURCES = %D%/books_many.c $(BOOKS)
%C%_books_many_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_books_many_LDADD =

program_tests += %D%/outside.sh

tested_programs += %D%/outside
%C%_outside_LDADD =

tested_programs += %D%/resting
%C%_resting_SOURCES = %D%/resting.c $(BOOKS)
%C%_resting_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_resting_LDADD =

program_tests += %D%/exhaustion.sh

tested_programs += %D%/exhaustion
%C%_exhaustion_SOURCES = %D%/exhaustion.c $(BOOKS)
%C%_exhaustion_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-use-after-free
%C%_exhaustion_LDADD =

program_tests += %D%/new.sh

tested_programs += %D%/new
%C%_new_SOURCES = %D%/new.cc $(TAP)
%C%_new_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_new_LDADD =

tested_programs += %D%/operators
%C%_operators_SOURCES = %D%/operators.cc
%C%_operators_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS) -Wno-sized-deallocation -Wno-free-nonheap-object
%C%_operators_LDADD =

tested_programs += %D%/ownmalloc
%C%_ownmalloc_SOURCES = %D%/ownmalloc.c
%C%_ownmalloc_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default
%C%_ownmalloc_LDADD =

tested_programs += %D%/ownlibc
%C%_ownlibc_SOURCES = %D%/ownmalloc.c
%C%_ownlibc_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default -DOWN_LIBC -Wno-missing-attributes
%C%_ownlibc_LDADD =

# In C, and so linked without the C++ runtime.
tested_programs += %D%/host
%C%_host_SOURCES = %D%/host.c $(TAP)
%C%_host_LDADD =

# -rpath: libtool makes no shared object without one.
if PROGRAM_TESTS
check_LTLIBRARIES += %D%/plugin.la
endif
%C%_plugin_la_SOURCES = %D%/plugin.cc
%C%_plugin_la_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_plugin_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

program_tests += %D%/box.sh %D%/kin.sh

tested_programs += %D%/kin
%C%_kin_SOURCES = %D%/kin.c $(BOOKS)
%C%_kin_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-free-nonheap-object
%C%_kin_LDADD =

tested_programs += %D%/idle
%C%_idle_SOURCES = %D%/idle.c
%C%_idle_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_idle_LDADD =

# Preloaded beside the library; loaded by Python.
if PROGRAM_TESTS
check_LTLIBRARIES += %D%/elder.la %D%/patient.la
endif
%C%_patient_la_SOURCES = %D%/patient.c
%C%_patient_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_elder_la_SOURCES = %D%/elder.c
%C%_elder_la_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_elder_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

program_tests += %D%/dump.sh %D%/dump_paths.sh

program_tests += %D%/stderr.sh %D%/confined.sh %D%/elsewhere.sh

tested_programs += %D%/elsewhere
%C%_elsewhere_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_elsewhere_LDADD =

# Linked with the library itself, which no dynamic linker preloads here.
tested_programs += %D%/secure
%C%_secure_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_secure_LDFLAGS = $(AM_LDFLAGS) -no-install -Wl,-rpath,$(abs_top_builddir)/.libs
%C%_secure_LDADD = .libs/libmstat.so
EXTRA_%C%_secure_DEPENDENCIES = libmstat.la

tested_programs += %D%/confined
%C%_confined_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-free-nonheap-object
%C%_confined_LDADD =

tested_programs += %D%/handlers
%C%_handlers_SOURCES = %D%/handlers.c $(TAP)
%C%_handlers_LDADD =

tested_programs += %D%/storm
%C%_storm_SOURCES = %D%/storm.c $(BOOKS)
%C%_storm_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_storm_LDADD =

tested_programs += %D%/altstack
%C%_altstack_SOURCES = %D%/altstack.c $(TAP)
%C%_altstack_LDADD =

tested_programs += %D%/cancelled
%C%_cancelled_SOURCES = %D%/cancelled.c $(TAP)
%C%_cancelled_LDADD =

program_tests += %D%/signals.sh

tested_programs += %D%/paused
%C%_paused_SOURCES = %D%/paused.c $(BOOKS)
%C%_paused_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_paused_LDADD =

tested_programs += %D%/forker
%C%_forker_SOURCES = %D%/forker.c $(TAP)
%C%_forker_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_forker_LDADD =

tested_programs += %D%/unruly
%C%_unruly_SOURCES = %D%/unruly.c $(BOOKS)
%C%_unruly_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_unruly_LDADD =

tested_programs += %D%/stopped
%C%_stopped_SOURCES = %D%/stopped.c $(BOOKS)
%C%_stopped_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_stopped_LDADD =

program_tests += %D%/moments.sh

tested_programs += %D%/moments
%C%_moments_SOURCES = %D%/moments.c $(BOOKS)
%C%_moments_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_moments_LDADD =

tested_programs += %D%/farewell
%C%_farewell_SOURCES = %D%/farewell.c $(BOOKS)
%C%_farewell_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_farewell_LDADD =

if PROGRAM_TESTS
check_LTLIBRARIES += %D%/last.la
endif
%C%_last_la_SOURCES = %D%/last.c
%C%_last_la_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_last_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

tested_programs += %D%/goodbye
%C%_goodbye_SOURCES = %D%/goodbye.cc $(TAP)
%C%_goodbye_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_goodbye_LDADD =

program_tests += %D%/tags.sh

tested_programs += %D%/tags
%C%_tags_SOURCES = %D%/tags.c $(TAP)
%C%_tags_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_tags_LDADD =

program_tests += %D%/hints.sh

tested_programs += %D%/hints
%C%_hints_SOURCES = %D%/hints.c $(TAP)
%C%_hints_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than -Wno-use-after-free \
	-Wno-free-nonheap-object -Wno-format
%C%_hints_LDADD =

tested_programs += %D%/tinyfin
%C%_tinyfin_SOURCES = %D%/tinyfin.c $(TAP)
%C%_tinyfin_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_tinyfin_LDADD =

# -no-install: the program itself, not a script that runs it.
program_tests += %D%/coro_books.sh

tested_programs += %D%/coro_books
%C%_coro_books_SOURCES = %D%/coro_books.c
%C%_coro_books_LDFLAGS = $(AM_LDFLAGS) -no-install
%C%_coro_books_LDADD = libmstat_coro.la

program_tests += %D%/coro_collect.sh

tested_programs += %D%/coro_collect
%C%_coro_collect_SOURCES = %D%/coro_collect.c $(TAP)
%C%_coro_collect_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_coro_collect_LDFLAGS = $(AM_LDFLAGS) -no-install
%C%_coro_collect_LDADD = libmstat_coro.la

program_tests += %D%/fragments.sh %D%/leaks.sh

tested_programs += %D%/keeping
%C%_keeping_SOURCES = %D%/keeping.c
%C%_keeping_LDADD = -lpthread

tested_programs += %D%/keeper
%C%_keeper_SOURCES = %D%/keeper.c
%C%_keeper_CFLAGS = $(CALLS_KEPT_CFLAGS) -g
%C%_keeper_LDADD =

tested_programs += %D%/lossy
%C%_lossy_SOURCES = %D%/lossy.c
%C%_lossy_CFLAGS = $(CALLS_KEPT_CFLAGS) -g
%C%_lossy_LDFLAGS = $(AM_LDFLAGS) -no-install
%C%_lossy_LDADD = libmstat_coro.la

program_tests += %D%/busy.sh

tested_programs += %D%/busy
%C%_busy_SOURCES = %D%/busy.c $(TAP)
%C%_busy_LDADD =

# In C++: its runtime allocates before the library is made ready.
tested_programs += %D%/forked
%C%_forked_SOURCES = %D%/forked.cc $(TAP)
%C%_forked_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_forked_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_forked_LDADD =

program_tests += %D%/forks.sh

tested_programs += %D%/forks
%C%_forks_SOURCES = %D%/forks.c $(BOOKS)
%C%_forks_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_forks_LDADD =

# Beside the library, before it and after it; as auditors; as plugins.
program_tests += %D%/interpose.sh

MODULE_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
if PROGRAM_TESTS
check_LTLIBRARIES += %D%/tracer.la %D%/officious.la %D%/auditor.la %D%/deepplugin.la \
	%D%/neighbour.la %D%/hog_large.la %D%/hog_small.la
endif
%C%_tracer_la_SOURCES = %D%/tracer.c
%C%_tracer_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default
%C%_tracer_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_officious_la_SOURCES = %D%/officious.c
%C%_officious_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default
%C%_officious_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_auditor_la_SOURCES = %D%/auditor.c
%C%_auditor_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default
%C%_auditor_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_deepplugin_la_SOURCES = %D%/deepplugin.c
%C%_deepplugin_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -fvisibility=default
%C%_deepplugin_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_neighbour_la_SOURCES = %D%/neighbour.c
%C%_neighbour_la_CFLAGS = -fvisibility=default
%C%_neighbour_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_hog_large_la_SOURCES = %D%/hog.c
%C%_hog_large_la_CFLAGS = -DHOG_BYTES=256 -fvisibility=default
%C%_hog_large_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_hog_small_la_SOURCES = %D%/hog.c
%C%_hog_small_la_CFLAGS = -DHOG_BYTES=8 -fvisibility=default
%C%_hog_small_la_LDFLAGS = $(MODULE_LDFLAGS)

tested_programs += %D%/loaders
%C%_loaders_SOURCES = %D%/loaders.c $(TAP)
%C%_loaders_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_loaders_LDADD =

tested_programs += %D%/deepbound
%C%_deepbound_SOURCES = %D%/deepbound.c $(TAP)
%C%_deepbound_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_deepbound_LDFLAGS = $(AM_LDFLAGS) -export-dynamic -Wl,--enable-new-dtags \
	-Wl,-rpath,'$$ORIGIN/.libs'
%C%_deepbound_LDADD =

tested_programs += %D%/late
%C%_late_SOURCES = %D%/late.c
%C%_late_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_late_LDADD =

program_tests += %D%/scarce.sh

tested_programs += %D%/scarce
%C%_scarce_SOURCES = %D%/scarce.cc $(TAP)
%C%_scarce_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_scarce_LDADD =

tested_programs += %D%/refused
%C%_refused_SOURCES = %D%/refused.c $(TAP)
%C%_refused_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than
%C%_refused_LDADD =

tested_programs += %D%/colossal
%C%_colossal_SOURCES = %D%/colossal.c $(BOOKS)
%C%_colossal_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_colossal_LDADD =

# Call sites: functions of known names, in plugins too.
program_tests += %D%/sample.sh

tested_programs += %D%/sampled
%C%_sampled_SOURCES = %D%/sampled.c
%C%_sampled_CFLAGS = $(CALLS_KEPT_CFLAGS) -g
%C%_sampled_LDADD =

# A program whose segments lie apart from each other, as node's do.
tested_programs += %D%/sampled_apart
%C%_sampled_apart_SOURCES = %D%/sampled.c
%C%_sampled_apart_CFLAGS = $(CALLS_KEPT_CFLAGS) -g -fno-pie
%C%_sampled_apart_LDFLAGS = $(AM_LDFLAGS) -no-pie -Wl,-z,separate-code,-z,max-page-size=0x200000
%C%_sampled_apart_LDADD =

if PROGRAM_TESTS
check_LTLIBRARIES += %D%/grow_here.la %D%/grow_there.la
endif
%C%_grow_here_la_SOURCES = %D%/grower.c
%C%_grow_here_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -g -DGROWER=grow_here -fvisibility=default
%C%_grow_here_la_LDFLAGS = $(MODULE_LDFLAGS)
%C%_grow_there_la_SOURCES = %D%/grower.c
%C%_grow_there_la_CFLAGS = $(CALLS_KEPT_CFLAGS) -g -DGROWER=grow_there -fvisibility=default
%C%_grow_there_la_LDFLAGS = $(MODULE_LDFLAGS)

program_tests += %D%/killed.sh

tested_programs += %D%/killed
%C%_killed_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_killed_LDADD =

program_tests += %D%/limits_near.sh

tested_programs += %D%/limits_near
%C%_limits_near_SOURCES = %D%/limits_near.c
%C%_limits_near_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_limits_near_LDADD =

program_tests += %D%/probes.sh

tested_programs += %D%/probes
%C%_probes_SOURCES = %D%/probes.c $(TAP)
%C%_probes_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_probes_LDADD =
