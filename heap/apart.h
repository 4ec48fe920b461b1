/*
 * heap/apart.h - spans whose objects come and go one by one, past the magazines.
 *
 * WHY        Some objects are not as the others: those that the program never frees
 *            itself (heap/collectable.h), and samples (heap/sample.h).  In spans of their
 *            own, which read class 0 in the class map, a free of one takes the slow path,
 *            and nobody else's does.
 *
 * INVARIANT  span->list == SPAN_APART exactly when the span is apart and has a free
 *            object; otherwise it is in no list.  An object's span is of its kind for good.
 *
 * LOCKING    The class's lock.  How many stay is counted over all classes, atomically.
 */
#ifndef HEAP_APART_H
#define HEAP_APART_H

#include <stdint.h>

#include "heap/central.h"
#include "heap/span.h"

/* An object of a class, out from now on; NULL if the OS refuses. */
void *apart_take(uint32_t class, enum span_use use) REQUIRES(centrals[class].lock);

/* An object left this span, or came home. */
void apart_relist(struct central *central, struct span *span);

/* Whether a span whose last object came home stays: a few of samples do, where it is the
   only one of its class with room.  The next sample is there, and whoever frees the last
   one once more is found out. */
bool apart_keep(const struct central *central, const struct span *span);

/* One that stayed is given up after all. */
void apart_unkeep(void);

/* How many stay, from all small spans anew: in a child of a fork that nobody prepared. */
void apart_recount_begin(void);
void apart_recount(const struct span *span);

#endif
