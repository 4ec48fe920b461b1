/*
 * coro/coro.h - a coroutine.
 *
 * WHY        One struct for all that is its own: where it was left, its stack, its
 *            deferred calls and panics, its locks.
 *
 * INVARIANT  status says who may touch it:
 *                SUSPENDED  nobody runs it; it was left at `left`
 *                RUNNING    it is its thread's current one
 *                WAITING    it resumed another, whose `resumer` it is
 *                FINISHED   it never runs again; a stack of an unusual size is gone
 *
 * OWNERSHIP  The program's, from coro_create() to coro_destroy(); what is freed with a
 *            stack of the usual size waits in its thread for the next coro_create().
 */
#ifndef CORO_CORO_H
#define CORO_CORO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "coro/stack.h"
#include "include/mstat_coro.h"

struct defer;
struct coro_site;
struct defer_chunk;
struct foreign;
struct panic;
struct thread;

struct coro {
	void *left;               /* the stack pointer, where switch_in() or _out() left it */
	uint32_t status;          /* enum coro_status */
	bool is_new;              /* it was never resumed */
	bool is_cancelling;       /* somebody waits for it to end */
	struct coro *resumer;     /* while it runs or waits */

	struct defer *defers;     /* the last one first */
	struct defer_chunk *chunk;
	struct defer_chunk *spare_chunk;
	struct defer *held;       /* large ones that were taken off and are being called */
	struct coro_site *sites;  /* of frames with more than one, the innermost first */
	struct coro_site *free_sites;
	struct panic *panics;     /* the innermost first */
	struct foreign *foreign;  /* calls whose frames are on the thread's stack */

	uint64_t locked_to;       /* the only thread that may run it, by its id; 0: any */
	uint32_t lock_count;      /* by request */
	bool is_foreign_locked;   /* by a foreign call */

	struct stack stack;
	void (*fn)(void *);
	void *arg;
	uintptr_t exceptions[2];  /* C++'s, while it does not run */
	struct coro *next_dead;
	char name[CORO_NAME_BYTES];
};

/* Where switch_start() comes to, on the new stack. */
HIDDEN _Noreturn void coro_begin(struct coro *co);

/* The calling coroutine is done; its deferred calls were made. */
_Noreturn void coro_finish(void *value);

/* Frees a coroutine that its thread kept. */
void coro_delete(struct coro *co);

#endif
