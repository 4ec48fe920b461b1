#include "coro/foreign.h"

#include <errno.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/defer.h"
#include "coro/sanitizer.h"
#include "coro/switch.h"
#include "coro/thread.h"
#include "coro/unwind.h"

/* What coro_callback() keeps on the thread's stack. */
struct callback {
	char *outer_left;  /* root.left.sp as it was; it points here meanwhile */
	void *value;
	void *arg;
	void *unused;
};

HIDDEN void *callback_enter(struct callback *callback);
HIDDEN void *callback_run(void *(*fn)(void *), void *arg);
HIDDEN void callback_leave(const struct callback *callback);
HIDDEN _Noreturn void callback_misaligned(void);

/* ---- locked to a thread ---------------------------------------------------------- */

/* It runs.  As long as there are frames on the thread's stack it may not leave, whatever
   was unlocked: in a callback by request, or by a panic that has yet to unwind them. */
static void lock_update(struct coro *co, const struct thread *thread)
{
	bool is_locked = co->is_foreign_locked || co->lock_count != 0 || co->foreign != NULL;
	struct coro *resumer = coro_resumer(co);

	co->locked_to = is_locked ? thread->id : 0;
	coro_set_resumer(co, resumer, resumer);
}

/* The same, of one that is not locked; and back, unless it was locked meanwhile. */
static ALWAYS_INLINE void foreign_lock(struct coro *co, const struct thread *thread)
{
	co->is_foreign_locked = true;
	co->locked_to = thread->id;
	if (LIKELY(co->resumer != (struct coro *)CORO_NOT_PLAIN))
		co->held_resumer = co->resumer;
	co->resumer = (struct coro *)CORO_NOT_PLAIN;
}

static ALWAYS_INLINE void foreign_unlock(struct coro *co)
{
	co->is_foreign_locked = false;
	if (UNLIKELY(co->lock_count != 0 || co->foreign != NULL))
		return;
	co->locked_to = 0;
	coro_set_resumer(co, co->held_resumer, co->held_resumer);
}

static void unlock_thread(void *nothing)
{
	(void)nothing;
	foreign_unlock(thread_current(thread_self()));
}

EXPORT int coro_lock_thread(void)
{
	struct thread *thread = thread_self();

	if (thread_is_on_root(thread))
		return errno = EPERM;
	thread_current(thread)->lock_count++;
	lock_update(thread_current(thread), thread);
	return 0;
}

EXPORT int coro_unlock_thread(void)
{
	struct thread *thread = thread_self();

	if (thread_is_on_root(thread) || thread_current(thread)->lock_count == 0)
		return errno = EPERM;
	thread_current(thread)->lock_count--;
	lock_update(thread_current(thread), thread);
	return 0;
}

static void unlock_passed(const struct callback *nothing)
{
	(void)nothing;
	unlock_thread(NULL);
}

/* ---- out --------------------------------------------------------------------------- */

/* A record on the stack: a panic or an exit makes its call.  A C++ exception that passes
   leaves the frame that it is of, and no other. */
struct special {
	struct coro *co;
	void (*fn)(void *);   /* NULL: it was taken off */
	void (*passed)(const struct callback *callback); /* when an exception passes */
	const struct callback *callback; /* that it is of; NULL: it is of a call out */
	struct defer record;
};

static void special_push(struct special *special, struct coro *co, void (*fn)(void *),
	void (*passed)(const struct callback *callback), const struct callback *callback)
{
	special->co = co;
	special->fn = fn;
	special->passed = passed;
	special->callback = callback;
	defer_push_special(co, &special->record, fn);
}

/* The top record must be the one that was pushed here. */
static void special_pop(struct special *special)
{
	struct coro *co = special->co;

	if (UNLIKELY(co->defers != &special->record || special->record.fn != special->fn))
		fatal("bad defer entry in foreign call");
	co->defers = special->record.next;
	special->fn = NULL;
}

static bool is_consumed(const struct coro *co, const struct defer *record)
{
	const struct defer *defer = co->defers;

	while (defer != NULL && defer != record)
		defer = defer->next;
	return defer == NULL;
}

/* Frames above it whose end nobody told, not compiled for exceptions, have ended too. */
static void special_take(struct special *special)
{
	struct coro *co = special->co;
	void *nobody;

	while (co->defers != NULL && co->defers != &special->record)
		defer_call_last(co, &nobody);
	co->defers = special->record.next;
}

/* A panic may have been here before: the one that is being unwound for, or one out of which
   a deferred call has thrown. */
static void special_end(struct special *special)
{
	if (LIKELY(special->fn == NULL))
		return;
	if (!is_consumed(special->co, &special->record))
		special_take(special);
	special->passed(special->callback);
}

/* Where foreign frames begin on a thread's own stack that was left. */
static char *system_top(char *sp)
{
	return (char *)bits_round_down((uintptr_t)sp - RED_ZONE_BYTES, 16);
}

/* The innermost call's frames are gone, or given up. */
static ALWAYS_INLINE void foreign_end(const struct foreign *foreign)
{
	struct coro *co = foreign->co;

	co->foreign = foreign->outer;
	if (UNLIKELY(co->foreign == NULL && !co->is_foreign_locked))
		lock_update(co, foreign->thread);
}

static ALWAYS_INLINE void foreign_leave(const struct foreign *foreign)
{
	struct thread *thread = foreign->thread;

	thread_come_back(thread);
	sanitizer_switch(thread, &thread->root, foreign->co);
	foreign_end(foreign);
}

static ALWAYS_INLINE void *foreign_run(struct thread *thread, struct coro *co, void *(*fn)(void *),
	void *arg)
{
	struct foreign foreign __attribute__((cleanup(foreign_leave))) = {co->foreign, NULL, thread, co};

	co->foreign = &foreign; /* cppcheck-suppress autoVariables; foreign_leave() takes it off */
	thread_go_out(thread);
	sanitizer_switch(thread, co, &thread->root);
	return switch_call(fn, arg, system_top(thread->root.left.sp), &foreign.left);
}

EXPORT void *coro_foreign(void *(*fn)(void *), void *arg)
{
	struct thread *thread = thread_self();
	struct coro *co = thread_current(thread);

	if (UNLIKELY(thread_is_on_root(thread) || thread->is_foreign))
		fatal("foreign call unavailable");
	if (UNLIKELY(fn == NULL))
		fatal("foreign call of nil");
	word_add(&thread->foreign_count, 1);
	if (co->locked_to != 0)
		return foreign_run(thread, co, fn, arg);

	foreign_lock(co, thread);
	struct special unlock __attribute__((cleanup(special_end)));
	special_push(&unlock, co, unlock_thread, unlock_passed, NULL);
	void *value = foreign_run(thread, co, fn, arg);
	special_pop(&unlock);
	foreign_unlock(co);
	return value;
}

EXPORT uint64_t coro_foreign_count(void)
{
	return thread_foreign_counts();
}

/* ---- and back ---------------------------------------------------------------------- */

void callback_misaligned(void)
{
	fatal("misaligned stack in callback");
}

void *callback_enter(struct callback *callback)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->held;

	if (UNLIKELY(!thread->is_foreign || co->foreign == NULL))
		fatal("bad coroutine in callback");
	thread_come_back(thread);
	sanitizer_switch(thread, &thread->root, co);
	callback->outer_left = thread->root.left.sp;
	thread->root.left.sp = (char *)callback;
	return co->foreign->left;
}

/* The last one that is running. */
static const struct callback *callback_of(const struct thread *thread)
{
	return (const struct callback *)thread->root.left.sp;
}

/* Of what was called over to the stack that ends here. */
static struct switch_edge *edge_below(void *top)
{
	return (struct switch_edge *)bits_round_down((uintptr_t)top, 16) - 1;
}

/* The foreign frames that called back are given up, and the call that they are of: others
   will come in their place, so that unwinders must go past. */
static void system_stack_give_up(struct thread *thread)
{
	const struct callback *callback = callback_of(thread);
	const struct foreign *foreign = thread_current(thread)->foreign;

	*edge_below(foreign->left) = *edge_below(system_top(callback->outer_left));
	if (UNLIKELY(thread->is_sanitized))
		sanitizer_frames_gone(callback, callback->outer_left);
	thread->root.left.sp = callback->outer_left;
	foreign_end(foreign);
}

/* A panic comes here: they go, unless they will be unwound. */
static void unwind_system_stack(void *nothing)
{
	(void)nothing;
	if (!unwind_is_on())
		system_stack_give_up(thread_self());
}

void foreign_give_up_below(struct coro *co, const void *address)
{
	struct thread *thread = thread_self();

	while (co->foreign != NULL && (const void *)co->foreign < address) {
		if (!thread->is_foreign)
			system_stack_give_up(thread);
		else
			foreign_leave(co->foreign);
	}
}

/* An exception goes on in the foreign frames, which may catch it, if they are there yet. */
static void callback_passed(const struct callback *callback)
{
	if (callback_of(thread_self()) != callback)
		return;
	sanitizer_frames_gone(callback, callback->outer_left);
	callback_leave(callback);
}

/* (When an exception passes it says first that it is on the other stack.) */
UNSANITIZED void *callback_run(void *(*fn)(void *), void *arg)
{
	struct thread *thread = thread_self();
	struct special unwind __attribute__((cleanup(special_end)));

	special_push(&unwind, thread_current(thread), unwind_system_stack, callback_passed,
		callback_of(thread));
	void *value = fn(arg);
	special_pop(&unwind);
	return value;
}

void callback_leave(const struct callback *callback)
{
	struct thread *thread = thread_self();

	thread->root.left.sp = callback->outer_left;
	thread_go_out(thread);
	sanitizer_switch(thread, thread_current(thread), &thread->root);
}
