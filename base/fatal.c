#include "base/fatal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/format.h"
#include "base/lock.h"
#include "base/modules.h"
#include "base/os.h"

void (*fatal_observer)(const char *line);
void (*fatal_explainer)(struct format *out);

enum { LINE_BYTES = 640 };

static void line_say(struct format *line)
{
	static int entered;

	format_terminate(line);
	/* A second failure, in the observer or on another thread: print, do not nest. */
	if (!__atomic_exchange_n(&entered, 1, __ATOMIC_RELAXED)) {
		if (fatal_observer != NULL)
			fatal_observer(line->buffer);
		__atomic_store_n(&entered, 0, __ATOMIC_RELAXED);
	}
	if (line->used_bytes == line->capacity_bytes)
		line->used_bytes--;
	format_char(line, '\n');
	line->failed = false; /* a line that was cut is better than none */
	line->fd = STDERR_FILENO;
	if (os_can_write(STDERR_FILENO, false)) /* or the end would be SIGPIPE */
		format_flush(line);
}

static _Noreturn void end(void)
{
	/* The program may have a handler that allocates, or forks a reporter of its end. */
	lock_release_mine();
	abort();
}

void fatal(const char *what)
{
	char buffer[LINE_BYTES];
	struct format line;

	format_init(&line, buffer, sizeof(buffer), -1);
	format_text(&line, "libmstat: ");
	format_text(&line, what);
	line_say(&line);
	end();
}

static void explain(void)
{
	static int explaining;
	char buffer[LINE_BYTES];
	struct format out;

	if (fatal_explainer == NULL || !os_can_write(STDERR_FILENO, false) ||
		__atomic_exchange_n(&explaining, 1, __ATOMIC_RELAXED))
		return;
	format_init(&out, buffer, sizeof(buffer), STDERR_FILENO);
	fatal_explainer(&out);
	format_flush(&out);
	__atomic_store_n(&explaining, 0, __ATOMIC_RELAXED);
}

void fatal_pointer_said(const char *call, const void *address, const char *what,
	size_t class_bytes, const void *caller)
{
	char buffer[LINE_BYTES];
	struct format line;

	format_init(&line, buffer, sizeof(buffer), -1);
	format_text(&line, "libmstat: ");
	format_text(&line, call);
	format_char(&line, '(');
	format_hex(&line, (uintptr_t)address);
	format_text(&line, "): ");
	format_text(&line, what);
	if (class_bytes != 0) {
		format_text(&line, ", size class ");
		format_unsigned(&line, class_bytes);
	}
	if (caller != NULL) {
		format_text(&line, ", called from ");
		modules_describe(&line, (uintptr_t)caller);
	}
	line_say(&line);
	explain();
}

void fatal_pointer(const char *call, const void *address, const char *what,
	size_t class_bytes, const void *caller)
{
	fatal_pointer_said(call, address, what, class_bytes, caller);
	end();
}
