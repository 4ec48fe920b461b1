/*
 * heap/magazine.h - moving objects between a magazine and its pool.
 *
 * WHY        A magazine holds as much as its use has shown to be worth: it
 *            doubles when it runs empty or full, within a budget a thread,
 *            and what lies in it unused goes back to the pool.
 *
 * LOCKING    By the cache's owner.  Each takes the class's lock.
 */
#ifndef HEAP_MAGAZINE_H
#define HEAP_MAGAZINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/cache.h"

/* Fills half of an empty magazine.  False if the OS refuses. */
bool magazine_fill(struct cache *cache, uint32_t class);

/* Makes room in a full one.  `caller` is named if an object was freed twice. */
void magazine_make_room(struct cache *cache, uint32_t class, const void *caller);

/* Takes one object of a span that drains straight home.  True: it is time for
   heap_tick(). */
bool magazine_pass_home(struct cache *cache, uint32_t class, void *object, const void *caller);

/* Looks at one class, the next in turn: gives back all its objects if nothing
   happened to it since the last look. */
void magazine_decay_next(struct cache *cache);

/* Gives back every object of one class. */
void magazine_empty(struct cache *cache, uint32_t class);

/* The same, and says what was done, for the last time: its thread ends.  The next one's is
   as small as the first one's was. */
void magazine_close(struct cache *cache, uint32_t class);

/* Notes what a request asked for, to estimate what rounding up costs. */
void magazine_sample(struct cache *cache, uint32_t class, size_t bytes);

#endif
