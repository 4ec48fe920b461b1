# tests/coro/local.mk - coroutines, a suite a source.

# Not with the sanitizers, which must be told of each switch of stacks.
if PRELOAD
coro_suites = %D%/check_coro %D%/check_stack
unit_suites += $(coro_suites)

program_tests += %D%/examples.sh

%C%_check_coro_SOURCES = %D%/check_coro.c %D%/run.h %D%/run.c
%C%_check_coro_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_stack_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
endif
