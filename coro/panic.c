#include "coro/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "base/format.h"
#include "coro/defer.h"
#include "coro/switch.h"
#include "coro/thread.h"

enum { TEXT_BYTES = 256, PANIC_STATUS = 2 };

static void (*panic_text)(void *value, char *text, size_t bytes);

EXPORT void coro_set_panic_text(void (*fn)(void *value, char *text, size_t bytes))
{
	__atomic_store_n(&panic_text, fn, __ATOMIC_RELAXED);
}

/* ---- nobody recovered ------------------------------------------------------------- */

static void value_print(struct format *line, void *value)
{
	void (*text_of)(void *, char *, size_t) = __atomic_load_n(&panic_text, __ATOMIC_RELAXED);
	char text[TEXT_BYTES] = "";

	if (text_of == NULL) {
		format_hex(line, (uintptr_t)value);
		return;
	}
	text_of(value, text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	format_text(line, text);
}

/* The oldest first. */
static void panics_print(struct format *line, const struct panic *panic)
{
	if (panic->next != NULL) {
		panics_print(line, panic->next);
		if (!panic->next->is_exit)
			format_char(line, '\t');
	}
	if (panic->is_exit)
		return;
	format_text(line, "panic: ");
	value_print(line, panic->value);
	if (panic->is_recovered)
		format_text(line, " [recovered]");
	format_char(line, '\n');
}

static _Noreturn void panics_end(const struct coro *co)
{
	char buffer[TEXT_BYTES * 4];
	struct format line;

	format_init(&line, buffer, sizeof(buffer), STDERR_FILENO);
	panics_print(&line, co->panics);
	if (co->name[0] != '\0') {
		format_text(&line, "\ncoroutine ");
		format_text(&line, co->name);
		format_char(&line, '\n');
	}
	format_flush(&line);
	if (ftrylockfile(stdout) == 0)
		fflush_unlocked(stdout);
	_exit(PANIC_STATUS);
}

/* ---- making the calls --------------------------------------------------------------- */

/* Its frames are below what deferred the call that is made next: it never goes on. */
static void older_abort(struct panic *panic, const struct defer *defer)
{
	const void *deferred_at = defer->frame != DEFER_NO_FRAME ? (const void *)defer->frame
								 : (const void *)defer;

	for (struct panic *older = panic->next; older != NULL; older = older->next)
		if ((const void *)older < deferred_at)
			older->is_aborted = true;
}

/* Panics that ended with this one.  An exit among them goes on; NULL: there is none. */
static const struct panic *panics_drop(struct coro *co)
{
	const struct panic *exit = NULL;

	co->panics = co->panics->next;
	while (co->panics != NULL && co->panics->is_aborted) {
		if (co->panics->is_exit)
			exit = co->panics;
		co->panics = co->panics->next;
	}
	return exit;
}

static _Noreturn void recovery(struct coro *co, const struct coro_frame *frame, uintptr_t pc)
{
	const struct panic *exit = panics_drop(co);

	defer_forget_below(co, frame);
	if (exit != NULL)
		coro_exit(exit->value);
	const struct coro_point *point = defer_point(co, frame, pc);
	if (point == NULL)
		fatal("recovery failed");
	switch_to_point(point);
}

/* The calls are made from here; it never returns but when there are none left. */
static void panic_run(struct coro *co, struct panic *panic)
{
	panic->next = co->panics;
	co->panics = panic;
	while (co->defers != NULL) {
		struct coro_frame *frame = co->defers->frame;
		uintptr_t pc = co->defers->pc;
		void *nobody;
		older_abort(panic, co->defers);
		defer_call_last(co, frame != DEFER_NO_FRAME && !panic->is_exit ? &panic->frame_address
									      : &nobody);
		panic->frame_address = NULL;
		if (panic->is_recovered)
			recovery(co, frame, pc);
	}
}

/* A call that it made has thrown a C++ exception, which passes: its frames, and those
   below, are gone. */
static void panic_passed(struct panic *panic)
{
	struct coro *co = thread_self()->current;

	while (co->panics != NULL && co->panics <= panic)
		co->panics = co->panics->next;
}

EXPORT void coro_panic(void *value)
{
	const struct thread *thread = thread_self();
	struct coro *co = thread->current;
	struct panic panic __attribute__((cleanup(panic_passed))) = {.value = value};

	if (thread->is_foreign)
		fatal("panic in foreign code");
	panic_run(co, &panic);
	panics_end(co);
}

EXPORT void coro_exit(void *value)
{
	const struct thread *thread = thread_self();
	struct coro *co = thread->current;
	struct panic exit __attribute__((cleanup(panic_passed))) = {.value = value, .is_exit = true};

	if (thread_is_on_root(thread) || thread->is_foreign)
		fatal("exit outside a coroutine");
	panic_run(co, &exit);
	defer_forget_below(co, (const void *)UINTPTR_MAX);
	coro_finish(value);
}

EXPORT void *coro_recover_at(void *frame_address)
{
	const struct coro *co = thread_local_state.current;
	struct panic *panic = co != NULL ? co->panics : NULL;

	if (panic == NULL || panic->is_recovered || panic->frame_address != frame_address)
		return NULL;
	panic->is_recovered = true;
	return panic->value;
}
