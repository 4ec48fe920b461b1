/*
 * coro/unwind.h - the frames that a panic or an exit leaves, unwound as by an exception.
 *
 * WHY        A recovery is a jump, which costs nothing for the frames that it leaves, and
 *            runs nothing of theirs: no destructor of C++, no cleanup attribute of C.  To
 *            run those costs a microsecond a frame, and a panic that passes hundreds is
 *            ours to make fast: so it is done in processes alone where some code says, by
 *            coro_unwinds(), that it is waiting for that.
 *
 * ORDER      The deferred calls of records have been made before, while all frames were
 *            there; it is known by whom the panic ends, or that nobody ends it.  What
 *            frames run as they go may panic, throw and yield like any other code, but
 *            recovers from nothing.
 *
 * INVARIANT  An unwinding is known by an address in the frame that it comes to, or by one
 *            above all of the stack.  It is on the coroutine's list, the newest first, as
 *            long as a frame below that address may hold a pointer to its exception: a
 *            newer one that comes as far has overtaken it.
 *
 * NOT HERE   Where the unwinder cannot get to that frame it is jumped to as ever.
 */
#ifndef CORO_UNWIND_H
#define CORO_UNWIND_H

#include <stdbool.h>
#include <stdint.h>
#include <unwind.h>

#include "base/compiler.h"
#include "coro/coro.h"

struct unwinding {
	struct _Unwind_Exception exception;
	struct unwinding *next;
	uintptr_t uncaught;          /* C++'s count of what passes: a catch (...) that throws it on
	                                counts it, too, and nobody takes it off */
	const void *address;         /* in the frame that it comes to */
	uintptr_t sp;                /* that frame's stack pointer; 0: the end of the stack */
	void (*arrive)(const void *address, void *arg); /* called there; never returns */
	void *arg;
};

/* No frame's: the stack is unwound to its end. */
#define UNWIND_ALL ((const void *)UINTPTR_MAX)

extern HIDDEN bool unwind_was_asked_for;

static inline bool unwind_is_on(void)
{
	return __atomic_load_n(&unwind_was_asked_for, __ATOMIC_RELAXED);
}

/* Runs what the caller's frames have, up to the one with that address, or all; then
   arrive(address, arg).  Returns if it cannot, having done nothing, or if it is not on. */
void unwind_to(struct coro *co, const void *address, void (*arrive)(const void *address, void *arg),
	void *arg);

/* Whether one is under way to the frame with this address. */
bool unwind_comes_to(const struct coro *co, const void *address);

/* Frames below this address are gone, and it has been come to itself. */
void unwind_forget(struct coro *co, const void *address);

#endif
