# tests/coro/local.mk - coroutines, a suite a source.

coro_suites = %D%/check_coro %D%/check_fuzz %D%/check_key %D%/check_stack
# What the kernel says of pages is not of an emulator's.
if !EMULATED
coro_suites += %D%/check_measure
endif
unit_suites += $(coro_suites)

program_tests += %D%/barriers.sh %D%/examples.sh %D%/inline.sh %D%/levels.sh %D%/places.sh \
	%D%/sanitizers.sh

# barriers.sh and sanitizers.sh compile these themselves.
SEEN = %D%/seen.h %D%/seen.c
EXTRA_DIST += %D%/gdb.sh %D%/barriers.c %D%/sanitized/sound.c %D%/sanitized/faulty.c

# Not the shared library, which libtool would run by a script; -g for what gdb shows.
tested_programs += %D%/places
%C%_places_SOURCES = %D%/places.c $(SEEN)
%C%_places_CFLAGS = $(AM_CFLAGS) -g
%C%_places_LDADD = libcoro.la libbase.la
%C%_places_LDFLAGS = $(AM_LDFLAGS) -export-dynamic

%C%_check_coro_SOURCES = %D%/check_coro.c %D%/run.h %D%/run.c
%C%_check_coro_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_fuzz_SOURCES = %D%/check_fuzz.c %D%/fuzz/model.h %D%/fuzz/model.c %D%/run.h %D%/run.c
%C%_check_fuzz_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_key_SOURCES = %D%/check_key.c %D%/run.h %D%/run.c
%C%_check_key_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_measure_SOURCES = %D%/check_measure.c %D%/run.h %D%/run.c
%C%_check_measure_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)
%C%_check_stack_SOURCES = %D%/check_stack.c %D%/run.h %D%/run.c
%C%_check_stack_LDADD = tests/libsuite.la libcoro.la libbase.la $(CHECK_LIBS)

include %D%/programs/local.mk
