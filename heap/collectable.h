/*
 * heap/collectable.h - objects that the program never frees itself.
 *
 * WHY        Whoever looks for such that cannot be reached any more must find them
 *            all, and must not take another object for one.  They have spans of their
 *            own: what is handed out there is collectable, and nothing else is.  They
 *            come one by one, past the magazines, and a free, the program's too, takes
 *            them home at once, since these spans read class 0 in the class map.
 *
 * INVARIANT  span->list == SPAN_COLLECTABLE exactly when the span is collectable and
 *            has a free object; otherwise it is in no list.  A large one is its span's
 *            only object.
 *
 * LOCKING    The class's lock; of large ones the page heap's.
 */
#ifndef HEAP_COLLECTABLE_H
#define HEAP_COLLECTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/central.h"
#include "heap/span.h"

/* An object of a family (heap/size_class.h), zeroed.  NULL with ENOMEM. */
void *collectable_alloc(size_t bytes, uint32_t family);

/* The same of one small class. */
void *collectable_alloc_class(uint32_t class, size_t bytes);

/* An object left this span, or came home. */
void collectable_relist(struct central *central, struct span *span);

#endif
