#include "coro/coro.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "coro/barrier.h"
#include "coro/defer.h"
#include "coro/key.h"
#include "coro/measure.h"
#include "coro/sanitizer.h"
#include "coro/switch.h"
#include "coro/thread.h"
#include "coro/unwind.h"

static int fail(int error)
{
	errno = error;
	return error;
}

static COLD void *failed(int error)
{
	errno = error;
	return CORO_FAILED;
}

/* ---- from one to another ------------------------------------------------------ */

/* What C++ keeps of exceptions that are being handled belongs to a stack. */
static NOINLINE void exceptions_switch(uintptr_t *state, struct coro *from, struct coro *to)
{
	for (int i = 0; i < 2; i++) {
		from->exceptions[i] = state[i];
		state[i] = to->exceptions[i];
		to->exceptions[i] = 0;
	}
}

/* `to` runs from now on. */
static void pass(struct thread *thread, struct coro *to)
{
	uintptr_t *state = thread->exceptions;

	if (UNLIKELY((state[0] | state[1]) != 0 || coro_has_exceptions(to)))
		exceptions_switch(state, thread_current(thread), to);
	if (UNLIKELY(thread->is_sanitized)) {
		if (coro_is_new(to))
			sanitizer_stack_begin(&to->stack);
		sanitizer_switch(thread, thread_current(thread), to);
	}
	thread_set_current(thread, to);
}

static void *enter(struct thread *thread, struct coro *co, void *value, bool cancels)
{
	struct coro *current = thread_current(thread);

	co->is_active = true;
	pass(thread, co);
	coro_set_resumer(co, current, current);
	return switch_to(current, co, value, cancels).value;
}

/* The current one is suspended and `to` runs. */
static struct switch_brought leave(struct thread *thread, struct coro *to, void *value)
{
	struct coro *co = thread_current(thread);

	co->is_active = false;
	pass(thread, to);
	coro_set_resumer(co, coro_resumer(co), co);
	return switch_to(co, to, value, false);
}

/* Why it cannot be resumed here; 0: it can. */
static int resume_error(const struct thread *thread, const struct coro *co)
{
	if (co == NULL)
		return EINVAL;
	if (coro_has_finished(co))
		return ESRCH;
	if (co->is_active || thread->is_foreign)
		return EBUSY;
	return co->locked_to != 0 && co->locked_to != thread->id ? EPERM : 0;
}

/* Why the current one cannot yield; 0: it can. */
static int yield_error(const struct thread *thread)
{
	if (thread_is_on_root(thread))
		return EPERM;
	return thread->is_foreign || thread_current(thread)->foreign != NULL ? EBUSY : 0;
}

/* What coro_resume_at() and coro_yield_at() leave to others. */
HIDDEN void *resume_rarely(struct coro *co, void *value);
HIDDEN struct switch_brought yield_rarely(void *value);

void *resume_rarely(struct coro *co, void *value)
{
	struct thread *thread = thread_self();
	int error = resume_error(thread, co);

	return error == 0 ? enter(thread, co, value, false) : failed(error);
}

struct switch_brought yield_rarely(void *value)
{
	struct thread *thread = thread_self();
	int error = yield_error(thread);

	if (error != 0)
		return (struct switch_brought){.value = failed(error)};
	return leave(thread, coro_resumer(thread_current(thread)), value);
}

EXPORT void *coro_transfer(struct coro *co, void *value)
{
	struct thread *thread = thread_self();
	int error = resume_error(thread, co);

	if (error != 0)
		return failed(error);
	if (thread_is_on_root(thread))
		return enter(thread, co, value, false);
	error = yield_error(thread);
	if (error != 0)
		return failed(error);
	struct coro *resumer = coro_resumer(thread_current(thread));
	coro_set_resumer(co, resumer, resumer);
	co->is_active = true;
	struct switch_brought brought = leave(thread, co, value);
	if (brought.is_cancelled)
		coro_exit(NULL);
	return brought.value;
}

/* ---- the first and the last of it ---------------------------------------------- */

void coro_end(struct coro *co)
{
	unwind_forget(co, UNWIND_ALL); /* one out of which an exception was thrown and caught */
	defer_end(co);
	values_end(co);
	coro_finish(NULL);
}

/* Of one that has finished: not on it. */
static void stack_end(void *finished)
{
	struct coro *co = finished;

	measure(co);
	stack_free(&co->stack);
}

static bool stack_is_usual(const struct coro *co)
{
	return co->stack.bytes == CORO_STACK_BYTES;
}

UNSANITIZED void coro_finish(void *value)
{
	struct thread *thread = &coro_thread;
	struct coro *co = thread_current(thread), *resumer = coro_resumer(co);

	co->state |= CORO_STATE_FINISHED;
	co->is_active = false;
	co->resumer = (struct coro *)CORO_NOT_PLAIN;
	co->locked_to = 0;
	co->lock_count = 0;
	co->panics = NULL;
	barriers_forget(&co->stack);
	if (UNLIKELY(thread->is_sanitized)) {
		sanitizer_stack_end(&co->stack);
		co->state &= ~(uint32_t)CORO_STATE_PLAIN; /* there is more to be forgotten */
	}
	pass(thread, resumer);
	co->exceptions[0] = co->exceptions[1] = 0;
	switch_last(&resumer->left, value, stack_is_usual(co) ? NULL : stack_end, co);
}

static struct coro *coro_new(size_t stack_bytes)
{
	struct coro *co = calloc(1, sizeof(*co));

	if (co == NULL)
		return NULL;
	if (!stack_alloc(&co->stack, stack_bytes)) {
		free(co);
		return NULL;
	}
	stack_belongs_to(&co->stack, co);
	return co;
}

void coro_delete(struct coro *co)
{
	unwind_forget(co, UNWIND_ALL);
	defer_free_chunks(co);
	if (co->stack.bytes != 0)
		stack_free(&co->stack);
	free(co);
}

/* The creator, most likely. */
static struct coro *first_resumer(const struct thread *thread)
{
	return thread->running != &thread_nobody ? thread->running : (struct coro *)CORO_NOT_PLAIN;
}

/* Of one that may have been used before. */
static ALWAYS_INLINE void prepare(struct coro *co, const struct thread *thread, void (*fn)(void *),
	void *arg)
{
	co->left = (struct switch_left){.sp = co->stack.hi, .pc = (void *)switch_start};
	co->resumer = first_resumer(thread);
	co->state = CORO_STATE_PLAIN;
	co->fn = fn;
	co->arg = arg;
}

static ALWAYS_INLINE struct coro *dead_take(struct thread *thread)
{
	struct coro *co = thread->first_dead;

	if (LIKELY(co != NULL)) {
		thread->first_dead = co->next_dead;
		thread->dead_room++;
	}
	return co;
}

static void attr_apply(struct coro *co, const struct coro_attr *attr)
{
	co->state = 0;
	co->is_relocatable = attr->is_relocatable;
	if (attr->name != NULL)
		strncpy(co->name, attr->name, sizeof(co->name) - 1);
	co->is_measured = attr->is_measured;
	if (co->is_measured)
		stack_clear(&co->stack);
}

static NOINLINE int create_rarely(struct coro **out, const struct coro_attr *attr, void (*fn)(void *),
	void *arg)
{
	struct thread *thread = thread_self();
	size_t stack_bytes = attr != NULL && attr->stack_bytes != 0 ? attr->stack_bytes : CORO_STACK_BYTES;

	if (out == NULL || fn == NULL || !stack_is_attr_size(stack_bytes))
		return fail(EINVAL);
	struct coro *co = stack_bytes == CORO_STACK_BYTES ? dead_take(thread) : NULL;
	if (co == NULL)
		co = coro_new(stack_bytes);
	if (co == NULL)
		return fail(ENOMEM);
	prepare(co, thread, fn, arg);
	if (attr != NULL)
		attr_apply(co, attr);
	*out = co;
	return 0;
}

EXPORT int coro_create(struct coro **out, const struct coro_attr *attr, void (*fn)(void *), void *arg)
{
	struct thread *thread = &coro_thread;

	if (UNLIKELY(attr != NULL || out == NULL || fn == NULL))
		return create_rarely(out, attr, fn, arg);
	struct coro *co = dead_take(thread);
	if (UNLIKELY(co == NULL))
		return create_rarely(out, attr, fn, arg);
	prepare(co, thread, fn, arg);
	*out = co;
	return 0;
}

EXPORT int coro_cancel(struct coro *co)
{
	struct thread *thread = thread_self();
	int error = resume_error(thread, co);

	if (error != 0)
		return error == ESRCH ? 0 : fail(error);
	if (coro_is_new(co)) {
		co->state |= CORO_STATE_FINISHED;
		co->resumer = (struct coro *)CORO_NOT_PLAIN;
		co->arg = NULL;
		if (!stack_is_usual(co))
			stack_end(co);
		return 0;
	}
	if ((co->state & CORO_STATE_CANCELLING) != 0)
		return fail(EBUSY);
	co->state |= CORO_STATE_CANCELLING;
	enter(thread, co, NULL, true);
	co->state &= ~(uint32_t)CORO_STATE_CANCELLING;
	return coro_has_finished(co) ? 0 : fail(EAGAIN);
}

/* To be used again, with what it was created with. */
static ALWAYS_INLINE void dead_keep(struct thread *thread, struct coro *co)
{
	co->next_dead = thread->first_dead;
	thread->first_dead = co;
	thread->dead_room--;
}

static NOINLINE int destroy_rarely(struct coro *co)
{
	struct thread *thread = thread_self();

	if (co != NULL && (co->state & CORO_STATE_CANCELLING) != 0)
		return fail(EBUSY);
	if (co == NULL || !coro_has_finished(co)) {
		int error = coro_cancel(co);
		if (error != 0)
			return error;
	}
	if (UNLIKELY(thread->is_sanitized))
		sanitizer_forget(co);
	if (!stack_is_usual(co) || thread->dead_room == 0) {
		coro_delete(co);
		return 0;
	}
	co->is_relocatable = co->is_measured = false;
	co->used_most_bytes = 0;
	memset(co->name, 0, sizeof(co->name));
	dead_keep(thread, co);
	return 0;
}

EXPORT int coro_destroy(struct coro *co)
{
	struct thread *thread = &coro_thread;

	if (UNLIKELY(co == NULL || co->state != (CORO_STATE_FINISHED | CORO_STATE_PLAIN) ||
		    thread->dead_room == 0))
		return destroy_rarely(co);
	dead_keep(thread, co);
	return 0;
}

/* ---- what it says of itself ------------------------------------------------------ */

EXPORT struct coro *coro_self(void)
{
	struct thread *thread = thread_self();

	return thread_is_on_root(thread) ? NULL : thread_current(thread);
}

EXPORT int coro_status(const struct coro *co)
{
	if (co == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (coro_has_finished(co))
		return CORO_FINISHED;
	if (__atomic_load_n(&co->is_active, __ATOMIC_RELAXED) == 0)
		return CORO_SUSPENDED;
	return co == thread_current(&coro_thread) || thread_runs(co) ? CORO_RUNNING : CORO_WAITING;
}

EXPORT const char *coro_name(const struct coro *co)
{
	return co != NULL ? co->name : "";
}
