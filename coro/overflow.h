/*
 * coro/overflow.h - who ran out of stack.
 *
 * WHY        A coroutine's stack is small, and one that overflows it dies by a signal that
 *            says nothing.  The guard below it tells whose it was.
 *
 * RULE       The handler of SIGSEGV is ours only where the program has none.  It needs a
 *            stack of its own, of which each thread has one; what is no overflow takes the
 *            default action.
 */
#ifndef CORO_OVERFLOW_H
#define CORO_OVERFLOW_H

/* By each thread that runs coroutines; and at its end. */
void overflow_watch(void);
void overflow_forget(void);

#endif
