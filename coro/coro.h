/*
 * coro/coro.h - a coroutine.
 *
 * WHY        One struct for all that is its own: where it was left, its stack, its
 *            deferred calls and panics, its locks.
 *
 * INVARIANT  `state` says whether it has finished, and then never runs again; a stack of an
 *            unusual size is gone.  Whether it is plain: of what may be asked for when it is
 *            created nothing was.  And whether somebody waits for it to end.
 *                `resumer` is by whom it was resumed last, or created: if that one runs, and
 *            its thread has nothing else to look at (coro/thread.h), it may be resumed, and if
 *            it runs itself it may yield, and no more is asked.  CORO_NOT_PLAIN where that is
 *            not so, and held_resumer has it: only its thread may run it, or there is a state of
 *            C++'s to be brought back, its own if it is suspended, else the resumer's.  NULL: it is
 *            a thread's own stack, and never yields.
 *                One that is not active, nor finished, was left at `left`.
 *
 * OWNERSHIP  The program's, from coro_create() to coro_destroy(); what is freed with a
 *            stack of the usual size waits in its thread for the next coro_create().
 */
#ifndef CORO_CORO_H
#define CORO_CORO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "coro/offsets.h"
#include "coro/stack.h"
#include "coro/switch.h"
#include "include/mstat_coro.h"

struct defer;
struct coro_site;
struct defer_chunk;
struct foreign;
struct panic;
struct thread;
struct unwinding;
struct values;

struct coro {
	struct switch_left left;
	struct coro *resumer;     /* see above */
	uint32_t is_active;       /* it runs, or it resumed another */
	uint32_t state;
	struct panic *panics;     /* the innermost first */
	void (*fn)(void *);
	void *arg;                /* until it begins */

	struct defer *defers;     /* the last one first */
	struct coro_site *sites;  /* of frames with more than one, the innermost first */
	struct defer *held;       /* large ones that were taken off and are being called */
	struct values *values;    /* by key; NULL: it has none */
	struct unwinding *unwindings; /* of its frames, under way; the newest first */
	struct stack stack;

	char *defer_top;          /* where the next record is; NULL: there is no chunk */
	char *defer_limit;
	struct defer_chunk *chunk;
	struct defer_chunk *spare_chunk;
	struct coro_site *free_sites;
	struct foreign *foreign;  /* calls whose frames are on the thread's stack */

	uint64_t locked_to;       /* the only thread that may run it, by its id; 0: any */
	struct coro *held_resumer; /* in place of `resumer` */
	uint32_t lock_count;      /* by request */

	size_t used_most_bytes;   /* is_measured: of what is gone meanwhile */
	uintptr_t exceptions[2];  /* C++'s, while it does not run */
	void *fake_stack;         /* AddressSanitizer's, while it does not run */
	void *fiber;              /* ThreadSanitizer's */
	struct coro *next_dead;
	bool is_foreign_locked;   /* by a foreign call.  (Not beside lock_count: what was just written
	                             in parts is slow to read as a whole.) */
	bool is_dying;            /* of a panic: it is being unwound for the last time */
	bool is_relocatable;      /* its stack may be moved */
	bool is_measured;         /* its stack was zero in the beginning */
	char name[CORO_NAME_BYTES];
};

_Static_assert(offsetof(struct coro, left) == CORO_LEFT, "as the assembly has it");
_Static_assert(offsetof(struct coro, resumer) == CORO_RESUMER, "as the assembly has it");
_Static_assert(offsetof(struct coro, is_active) == CORO_IS_ACTIVE, "as the assembly has it");
_Static_assert(offsetof(struct coro, state) == CORO_STATE, "as the assembly has it");
_Static_assert(offsetof(struct coro, panics) == CORO_PANICS, "as mstat_coro_inline.h has it");
_Static_assert(offsetof(struct coro, fn) == CORO_FN, "as the assembly has it");
_Static_assert(offsetof(struct coro, arg) == CORO_ARG, "as the assembly has it");
_Static_assert(offsetof(struct coro, defers) == CORO_DEFERS, "as the assembly has it");
_Static_assert(offsetof(struct coro, sites) == CORO_SITES, "as the assembly has it");
_Static_assert(offsetof(struct coro, held) == CORO_HELD, "as the assembly has it");
_Static_assert(offsetof(struct coro, values) == CORO_VALUES, "as the assembly has it");
_Static_assert(offsetof(struct coro, unwindings) == CORO_UNWINDINGS, "as the assembly has it");
_Static_assert(offsetof(struct coro, stack.barrier_count) == CORO_BARRIER_COUNT, "as the assembly has it");

static inline bool coro_has_finished(const struct coro *co)
{
	return (__atomic_load_n(&co->state, __ATOMIC_RELAXED) & CORO_STATE_FINISHED) != 0;
}

static inline bool coro_is_locked(const struct coro *co)
{
	return co->locked_to != 0;
}

static inline struct coro *coro_resumer(const struct coro *co)
{
	return co->resumer != (struct coro *)CORO_NOT_PLAIN ? co->resumer : co->held_resumer;
}

/* Of one that is left. */
static inline bool coro_has_exceptions(const struct coro *co)
{
	return (co->exceptions[0] | co->exceptions[1]) != 0;
}

/* A C++ exception passes, in which is noted where the frame is that handles it. */
static inline bool coro_has_uncaught(const struct coro *co)
{
	return (uint32_t)co->exceptions[1] != 0;
}

/* `brought` is the one whose state of C++'s there may be. */
static inline void coro_set_resumer(struct coro *co, struct coro *resumer, const struct coro *brought)
{
	bool is_held = coro_is_locked(co) || coro_has_exceptions(brought);

	co->held_resumer = resumer;
	co->resumer = is_held ? (struct coro *)CORO_NOT_PLAIN : resumer;
}

static inline bool coro_is_new(const struct coro *co)
{
	return co->left.pc == (void *)switch_start;
}

/* The lowest byte of a stack that was left which is in use. */
static inline char *coro_used_lo(const struct coro *co)
{
	return co->left.sp - co->stack.lo > RED_ZONE_BYTES ? co->left.sp - RED_ZONE_BYTES : co->stack.lo;
}

/* Its function has returned, and there is more to be done than switch_start() does. */
HIDDEN _Noreturn void coro_end(struct coro *co);

/* The calling coroutine is done; its deferred calls were made. */
_Noreturn void coro_finish(void *value);

/* Frees a coroutine that its thread kept. */
void coro_delete(struct coro *co);

#endif
