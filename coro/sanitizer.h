/*
 * coro/sanitizer.h - what AddressSanitizer and ThreadSanitizer are told, if they are in the
 * process.
 *
 * WHY        They follow calls and returns on one stack a thread.  A program that was
 *            compiled with one of them, and uses this library as it is, would be told of
 *            errors that there are not: so they are told which stack is run on, and where
 *            nobody is any more.  Their functions are weak: in other processes they are not
 *            there.
 *
 * HOW        Where one is there no thread has a coroutine that switches may look at alone
 *            (coro/thread.h), so that all switches come by coro.c.  Who goes over to another
 *            stack says so before it does, and runs none of the program's code in between.
 *
 * NOT HERE   Frames that a panic leaves by a jump stay on ThreadSanitizer's own list of what
 *            was called, of which it has 65,536 a stack; what unwinds takes them off.
 */
#ifndef CORO_SANITIZER_H
#define CORO_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "coro/coro.h"
#include "coro/thread.h"

/* Whether there is any. */
bool sanitizer_is_here(void);

/* The thread goes over from the stack of one to that of another; from one that has finished
   for good. */
void sanitizer_switch_slow(struct thread *thread, struct coro *from, struct coro *to);

static ALWAYS_INLINE void sanitizer_switch(struct thread *thread, struct coro *from, struct coro *to)
{
	if (UNLIKELY(thread->is_sanitized))
		sanitizer_switch_slow(thread, from, to);
}

/* What stood in [lo, hi) does not any more: frames that were jumped over, or all of a
   stack. */
void sanitizer_frames_gone(const void *lo, const void *hi);

/* An unwinder will leave frames of this stack, how many is not said. */
void sanitizer_frames_leave(void);

/* What stands on the stack is reached, as long as it may be gone on with. */
void sanitizer_stack_begin(const struct stack *stack);
void sanitizer_stack_end(const struct stack *stack);

/* Around a fork. */
void sanitizer_fork_begin(void);
void sanitizer_fork_end(void);

/* It will not be gone on with. */
void sanitizer_forget(struct coro *co);

/* Whether functions keep addresses that are made of their frame's, and are not found when
   it is moved. */
bool sanitizer_keeps_stacks(void);

#endif
