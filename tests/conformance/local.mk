# tests/conformance/local.mk - a suite a table of docs/conformance.md, a test a rule.

if ALLOCATOR
unit_suites += %D%/check_statistics %D%/check_tiny
endif

unit_suites += %D%/check_defer %D%/check_foreign
# Not with the sanitizers: it has a malloc of its own.
if PRELOAD
unit_suites += %D%/check_barrier
endif
%C%_check_barrier_SOURCES = %D%/check_barrier.c tests/coro/run.h tests/coro/run.c
%C%_check_barrier_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_defer_SOURCES = %D%/check_defer.c tests/coro/run.h tests/coro/run.c
%C%_check_defer_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_foreign_SOURCES = %D%/check_foreign.c tests/coro/run.h tests/coro/run.c
%C%_check_foreign_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_foreign_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
