/*
 * coro/foreign.h - calls out of a coroutine, to code that needs the thread's own stack,
 * and back.
 *
 * WHY        A coroutine's stack is small, and foreign code knows nothing of it.  It runs
 *            on the thread's stack, below where the thread itself waits.  What it calls
 *            back runs on the coroutine's stack again, behind the call, so that both
 *            stacks are unwound in lock step, by a panic too.
 *
 * INVARIANT  A coroutine in a foreign call is locked to its thread and does not yield.
 *            For each callback on its stack there is a special record among its deferred
 *            calls that gives the foreign frames up, and for the outermost foreign call
 *            one that unlocks, unless the program had locked it.  Nothing is allocated.
 *
 * SOURCE     Alex Brainman, "runtime: speed up cgo calls", golang.org/cl/4910041.
 */
#ifndef CORO_FOREIGN_H
#define CORO_FOREIGN_H

#include "coro/coro.h"

/* A call that has not returned. */
struct foreign {
	struct foreign *outer;
	void *left;  /* where the coroutine's stack was left for it */
	struct thread *thread;
	struct coro *co;
};

/* Calls whose frames are below this address are given up, with the callbacks that are in
   them, unless they have been already. */
void foreign_give_up_below(struct coro *co, const void *address);

#endif
