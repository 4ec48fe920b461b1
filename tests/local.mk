# tests/local.mk - every test speaks TAP.  A suite tests/heap/check_span.c is one
# line in unit_suites; a shell test is one line in shell_tests, or in program_tests
# if it runs programs under the real libmstat.so.

unit_suites = %D%/check_suite

check_PROGRAMS += $(unit_suites)
TESTS += $(unit_suites)

# What a suite links; what suites share comes first.
check_LTLIBRARIES += %D%/libsuite.la
%C%_libsuite_la_SOURCES = %D%/emulator.h %D%/suite.h %D%/suite.c
if ALLOCATOR
%C%_libsuite_la_SOURCES += %D%/heap/world.h %D%/heap/world.c \
	%D%/heap/tally.h %D%/heap/tally.c \
	%D%/tinyalloc/hinted.h %D%/tinyalloc/hinted.c \
	%D%/stats/box_file.h %D%/stats/box_file.c \
	%D%/stats/source_made.h %D%/stats/source_made.c
endif
LDADD = %D%/libsuite.la $(FLOORS) $(CHECK_LIBS)

if PLAIN_CHECK
%C%_libsuite_la_SOURCES += %D%/plain/check.h %D%/plain/check.c
AM_CPPFLAGS += -I$(top_srcdir)/%D%/plain
else
AM_CPPFLAGS += $(CHECK_CFLAGS)
endif

shell_tests = %D%/floors.sh %D%/conformance.sh %D%/man.sh
program_tests =
tested_programs =

include %D%/base/local.mk
include %D%/coro/local.mk
include %D%/conformance/local.mk
include %D%/programs/local.mk
if ALLOCATOR
include %D%/stats/local.mk
include %D%/heap/local.mk
include %D%/tinyalloc/local.mk
include %D%/profile/local.mk
include %D%/check/local.mk
include %D%/preload/local.mk
include %D%/misuse/local.mk
include %D%/model/local.mk
include %D%/fuzz/local.mk
include %D%/tools/local.mk
endif

EXTRA_DIST += %D%/.clang-tidy %D%/tap.sh %D%/fastpath.sh %D%/delays/delays.c $(shell_tests) $(program_tests)

TESTS += $(shell_tests)

if PROGRAM_TESTS
check_PROGRAMS += $(tested_programs)
TESTS += $(program_tests)
endif

# The audits of a debug build may cost the fast path a frame.
if ALLOCATOR
if PRELOAD
if !DEBUG
TESTS += %D%/fastpath.sh
endif
endif
endif

TEST_EXTENSIONS = .sh
# How a program is run in a cross build: no emulator runs the script that libtool makes of
# one that links a library of the build.
if EMULATED
RUN = $(SHELL) $(abs_top_builddir)/libtool --mode=execute \
	-dlopen $(abs_top_builddir)/libmstat_coro.la $(EMULATOR)
CROSS_ENVIRONMENT = \
	MSTAT_RUN='$(RUN)'; export MSTAT_RUN; \
	MSTAT_HOST='$(host_alias)'; export MSTAT_HOST; \
	MSTAT_REPEATS=200; export MSTAT_REPEATS;
endif
LOG_COMPILER = $(RUN)
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
	MSTAT_SWITCHES='debug $(enable_debug) torture $(enable_torture)'; export MSTAT_SWITCHES; \
	NM='$(NM)'; export NM; \
	$(CROSS_ENVIRONMENT)
