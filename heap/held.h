/*
 * heap/held.h - a look at all that magazines and pools hold.
 *
 * WHY        free() looks at no span: what was freed twice, or is an address inside an
 *            object, lies in a magazine with all else until it goes home.  A process
 *            that ends before that would seem to end well, so it looks once more.
 *
 * INVARIANT  Nothing is written that the heap reads: in a child of a fork no page of it
 *            is copied for this.
 *
 * LOCKING    A class at a time, its lock held: meanwhile nothing of it goes home or comes
 *            from there, and what other threads hold they can but hand out or be
 *            given.  What is read of a magazine counts if its word and the cache's
 *            sequence are the same before and after: each malloc changes the one, each
 *            slow path the other.  Locks are only tried, and what does not hold still
 *            is passed over: whoever calls exit() may do so from a signal handler.
 */
#ifndef HEAP_HELD_H
#define HEAP_HELD_H

#include <stdbool.h>

/* The first object found that is held twice, or is at home, or is none: it was freed twice,
   or is an address inside one.  NULL if there is none.  Of classes of which nothing was
   freed nothing is looked at. */
const void *held_find_misused(bool *is_freed_twice);

/* In a child of a fork: what was freed before is the parent's to look at. */
void held_fork_child(void);

#endif
