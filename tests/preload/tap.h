/*
 * tap.h - the Test Anything Protocol for the programs that run under the real
 * libmstat.so; tests/preload/preload.sh runs them.
 *
 * WHY        Check is linked with malloc users of its own and forks around each
 *            test; here the program is the test.  The first line of each proves
 *            that malloc is the library's: a missing preload only warns.
 *
 * LOCKING    One thread reports.  Nothing is printed by way of stdio, so that a
 *            report between two readings of the books changes neither.
 */
#ifndef TESTS_PRELOAD_TAP_H
#define TESTS_PRELOAD_TAP_H

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count;
static int tap_failed;

static inline void tap_write(const char *line, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(STDOUT_FILENO, line, bytes);
		if (written <= 0)
			_exit(3);
		line += written;
		bytes -= (size_t)written;
	}
}

__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *format, ...)
{
	char text[400], line[420];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_write(line, (size_t)snprintf(line, sizeof(line), "#   %s\n", text));
}

/* One test; true if it passed, so that a failed one can be explained. */
__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool passed,
	const char *format, ...)
{
	char text[400], line[440];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_failed += !passed;
	tap_write(line, (size_t)snprintf(line, sizeof(line), "%sok %d - %s\n",
				passed ? "" : "not ", ++tap_count, text));
	return passed;
}

/* Equal figures; both are shown if they are not. */
static inline bool tap_is(long long want, long long got, const char *name)
{
	if (tap_ok(want == got, "%s", name))
		return true;
	tap_note("want %lld, got %lld, a difference of %lld", want, got, got - want);
	return false;
}

/* The first test of every program. */
static inline void tap_begin(void)
{
	Dl_info where = {0};
	void *address = dlsym(RTLD_DEFAULT, "malloc");
	bool found = address != NULL && dladdr(address, &where) != 0 && where.dli_fname != NULL;

	tap_ok(found && strstr(where.dli_fname, "libmstat.so") != NULL,
		"malloc is bound to libmstat.so");
}

static inline int tap_done(void)
{
	char line[32];

	tap_write(line, (size_t)snprintf(line, sizeof(line), "1..%d\n", tap_count));
	return 0;
}

#endif
