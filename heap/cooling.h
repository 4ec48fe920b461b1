/*
 * heap/cooling.h - giving back the free pages inside spans that still hold
 * live objects.
 *
 * WHY        After a program frees most of a heap at random, nearly no span is
 *            empty, but most pages in them are.  The bitmap of what is home
 *            lies apart from the objects, so such a page can go back to the
 *            OS and read zero when it is next carved into objects.
 *
 * RULE       A span into which an object came home queues up.  When an
 *            interval has passed in which nothing came or went, its wholly
 *            free pages go back.  Pages of spans in use stay.  A span that is
 *            looked at too early goes to the queue's end.  While a limit presses
 *            (heap/limit.h) nothing is too early.
 *
 * INVARIANT  A span's released bit is set for an OS page of which every object
 *            is free and that was given back since; handing an object out
 *            clears the bits of its pages.  released_pages of the class is the
 *            number of bits set in its spans.
 *
 * LOCKING    The class's lock.
 */
#ifndef HEAP_COOLING_H
#define HEAP_COOLING_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/central.h"
#include "heap/span.h"

/* Spans that one call looks at: a millisecond or two, under the class's lock. */
enum { COOLING_LOOKS = 8192 };

/* An object came home, or left. */
void cooling_touch(struct central *central, struct span *span, bool came_home);

/* Objects were handed out: the pages under them are used again. */
void cooling_reuse(struct central *central, struct span *span, void *const *objects,
	uint32_t count);

/* The span goes back to the page heap: off the queue, its released pages
   marked as having no memory. */
void cooling_forget(struct central *central, struct span *span);

/* OS pages of the span that were given back. */
uint32_t cooling_released_units(const struct span *span);

/* Begins the next interval, for all classes. */
void cooling_advance(void);

/* Gives back the pages of spans that have cooled, at most `span_budget` of
   them; goes on where the last call stopped.  Returns how many spans it gave
   back pages of. */
uint32_t cooling_release(uint32_t class, uint32_t span_budget)
	REQUIRES(centrals[class].lock);

#endif
