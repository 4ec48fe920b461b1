#include "coro/coro.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "coro/defer.h"
#include "coro/switch.h"
#include "coro/thread.h"

enum { ATTR_MIN_STACK_BYTES = 4 << 10 };

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
static void exceptions_switch(const struct thread *thread, struct coro *from, const struct coro *to)
{
	uintptr_t *state = thread->exceptions;

	from->exceptions[0] = state[0];
	from->exceptions[1] = state[1];
	state[0] = to->exceptions[0];
	state[1] = to->exceptions[1];
}

/* `to` runs from now on. */
static ALWAYS_INLINE void pass(struct thread *thread, struct coro *to)
{
	if (UNLIKELY(thread->exceptions != NULL))
		exceptions_switch(thread, thread->current, to);
	thread->current = to;
	to->status = CORO_RUNNING;
}

static ALWAYS_INLINE void *enter(struct thread *thread, struct coro *co, void *value)
{
	struct coro *current = thread->current;

	co->resumer = current;
	current->status = CORO_WAITING;
	pass(thread, co);
	return switch_in(&current->left, co->left, value);
}

/* Why it cannot be resumed here; 0: it can. */
static ALWAYS_INLINE int resume_error(const struct thread *thread, const struct coro *co)
{
	if (UNLIKELY(co == NULL))
		return EINVAL;
	if (UNLIKELY(co->status != CORO_SUSPENDED))
		return co->status == CORO_FINISHED ? ESRCH : EBUSY;
	if (UNLIKELY(thread->is_foreign))
		return EBUSY;
	return UNLIKELY(co->locked_to != 0 && co->locked_to != thread->id) ? EPERM : 0;
}

/* The thread has not been here yet. */
static COLD void *resume_first(struct coro *co, void *value)
{
	thread_self();
	return coro_resume(co, value);
}

EXPORT void *coro_resume(struct coro *co, void *value)
{
	struct thread *thread = &thread_local_state;

	if (UNLIKELY(thread->current == NULL))
		return resume_first(co, value);
	int error = resume_error(thread, co);
	return LIKELY(error == 0) ? enter(thread, co, value) : failed(error);
}

static ALWAYS_INLINE int yield_error(const struct thread *thread)
{
	if (UNLIKELY(thread->current == NULL || thread_is_on_root(thread)))
		return EPERM;
	return UNLIKELY(thread->current->foreign != NULL) ? EBUSY : 0;
}

/* The current one is suspended and `to` runs. */
static ALWAYS_INLINE void *leave(struct thread *thread, struct coro *to, void *value)
{
	struct coro *co = thread->current;

	co->status = CORO_SUSPENDED;
	pass(thread, to);
	return switch_out(&co->left, to->left, value);
}

EXPORT void *coro_yield(void *value)
{
	struct thread *thread = &thread_local_state;
	int error = yield_error(thread);

	return LIKELY(error == 0) ? leave(thread, thread->current->resumer, value) : failed(error);
}

EXPORT void *coro_transfer(struct coro *co, void *value)
{
	struct thread *thread = thread_self();
	int error = resume_error(thread, co);

	if (error != 0)
		return failed(error);
	if (thread_is_on_root(thread))
		return enter(thread, co, value);
	error = yield_error(thread);
	if (error != 0)
		return failed(error);
	co->resumer = thread->current->resumer;
	return leave(thread, co, value);
}

/* ---- the first and the last of it ---------------------------------------------- */

void coro_begin(struct coro *co)
{
	co->is_new = false;
	co->fn(co->arg);
	defer_end(co);
	coro_finish(NULL);
}

/* On the stack of whoever goes on. */
static void stack_end(void *co)
{
	stack_free(&((struct coro *)co)->stack);
}

static void stack_stays(void *co)
{
	(void)co;
}

void coro_finish(void *value)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->current, *resumer = co->resumer;

	co->status = CORO_FINISHED;
	co->locked_to = 0;
	co->panics = NULL;
	pass(thread, resumer);
	switch_last(resumer->left, value,
		co->stack.bytes == CORO_STACK_BYTES ? stack_stays : stack_end, co);
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
	return co;
}

static ALWAYS_INLINE struct coro *coro_obtain(size_t stack_bytes)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->first_dead;

	if (stack_bytes != CORO_STACK_BYTES || UNLIKELY(co == NULL))
		return coro_new(stack_bytes);
	thread->first_dead = co->next_dead;
	thread->dead_count--;
	return co;
}

void coro_delete(struct coro *co)
{
	defer_free_chunks(co);
	if (co->stack.bytes != 0)
		stack_free(&co->stack);
	free(co);
}

/* As switch_out() would have left it. */
static ALWAYS_INLINE void stack_prepare(struct coro *co)
{
	void **frame = (void **)co->stack.hi - SWITCH_FRAME_WORDS;

	frame[SWITCH_PC_WORD] = (void *)switch_start;
	frame[SWITCH_ARG_WORD] = co;
	co->left = frame;
}

static void name_set(struct coro *co, const char *name)
{
	co->name[0] = '\0';
	if (name != NULL) {
		strncpy(co->name, name, sizeof(co->name) - 1);
		co->name[sizeof(co->name) - 1] = '\0';
	}
}

static bool is_stack_size(size_t bytes)
{
	return bits_is_power_of_two(bytes) && bytes >= ATTR_MIN_STACK_BYTES && bytes <= STACK_MAX_BYTES;
}

EXPORT int coro_create(struct coro **out, const struct coro_attr *attr, void (*fn)(void *), void *arg)
{
	size_t stack_bytes = CORO_STACK_BYTES;

	if (attr != NULL && attr->stack_bytes != 0)
		stack_bytes = attr->stack_bytes;
	if (out == NULL || fn == NULL || !is_stack_size(stack_bytes))
		return fail(EINVAL);
	struct coro *co = coro_obtain(stack_bytes);
	if (UNLIKELY(co == NULL))
		return fail(ENOMEM);
	co->status = CORO_SUSPENDED;
	co->is_new = true;
	co->fn = fn;
	co->arg = arg;
	co->exceptions[0] = co->exceptions[1] = 0;
	name_set(co, attr != NULL ? attr->name : NULL);
	stack_prepare(co);
	*out = co;
	return 0;
}

static void cancel_new(struct coro *co)
{
	co->status = CORO_FINISHED;
	if (co->stack.bytes != CORO_STACK_BYTES)
		stack_free(&co->stack);
}

/* It goes on at switch_exit(), which finds what it left above. */
static void cancel_prepare(struct coro *co)
{
	void **frame = (void **)co->left - SWITCH_FRAME_WORDS;

	frame[SWITCH_PC_WORD] = (void *)switch_exit;
	co->left = frame;
}

EXPORT int coro_cancel(struct coro *co)
{
	struct thread *thread = thread_self();
	int error = resume_error(thread, co);

	if (error != 0)
		return error == ESRCH ? 0 : fail(error);
	if (co->is_new) {
		cancel_new(co);
		return 0;
	}
	if (co->is_cancelling)
		return fail(EBUSY);
	cancel_prepare(co);
	co->is_cancelling = true;
	enter(thread, co, NULL);
	co->is_cancelling = false;
	return co->status == CORO_FINISHED ? 0 : fail(EAGAIN);
}

EXPORT int coro_destroy(struct coro *co)
{
	struct thread *thread = thread_self();

	if (co != NULL && UNLIKELY(co->is_cancelling))
		return fail(EBUSY);
	if (UNLIKELY(co == NULL || co->status != CORO_FINISHED)) {
		int error = coro_cancel(co);
		if (error != 0)
			return error;
	}
	if (co->stack.bytes != CORO_STACK_BYTES || thread->dead_count == THREAD_DEAD_MOST) {
		coro_delete(co);
		return 0;
	}
	co->lock_count = 0;
	co->next_dead = thread->first_dead;
	thread->first_dead = co;
	thread->dead_count++;
	return 0;
}

/* ---- what it says of itself ------------------------------------------------------ */

EXPORT struct coro *coro_self(void)
{
	struct thread *thread = thread_self();

	return thread_is_on_root(thread) ? NULL : thread->current;
}

EXPORT int coro_status(const struct coro *co)
{
	if (co != NULL)
		return (int)co->status;
	errno = EINVAL;
	return -1;
}

EXPORT const char *coro_name(const struct coro *co)
{
	return co != NULL ? co->name : "";
}
