/*
 * heap/page_heap.h - runs of pages that nobody uses.
 *
 * WHY        What decides a program's speed and its memory beyond the small
 *            objects is how well large runs are kept and reused: best fit by
 *            size, neighbours joined at once, and what is too much given
 *            back to the OS (heap/release.h).
 *
 * INVARIANT  Two free runs never touch.  For the pages of free runs, and those
 *            that the OS is taking at the moment,
 *                idle == dirty + released + fresh
 *            dirty: memory behind them; fresh: never handed out; released:
 *            handed out once, given back since.  And
 *                mapped == in use + idle.
 *
 * OWNERSHIP  A taken run belongs to the caller, who sets kind; its pages' info
 *            bytes then say DIRTY for what the caller touches.
 *
 * LOCKING    One lock, rank PAGES: page_heap_lock.  Taken under a class's
 *            lock; under it nothing but the event log's.
 */
#ifndef HEAP_PAGE_HEAP_H
#define HEAP_PAGE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "heap/span.h"

enum {
	RUN_EXACT_LISTS = 64, /* one list a length below this many pages */
	RUN_LISTS_PER_DOUBLING = 8,
	RUN_LISTS = RUN_EXACT_LISTS + RUN_LISTS_PER_DOUBLING * 30,
	RUN_LIST_WORDS = (RUN_LISTS + 63) / 64
};

struct page_heap {
	struct span *runs[RUN_LISTS];       /* by length, dirty ones first */
	uint64_t nonempty[RUN_LIST_WORDS];  /* a bit a list */
	size_t inuse_pages;
	size_t dirty_pages;                 /* in free runs */
	size_t fresh_pages;
	size_t large_pages;
	size_t large_objects;
	size_t retired_pages;               /* in use by nobody, and not to be had yet */
	size_t peak_inuse_pages;
	uint64_t out_of_memory_count;
};

extern HIDDEN struct page_heap page_heap;
extern HIDDEN struct lock page_heap_lock;

/*
 * A run of exactly `pages` pages whose first is a multiple of `align_pages` (a
 * power of two).  Grows the arena if need be.  *is_zero: every byte of it
 * reads zero.  NULL when the OS refuses.  Its kind is still SPAN_NONE.
 */
struct span *page_heap_take(size_t pages, size_t align_pages, bool *is_zero)
	REQUIRES(page_heap_lock);

/* Gives back a run, whatever it was. */
void page_heap_give(struct span *span) REQUIRES(page_heap_lock);

/* Makes a run longer where it stands; false if its neighbour is not free. */
bool page_heap_extend(struct span *span, size_t pages) REQUIRES(page_heap_lock);

/* Gives back all but the first `pages` pages of a run. */
void page_heap_trim(struct span *span, size_t pages) REQUIRES(page_heap_lock);

/* Free pages that are in no run for the time that the OS takes them. */
struct page_range {
	size_t first;
	size_t pages;
	size_t dirty; /* of them: with memory */
};

/* Takes pages out of a free run whose memory is to go back: from its end, about
   `want_pages`; whole huge pages only, if nothing else is to be broken up.  False
   if there are none. */
bool page_heap_withdraw(struct span *run, size_t want_pages, bool only_whole_blocks,
	struct page_range *range) REQUIRES(page_heap_lock);

/* They are free as before; is_released: no memory stands behind them now. */
void page_heap_put_back(const struct page_range *range, bool is_released)
	REQUIRES(page_heap_lock);

/* Free runs in the order in which they should lose their memory, the longest
   first: the one after `run`, or the first for NULL; NULL at the end. */
struct span *page_heap_next_dirty(struct span *run) REQUIRES(page_heap_lock);

static inline size_t page_heap_idle_pages(void)
{
	return arena.page_count - arena.hole_pages - page_heap.inuse_pages;
}

/* Walks every free run and compares the invariants above.  Debug builds and
   tests; fatal if they do not hold. */
void page_heap_audit(void) REQUIRES(page_heap_lock);

#endif
