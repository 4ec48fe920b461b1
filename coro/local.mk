# coro/local.mk - libmstat_coro: coroutines, a tower of its own on base.

noinst_LTLIBRARIES += libcoro.la
libcoro_la_SOURCES = %D%/barrier.h %D%/barrier.c %D%/books.h %D%/books.c %D%/coro.h %D%/coro.c \
	%D%/defer.h %D%/defer.c %D%/foreign.h %D%/foreign.c %D%/key.h %D%/key.c %D%/lexical.c \
	%D%/measure.h %D%/measure.c %D%/offsets.h %D%/overflow.h %D%/overflow.c %D%/panic.h \
	%D%/panic.c %D%/personality.c %D%/relocate.c %D%/sanitizer.h %D%/sanitizer.c %D%/stack.h %D%/stack.c %D%/stackalloc.c \
	%D%/switch.h %D%/thread.h %D%/thread.c %D%/unwind.h %D%/unwind.c %D%/walk.h %D%/walk.c
# A C++ exception that passes takes the records of foreign calls along.
libcoro_la_CFLAGS = $(AM_CFLAGS) -fexceptions
if X86_64
libcoro_la_SOURCES += %D%/switch_x86_64.S %D%/barrier_x86_64.S
else
libcoro_la_SOURCES += %D%/switch_aarch64.S %D%/barrier_aarch64.S
endif

lib_LTLIBRARIES += libmstat_coro.la
libmstat_coro_la_SOURCES =
libmstat_coro_la_LIBADD = libcoro.la libbase.la
libmstat_coro_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,--as-needed \
	-Wl,--version-script=$(top_srcdir)/%D%/libmstat_coro.map
EXTRA_libmstat_coro_la_DEPENDENCIES = %D%/libmstat_coro.map
EXTRA_DIST += %D%/libmstat_coro.map %D%/switch_x86_64.S %D%/switch_aarch64.S \
	%D%/barrier_x86_64.S %D%/barrier_aarch64.S %D%/barrier_expression.S
