/*
 * coro/walk.h - the frames of a coroutine that is not running, or of the caller's.
 *
 * WHY        Who returns where is known to the unwinder alone, which reads it out of what
 *            the compiler wrote down, frame pointers or not.  It knows only how to begin
 *            where it is called: for a stack that was left it is called from a frame that
 *            says of itself that it was called from there.
 *
 * INVARIANT  A visitor sees what the program would: a return address that a barrier
 *            replaced is the saved one.  Barriers are met in their order.
 */
#ifndef CORO_WALK_H
#define CORO_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "coro/coro.h"

enum { WALK_NO_BARRIER = UINT32_MAX };

struct walk_frame {
	uintptr_t pc;         /* where it goes on */
	char *sp;             /* its stack pointer then */
	uintptr_t *slot;      /* where pc stands; NULL: it is the innermost frame's, or in a place
	                         that is not known */
	uint32_t barrier;     /* that stands there instead */
	bool is_interrupted;  /* by a signal: it did not call */
};

/*
 * From the innermost of the coroutine's stack on, until the visitor returns false.  It is
 * suspended, or waits, or is the caller's own.  Fatal "missed stack barrier".
 */
void walk_frames(const struct coro *co, bool (*visit)(const struct walk_frame *frame, void *arg),
	void *arg);

#endif
