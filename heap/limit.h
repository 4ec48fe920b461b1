/*
 * heap/limit.h - how much memory the heap is to get along with.
 *
 * WHY        A process near the limit of its control group is killed for memory that it
 *            does not use.  Who knows the limits (preload/limit.h) tells the heap here
 *            how much it may have, and is asked again when it has grown by a step: no file
 *            is read while the heap is changed, and none is read at all while it is small.
 *
 * EQUATION   In pages, held == in use + kept (dirty) - cooled, which are those given back
 *            within spans.  With a soft limit s and room == s - (in use - cooled), what may
 *            be kept is
 *                room - s/5 + s/20    while more than a fifth of s is left,
 *                room / 4             from there on: nothing, when nothing is left.
 *            The limit presses when held is above four fifths of s: then huge pages are
 *            broken up, the heap grows by none, and what is free inside spans goes back
 *            without having cooled (heap/cooling.h).
 *
 *            Where addresses are what there is a limit of, what was given back within spans
 *            takes as much of it as before: what counts as held then is all in use, and above
 *            a thirty-second of s new spans are short, since pages are of use to others only when
 *            all of their span is free.
 *
 * LOCKING    The words are set by one thread, whoever looks at the limits, and read without
 *            a lock.  limit_follow() and limit_growth_pages(): the page heap's lock.
 */
#ifndef HEAP_LIMIT_H
#define HEAP_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/lock.h"
#include "heap/page_heap.h"

/* What the heap may have: in pages as held, SIZE_MAX for none. */
struct limit_wish {
	size_t soft_pages;
	size_t look_pages;        /* held so many: heap_hooks.limit_passed is called, once */
	size_t growth_most_pages; /* mapped ahead of need, at one time */
	bool is_of_addresses;
};

void limit_set(const struct limit_wish *wish);

/* With memory behind them, in pages of the heap, as of now. */
size_t limit_held_pages(void);

/* What counts as held, of memory or of addresses. */
size_t limit_counted_pages(bool is_of_addresses);

/* Given back within spans that hold live objects; any thread, and who holds any lock. */
void limit_note_cooled(ptrdiff_t change_bytes);

/* The same, as the classes have it: threads that change it at once, or a fork in between, may
   have left the sum of changes another one. */
size_t limit_count_cooled(void);

/* After pages were taken or freed: whether somebody is to look. */
bool limit_follow(void);

/* Calls the hook if that was so, for a thread that holds no lock. */
void limit_tell(void);

/* Whether there is a soft limit, and it is near. */
bool limit_presses(void);

bool limit_wants_short_spans(void);

/* The most that may be kept. */
size_t limit_keep_pages(void) REQUIRES(page_heap_lock);

/* So much the arena may grow ahead of need. */
size_t limit_growth_bytes(size_t bytes);

/* Gives back at once what can be: what lies in this thread's magazines and in the pools,
   free pages of spans that hold live objects, free runs.  No lock held. */
void limit_return_memory(void);

#endif
