/*
 * heap/draining.h - spans that are to become empty.
 *
 * WHY        The object freed last is the next one handed out: quick, but a heap
 *            that has shrunk at random stays spread as thinly as it was, because
 *            every hole is filled again.  A span that drains is offered to
 *            nobody.  Its bytes in the class map are 0, so that a free of one of
 *            its objects takes the slow path and brings the object home at once;
 *            what is allocated meanwhile comes from fuller spans.  As its objects
 *            die the pages go back, and at last the span.
 *
 * RULE       In every interval, for each class: if more is free in its spans than
 *            a quarter of what is out, the sparsest spans, a quarter free or more,
 *            begin to drain, until an eighth is left.  When nothing else is free
 *            a draining span is taken back before a new one is made.
 *
 * INVARIANT  span->list == SPAN_DRAINING exactly when the span is in the
 *            class's draining list; then its bytes in the class map are 0, and
 *            draining_free of the class counts its free objects.
 *
 * LOCKING    The class's lock.  The class map is read without it: who read the
 *            old byte puts the object into a magazine, as ever.
 */
#ifndef HEAP_DRAINING_H
#define HEAP_DRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/central.h"
#include "heap/span.h"

/* Whether there is so much free that it is worth looking at; asked without the
   lock. */
bool draining_is_due(uint32_t class);

/* Picks spans, some thousands at a time. */
void draining_begin(uint32_t class) REQUIRES(centrals[class].lock);

/* Takes one back, whose objects may be handed out again; NULL if none drains. */
struct span *draining_end_one(struct central *central);

/* The span has no live object any more. */
void draining_forget(struct central *central, struct span *span);

#endif
