/*
 * heap/central.h - free objects that no thread holds, one pool per size class.
 *
 * WHY        Threads allocate from their magazines without a lock.  Objects
 *            move between a magazine and the pool by the batch, so the lock is
 *            paid once per batch.  In front of the pool stands a stack of
 *            pointers: what one thread gives, another takes without anybody
 *            touching the objects.  Behind it stand the spans, fullest first,
 *            so that sparse ones drain and go back whole.
 *
 * INVARIANT  For every class, in objects:
 *                objects of all spans == out + stacked + free in spans
 *            (lead_objects are none),
 *            where out are those that threads hold, live or in magazines.
 *            Magazines change under the lock when objects move, so that a
 *            fork, which holds it, never finds one in flight.
 *
 * LOCKING    One lock a class, rank CENTRAL, taken by central_lock(); the page
 *            heap's may be taken under it.  Whoever forks holds them all by
 *            one word, the gate: to write each would copy all of their pages,
 *            in the parent and again in the child.
 */
#ifndef HEAP_CENTRAL_H
#define HEAP_CENTRAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "heap/size_class.h"
#include "heap/page_heap.h"
#include "heap/span.h"

enum {
	CENTRAL_FULLNESS_LISTS = 8
};

struct central {
	struct lock lock;
	uint32_t stacked_count;
	uint32_t stacked_low;     /* the fewest since the last drain */
	uint32_t stack_capacity;
	uint32_t stack_room;      /* as much of it as is of use now */
	bool stack_was_used;      /* taken from since it was last too full */
	bool taken_is_zero;       /* what was taken last: a whole span, of zero pages */
	uint64_t span_count;
	uint64_t out_objects;
	uint64_t released_bytes;  /* of spans: pages given back (heap/cooling.h) */
	uint64_t sampled_objects; /* requests whose size was looked at */
	uint64_t sampled_bytes;
	uint64_t draining_free;   /* free objects of spans that drain */
	struct span *draining;
	struct span *partial[CENTRAL_FULLNESS_LISTS]; /* fullest first */
	struct span *apart[SPAN_USES]; /* heap/apart.h: those with a free object */
	uint64_t span_objects;    /* that all spans have room for, lead_objects too */
	uint64_t span_pages;
	uint64_t lead_objects;    /* of all spans: nobody's (heap/checks.h) */
	uint32_t cooling_first;   /* the queue of heap/cooling.h */
	uint32_t cooling_last;
	void **stack;             /* room for stack_capacity pointers */
} __attribute__((aligned(64)));

extern HIDDEN struct central centrals[SIZE_CLASS_COUNT];

void central_init(void);

/* The pools of the hinted classes, before the first use of one.  Whoever closes the
   gate later than that waits for their locks too. */
void central_init_hinted(void) REQUIRES(page_heap_lock);

/* Nobody else holds or takes a class's lock from here to there.  For a thread
   that holds the registry's lock and the shared cache's, lest one who waits at
   the gate has one of them. */
void central_gate_close(void);
void central_gate_open(void);

/* In a child of fork: open, and all locks free.  Somebody may have held one for
   the moment that it takes to see that the gate is closed. */
void central_gate_reset(void);

extern HIDDEN uint32_t central_gate;
void central_gate_wait(uint32_t class) REQUIRES(centrals[class].lock);

static inline void central_lock(uint32_t class) ACQUIRES(centrals[class].lock)
{
	lock_acquire(&centrals[class].lock);
	/* Either we see the gate closed, or its owner sees the lock held. */
	if (UNLIKELY(__atomic_load_n(&central_gate, __ATOMIC_SEQ_CST) != 0))
		central_gate_wait(class);
}

static inline void central_unlock(uint32_t class) RELEASES(centrals[class].lock)
{
	lock_release(&centrals[class].lock);
}

/* The same, but never waits.  False: somebody has it, or it is a fork's. */
bool central_try(uint32_t class) TRY_ACQUIRES(true, centrals[class].lock);

/* Takes up to `want` objects into objects[].  Fewer near exhaustion, none if
   the OS refuses.  Leaves errno alone. */
uint32_t central_take(uint32_t class, void **objects, uint32_t want)
	REQUIRES(centrals[class].lock);

/* Takes objects back; the caller must not read them afterwards.  `caller` is
   the return address to name if one of them was not to be freed. */
void central_give(uint32_t class, void **objects, uint32_t count, const void *caller)
	REQUIRES(centrals[class].lock);

/* Takes back one object of a span that drains: it goes home at once. */
void central_give_home(uint32_t class, void *object, const void *caller)
	REQUIRES(centrals[class].lock);

/* Sends home what lay in the stack since the last drain, unused. */
void central_drain(uint32_t class) REQUIRES(centrals[class].lock);

/* Sends all of it home. */
void central_drain_all(uint32_t class) REQUIRES(centrals[class].lock);

/* Objects that all spans of a class have room for, and pages of them; any thread. */
static inline uint64_t central_span_objects(uint32_t class)
{
	return word_load(&centrals[class].span_objects) - word_load(&centrals[class].lead_objects);
}

static inline uint64_t central_span_pages(uint32_t class)
{
	return word_load(&centrals[class].span_pages);
}

/* A span for this class, in no list yet; NULL if the OS refuses. */
struct span *central_obtain(uint32_t class, enum span_use use) REQUIRES(centrals[class].lock);

/* Whether it is an object of this class that is not home. */
bool central_is_out(uint32_t class, const void *object) REQUIRES(centrals[class].lock);

/* Whether it was one of this class, and is home. */
bool central_is_home(uint32_t class, const void *object) REQUIRES(centrals[class].lock);

/* In a child of a fork that nobody prepared (heap/recover.h).  An object goes home unless
   it is there.  A pool that a thread was changing has nothing at first; then each of its
   spans is counted anew. */
void central_give_if_out(uint32_t class, void *object) REQUIRES(centrals[class].lock);
void central_forget(uint32_t class) REQUIRES(centrals[class].lock);
void central_adopt(struct span *span);

void central_audit(uint32_t class) REQUIRES(centrals[class].lock);

#endif
