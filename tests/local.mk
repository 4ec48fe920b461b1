# tests/local.mk - every test speaks TAP.  A suite tests/heap/check_span.c is one
# line in unit_suites; programs that run under the real libmstat.so are in
# tests/preload/local.mk and tests/misuse/local.mk.

unit_suites =

check_PROGRAMS += $(unit_suites)
TESTS += $(unit_suites)

# What a suite links.  A program of tests/preload sets its own _LDADD, and its own
# _CFLAGS = $(CALLS_KEPT_CFLAGS).
LDADD = $(FLOORS) $(CHECK_LIBS)
AM_CPPFLAGS += $(CHECK_CFLAGS)

shell_tests = %D%/floors.sh
EXTRA_DIST += %D%/tap.sh %D%/floors.sh %D%/fastpath.sh

# The audits of a debug build may cost the fast path a frame.
if PRELOAD
if !DEBUG
shell_tests += %D%/fastpath.sh
endif
endif

TESTS += $(shell_tests)

TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = bash

# Check's own limit of 4 seconds a test is a question of the machine's load.
# LD_PRELOAD is set by each test on the one command that it is for.
AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_DEFAULT_TIMEOUT=120; export CK_DEFAULT_TIMEOUT; \
	MSTAT_SOURCE='$(abs_top_srcdir)'; export MSTAT_SOURCE; \
	MSTAT_BUILD='$(abs_top_builddir)'; export MSTAT_BUILD; \
	MSTAT_LIBRARY='$(abs_top_builddir)/.libs/libmstat.so'; export MSTAT_LIBRARY; \
	MSTAT_TOOL='$(abs_top_builddir)/mstat'; export MSTAT_TOOL; \
	NM='$(NM)'; export NM;
