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

enum { LINE_BYTES = 640, WAIT_NS = 2000000000 };

/* ---- one report at a time -------------------------------------------------------------------- */

static uint32_t is_said; /* somebody is saying something */
static THREAD_LOCAL bool says;

/* Whoever comes while another thread says something waits until it has, for some time.  False:
   this thread was saying something itself. */
static bool say_begin(void)
{
	if (says)
		return false;
	says = true;
	uint64_t until_ns = os_coarse_ns() + WAIT_NS;
	while (__atomic_exchange_n(&is_said, 1, __ATOMIC_ACQUIRE) != 0 && os_coarse_ns() < until_ns)
		os_yield();
	return true;
}

static void say_end(void)
{
	says = false;
	__atomic_store_n(&is_said, 0, __ATOMIC_RELEASE);
}

static void line_say(struct format *line, bool is_first)
{
	format_terminate(line);
	if (is_first && fatal_observer != NULL)
		fatal_observer(line->buffer);
	if (line->used_bytes == line->capacity_bytes)
		line->used_bytes--;
	format_char(line, '\n');
	line->failed = false; /* a line that was cut is better than none */
	line->fd = STDERR_FILENO;
	if (os_can_write(STDERR_FILENO, false)) /* or the end would be SIGPIPE */
		format_flush(line);
}

static void explain(void)
{
	char buffer[LINE_BYTES];
	struct format out;

	if (fatal_explainer == NULL || !os_can_write(STDERR_FILENO, false))
		return;
	format_init(&out, buffer, sizeof(buffer), STDERR_FILENO);
	fatal_explainer(&out);
	format_flush(&out);
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
	bool is_first = say_begin();
	line_say(&line, is_first);
	if (is_first)
		say_end();
	end();
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
	bool is_first = say_begin();
	line_say(&line, is_first);
	if (!is_first)
		return;
	explain();
	say_end();
}

void fatal_pointer(const char *call, const void *address, const char *what,
	size_t class_bytes, const void *caller)
{
	fatal_pointer_said(call, address, what, class_bytes, caller);
	end();
}
