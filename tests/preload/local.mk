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
	%D%/sqlite3.sh %D%/redis.sh %D%/tools.sh %D%/ledger.sh

TAP = %D%/tap.h %D%/tap.c

program_tests += %D%/family.sh

# These do on purpose what the compiler warns of.
tested_programs += %D%/family
%C%_family_SOURCES = %D%/family.c $(TAP)
%C%_family_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than \
	-Wno-deprecated-declarations -Wno-use-after-free
%C%_family_LDADD =

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

# Preloaded beside the library; loaded by Python.
if PROGRAM_TESTS
check_LTLIBRARIES += %D%/elder.la %D%/patient.la
endif
%C%_patient_la_SOURCES = %D%/patient.c
%C%_patient_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_elder_la_SOURCES = %D%/elder.c
%C%_elder_la_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_elder_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

program_tests += %D%/dump.sh

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

tested_programs += %D%/stopped
%C%_stopped_SOURCES = %D%/stopped.c $(BOOKS)
%C%_stopped_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_stopped_LDADD =

program_tests += %D%/moments.sh

tested_programs += %D%/moments
%C%_moments_SOURCES = %D%/moments.c $(BOOKS)
%C%_moments_CFLAGS = $(CALLS_KEPT_CFLAGS)
%C%_moments_LDADD =

tested_programs += %D%/goodbye
%C%_goodbye_SOURCES = %D%/goodbye.cc $(TAP)
%C%_goodbye_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_goodbye_LDADD =

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
