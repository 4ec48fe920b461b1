#include "coro/foreign.h"

#include <errno.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/defer.h"
#include "coro/switch.h"
#include "coro/thread.h"

/* What coro_callback() keeps on the thread's stack. */
struct callback {
	void *outer_left;  /* root.left as it was; it points here meanwhile */
	void *value;
	void *arg;
	void *unused;
};

HIDDEN void *callback_enter(struct callback *callback);
HIDDEN void *callback_run(void *(*fn)(void *), void *arg);
HIDDEN void callback_leave(const struct callback *callback);
HIDDEN _Noreturn void callback_misaligned(void);

/* ---- locked to a thread ---------------------------------------------------------- */

static void lock_update(struct coro *co, const struct thread *thread)
{
	co->locked_to = co->is_foreign_locked || co->lock_count != 0 ? thread->id : 0;
}

static void unlock_thread(void *nothing)
{
	struct thread *thread = thread_self();

	(void)nothing;
	thread->current->is_foreign_locked = false;
	lock_update(thread->current, thread);
}

EXPORT int coro_lock_thread(void)
{
	struct thread *thread = thread_self();

	if (thread_is_on_root(thread))
		return errno = EPERM;
	thread->current->lock_count++;
	lock_update(thread->current, thread);
	return 0;
}

EXPORT int coro_unlock_thread(void)
{
	struct thread *thread = thread_self();

	if (thread_is_on_root(thread) || thread->current->lock_count == 0)
		return errno = EPERM;
	thread->current->lock_count--;
	lock_update(thread->current, thread);
	return 0;
}

static void unlock_passed(void)
{
	unlock_thread(NULL);
}

/* ---- out --------------------------------------------------------------------------- */

/* A record on the stack: a panic or an exit makes its call.  A C++ exception that passes
   leaves the frame that it is of, and no other. */
struct special {
	struct coro *co;
	void (*fn)(void *);   /* NULL: it was taken off */
	void (*passed)(void); /* when an exception passes */
	struct defer record;
};

static void special_push(struct special *special, struct coro *co, void (*fn)(void *),
	void (*passed)(void))
{
	special->co = co;
	special->fn = fn;
	special->passed = passed;
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

/* Frames above it whose end nobody told, not compiled for exceptions, have ended too. */
static void special_end(struct special *special)
{
	struct coro *co = special->co;
	void *nobody;

	if (LIKELY(special->fn == NULL))
		return;
	while (co->defers != NULL && co->defers != &special->record)
		defer_call_last(co, &nobody);
	co->defers = special->record.next;
	special->passed();
}

static void foreign_leave(const struct foreign *foreign)
{
	struct thread *thread = thread_self();

	thread->is_foreign = false;
	thread->current->foreign = foreign->outer;
}

static void *foreign_run(struct thread *thread, struct coro *co, void *(*fn)(void *), void *arg)
{
	struct foreign foreign __attribute__((cleanup(foreign_leave))) = {.outer = co->foreign};
	uintptr_t sp = (uintptr_t)thread->root.left & ~(uintptr_t)15;

	co->foreign = &foreign; /* cppcheck-suppress autoVariables; foreign_leave() takes it off */
	thread->is_foreign = true;
	return switch_call(fn, arg, (void *)sp, &foreign.left);
}

EXPORT void *coro_foreign(void *(*fn)(void *), void *arg)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->current;

	if (UNLIKELY(thread_is_on_root(thread) || thread->is_foreign))
		fatal("foreign call unavailable");
	if (UNLIKELY(fn == NULL))
		fatal("foreign call of nil");
	word_add(&thread->foreign_count, 1);
	if (co->locked_to != 0)
		return foreign_run(thread, co, fn, arg);

	co->is_foreign_locked = true;
	co->locked_to = thread->id;
	struct special unlock __attribute__((cleanup(special_end)));
	special_push(&unlock, co, unlock_thread, unlock_passed);
	void *value = foreign_run(thread, co, fn, arg);
	special_pop(&unlock);
	unlock_thread(NULL);
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
	const struct coro *co = thread->current;

	if (UNLIKELY(!thread->is_foreign || co->foreign == NULL))
		fatal("bad coroutine in callback");
	thread->is_foreign = false;
	callback->outer_left = thread->root.left;
	thread->root.left = callback;
	return co->foreign->left;
}

/* The foreign frames that called back are given up, and the call that they are of. */
static void unwind_system_stack(void *nothing)
{
	struct thread *thread = thread_self();
	const struct callback *callback = thread->root.left;

	(void)nothing;
	thread->root.left = callback->outer_left;
	thread->current->foreign = thread->current->foreign->outer;
}

/* An exception goes on in the foreign frames, which may catch it. */
static void callback_passed(void)
{
	callback_leave(thread_self()->root.left);
}

void *callback_run(void *(*fn)(void *), void *arg)
{
	struct special unwind __attribute__((cleanup(special_end)));

	special_push(&unwind, thread_self()->current, unwind_system_stack, callback_passed);
	void *value = fn(arg);
	special_pop(&unwind);
	return value;
}

void callback_leave(const struct callback *callback)
{
	struct thread *thread = thread_self();

	thread->root.left = callback->outer_left;
	thread->is_foreign = true;
}
