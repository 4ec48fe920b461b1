#include "tests/preload/tap.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tap_count;

static void tap_write(const char *line, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(STDOUT_FILENO, line, bytes);
		if (written <= 0)
			_exit(3);
		line += written;
		bytes -= (size_t)written;
	}
}

void tap_note(const char *format, ...)
{
	char text[400], line[420];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_write(line, (size_t)snprintf(line, sizeof(line), "#   %s\n", text));
}

bool tap_ok(bool passed, const char *format, ...)
{
	char text[400], line[440];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_write(line, (size_t)snprintf(line, sizeof(line), "%sok %d - %s\n",
				passed ? "" : "not ", ++tap_count, text));
	return passed;
}

bool tap_is(long long want, long long got, const char *name)
{
	if (tap_ok(want == got, "%s", name))
		return true;
	tap_note("want %lld, got %lld, a difference of %lld", want, got, got - want);
	return false;
}

void tap_begin(void)
{
	Dl_info where = {0};
	void *address = dlsym(RTLD_DEFAULT, "malloc");
	bool found = address != NULL && dladdr(address, &where) != 0 && where.dli_fname != NULL;

	tap_ok(found && strstr(where.dli_fname, "libmstat.so") != NULL,
		"malloc is bound to libmstat.so");
}

int tap_done(void)
{
	char line[32];

	tap_write(line, (size_t)snprintf(line, sizeof(line), "1..%d\n", tap_count));
	return 0;
}
