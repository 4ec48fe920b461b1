/*
 * heap/walk.h - which objects are live, found out from outside the fast path.
 *
 * WHY        Nothing is written when an object is handed out or freed but a pointer
 *            in some thread's magazine.  Whoever must know asks all who could have
 *            it: an object that was carved and that nobody has is the program's.
 *
 * LOCKING    The class's lock.  Threads go on meanwhile: of an object that is not
 *            allocated or freed at the moment the answer is exact.
 */
#ifndef HEAP_WALK_H
#define HEAP_WALK_H

#include <stdbool.h>

#include "heap/central.h"
#include "heap/span.h"

/* Whether the object that begins here is the program's. */
bool walk_is_live(const struct span *span, const void *object);

#endif
