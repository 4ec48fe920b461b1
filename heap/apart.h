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
 * LOCKING    The class's lock.
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

#endif
