/*
 * coro/defer.h - records of calls that are made when a function is left.
 *
 * WHY        A function that defers in a loop defers a thousand calls, and most functions
 *            two: a record is a bump of a pointer in a chunk, and a chunk that has become
 *            empty is kept, so that going to and fro over its edge allocates nothing.
 *
 * INVARIANT  Those of a coroutine are a stack: a record that is not special is the last
 *            one of the coroutine's current chunk, and ends at defer_top.
 *                chunk: 16 bytes, then records of 40 bytes and their arguments
 *            A special record is in no chunk: on the stack (foreign calls), or, if it is
 *            too large for any, in a block of its own.
 *
 * SOURCE     Russ Cox, "runtime: aggregate defer allocations", golang.org/cl/7001051.
 */
#ifndef CORO_DEFER_H
#define CORO_DEFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coro/coro.h"

enum { DEFER_CHUNK_BYTES = 2048 };

/* The frame of records that no function's end makes, only a panic or an exit. */
static struct coro_frame *const DEFER_NO_FRAME = (struct coro_frame *)-1;

struct defer {
	union {
		struct {
			int32_t bytes;     /* of arguments */
			bool is_special;   /* it is in no chunk */
			bool is_freed;     /* special: it is a block of malloc's */
		};
		uint64_t head;             /* all of that; in a chunk it is the bytes */
	};
	struct coro_frame *frame;  /* of the function that deferred it */
	uintptr_t pc;              /* where that function's coro_defer() returns to */
	void (*fn)(void *);
	struct defer *next;
	uint64_t args[];
};

_Static_assert(sizeof(struct defer) == 40, "50 records without arguments a chunk");

struct defer_chunk {
	struct defer_chunk *previous;
	char *previous_top; /* where that one ended when this one was begun */
};

_Static_assert(sizeof(struct defer_chunk) == 16, "50 records without arguments a chunk");

/* A place in a function besides its frame's first that a recovery may return to. */
struct coro_site {
	struct coro_site *next;
	struct coro_frame *frame;
	struct coro_point point;
};

/* A record, pushed.  NULL: there is no memory. */
struct defer *defer_new(struct coro *co, size_t bytes);

/* Takes the last record off.  Its contents stay until the coroutine runs code of the
   program again.  Fatal "popdefer nil", "popdefer phase error". */
void defer_pop(struct coro *co);

/* After defer_pop(), when it was copied: no stale pointer stays in the chunk. */
void defer_free(struct defer *defer);

/* Pushes one that is on the stack. */
static inline void defer_push_special(struct coro *co, struct defer *defer, void (*fn)(void *))
{
	*defer = (struct defer){.is_special = true, .frame = DEFER_NO_FRAME, .fn = fn,
		.next = co->defers};
	co->defers = defer;
}

/* Takes the last record off and calls it with a copy of its arguments; *frame_address
   becomes the frame address that the function sees. */
void defer_call_last(struct coro *co, void **frame_address);

/* The place in a frame that a recovery returns to; NULL: it is not as it was left. */
const struct coro_point *defer_point(const struct coro *co, const struct coro_frame *frame,
	uintptr_t pc);

/* What frames below this address had is forgotten: they are gone. */
void defer_forget_below(struct coro *co, const void *address);

/* What is left when its function has returned: of frames whose end nobody told. */
void defer_end(struct coro *co);

/* Of a coroutine that has no record. */
void defer_free_chunks(struct coro *co);

#endif
