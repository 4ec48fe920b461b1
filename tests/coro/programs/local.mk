# tests/coro/programs/local.mk - what programs see of deferred calls, panics and
# recovery; ../levels.sh builds them at other levels of optimisation.

coro_cases = %D%/callbacks %D%/defers %D%/destructors %D%/endings %D%/exceptions %D%/exits \
	%D%/lexical %D%/marked %D%/marked_unwound %D%/nested %D%/recover %D%/thrown %D%/unwound
unit_suites += $(coro_cases)

CASES = tests/emulator.h %D%/cases.h %D%/cases.c
%C%_callbacks_SOURCES = %D%/callbacks.c $(CASES)
%C%_callbacks_LDADD = libmstat_coro.la
%C%_defers_SOURCES = %D%/defers.c $(CASES)
%C%_defers_LDADD = libmstat_coro.la
%C%_destructors_SOURCES = %D%/destructors.cc $(CASES)
%C%_destructors_LDADD = libmstat_coro.la
%C%_endings_SOURCES = %D%/endings.c $(CASES)
%C%_endings_LDADD = libmstat_coro.la
%C%_exceptions_SOURCES = %D%/exceptions.cc $(CASES)
%C%_exceptions_LDADD = libmstat_coro.la
%C%_exits_SOURCES = %D%/exits.c $(CASES)
%C%_exits_LDADD = libmstat_coro.la
%C%_lexical_SOURCES = %D%/lexical.c $(CASES)
%C%_lexical_LDADD = libmstat_coro.la
%C%_marked_SOURCES = %D%/marked.c $(CASES)
%C%_marked_LDADD = libmstat_coro.la
%C%_marked_unwound_SOURCES = %D%/marked.c $(CASES)
%C%_marked_unwound_CFLAGS = $(AM_CFLAGS) -fexceptions
%C%_marked_unwound_LDADD = libmstat_coro.la
%C%_nested_SOURCES = %D%/nested.c $(CASES)
%C%_nested_LDADD = libmstat_coro.la
%C%_recover_SOURCES = %D%/recover.c $(CASES)
%C%_recover_LDADD = libmstat_coro.la
%C%_thrown_SOURCES = %D%/thrown.cc $(CASES)
%C%_thrown_LDADD = libmstat_coro.la
%C%_unwound_SOURCES = %D%/lexical.c $(CASES)
%C%_unwound_CFLAGS = $(AM_CFLAGS) -fexceptions
%C%_unwound_LDADD = libmstat_coro.la
