#include "coro/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "base/format.h"
#include "coro/barrier.h"
#include "coro/defer.h"
#include "coro/foreign.h"
#include "coro/key.h"
#include "coro/sanitizer.h"
#include "coro/switch.h"
#include "coro/thread.h"
#include "coro/unwind.h"

enum {
	TEXT_BYTES = 256,
	PANIC_STATUS = 2,
	HERE_BYTES = 1024 /* of what makes the jump, at most */
};

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

static void panics_tell(const struct coro *co)
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
}

static _Noreturn void process_end(const void *all, void *nothing)
{
	(void)all;
	(void)nothing;
	if (ftrylockfile(stdout) == 0)
		fflush_unlocked(stdout);
	_exit(PANIC_STATUS);
}

/* Told first: what the frames run may do anything, and it is settled that nobody recovers. */
static _Noreturn void panics_end(struct coro *co)
{
	panics_tell(co);
	co->is_dying = true;
	unwind_to(co, UNWIND_ALL, process_end, NULL);
	process_end(UNWIND_ALL, NULL);
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

/* Panics that ended with this one, up to an exit, which goes on; NULL: there is none. */
static const struct panic *panics_drop(struct coro *co)
{
	co->panics = co->panics->next;
	while (co->panics != NULL && co->panics->is_aborted) {
		if (co->panics->is_exit) {
			co->panics->is_aborted = false;
			return co->panics;
		}
		co->panics = co->panics->next;
	}
	return NULL;
}

/* From those that run now: foreign ones, if the unwinder was there last. */
static void frames_gone(const struct thread *thread, const struct coro *co, uintptr_t sp)
{
	const char *here = (const char *)__builtin_frame_address(0) - HERE_BYTES;
	const char *end = (const char *)sp; // NOLINT(performance-no-int-to-ptr)
	bool is_elsewhere = co->stack.bytes != 0 && (here < co->stack.lo || here >= end);

	if (is_elsewhere)
		sanitizer_frames_gone(here, thread->root.left.sp);
	sanitizer_frames_gone(is_elsewhere ? co->stack.lo : here, end);
}

/* In the frame with that address, from a point on. */
static _Noreturn void go_on(const void *address, void *to)
{
	const struct coro_point *point = to;
	const struct thread *thread = thread_self();
	struct coro *co = thread_current(thread);

	foreign_give_up_below(co, address);
	unwind_forget(co, address);
	defer_forget_below(co, address);
	if (UNLIKELY(stack_has_barriers(&co->stack)))
		barriers_unwind(co, address);
	if (UNLIKELY(thread->is_sanitized))
		frames_gone(thread, co, point->sp);
	switch_to_point(point);
}

static _Noreturn void recovery(struct coro *co, const struct coro_frame *frame, uintptr_t pc)
{
	const struct panic *exit = panics_drop(co);
	const struct coro_point *point = exit != NULL ? exit->point : defer_point(co, frame, pc);
	const void *address = exit != NULL ? (const void *)exit : frame;

	if (point == NULL)
		fatal("recovery failed");
	unwind_to(co, address, go_on, (void *)point);
	go_on(address, (void *)point);
}

static void panic_push(struct coro *co, struct panic *panic)
{
	panic->next = co->panics;
	co->panics = panic;
}

/* The calls are made from here; it never returns but when there are none left. */
static void panic_run(struct coro *co, struct panic *panic)
{
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
	struct coro *co = thread_current(thread_self());

	while (co->panics != NULL && co->panics <= panic)
		co->panics = co->panics->next;
}

EXPORT void coro_panic(void *value)
{
	const struct thread *thread = thread_self();
	struct coro *co = thread_current(thread);
	struct panic panic __attribute__((cleanup(panic_passed))) = {.value = value};

	if (thread->is_foreign)
		fatal("panic in foreign code");
	panic_push(co, &panic);
	panic_run(co, &panic);
	panics_end(co);
}

/* What the frames ran may have deferred calls and not told its end. */
static _Noreturn void exit_end(const void *all, void *value)
{
	struct coro *co = thread_current(thread_self());

	if (co->is_dying)
		process_end(all, NULL);
	foreign_give_up_below(co, all);
	unwind_forget(co, all);
	defer_end(co);
	values_end(co);
	coro_finish(value);
}

EXPORT void coro_exit(void *value)
{
	const struct thread *thread = thread_self();
	struct coro *co = thread_current(thread);
	struct coro_point point;
	struct panic exit __attribute__((cleanup(panic_passed))) = {
		.value = value, .is_exit = true, .point = &point};

	if (thread_is_on_root(thread) || thread->is_foreign)
		fatal("exit outside a coroutine");
	panic_push(co, &exit);
	switch_note_point(&point);
	panic_run(co, &exit);
	unwind_to(co, UNWIND_ALL, exit_end, value);
	exit_end(UNWIND_ALL, value);
}

EXPORT void *coro_recover_at(void *frame_address)
{
	const struct coro *co = thread_current(&coro_thread);
	struct panic *panic = co != NULL ? co->panics : NULL;

	if (panic == NULL || panic->is_recovered || panic->frame_address != frame_address)
		return NULL;
	panic->is_recovered = true;
	return panic->value;
}
