/*
 * heap/publish.h - from the heap's counters to the books.
 *
 * WHY        Every figure that a reader outside sees passes through here, each
 *            at the moment when it changed and under the lock that guards it.
 *
 * LOCKING    Each function says what it requires; none takes a lock.
 */
#ifndef HEAP_PUBLISH_H
#define HEAP_PUBLISH_H

#include <stdint.h>

#include "base/compiler.h"
#include "heap/central.h"
#include "heap/page_heap.h"
#include "stats/box_layout.h"

struct cache;

/* The page heap's figures. */
void publish_totals(void) REQUIRES(page_heap_lock);

/* Notes a peak now, however high it is; all zero without a box. */
struct box_peak publish_peak_now(void);

/* How many peaks of the heap were noted (struct box_peak); any thread. */
uint64_t publish_peak_count(void);

/* One class's pool. */
void publish_class(uint32_t class) REQUIRES(centrals[class].lock);

/* The same, after objects came or went: each time that spans did, else now and then.
   Readers have what lies in magazines from the threads' caches; only where those
   cannot be read is it what the pool says to be out. */
void publish_batch(uint32_t class) REQUIRES(centrals[class].lock);

/* One thread's row of a class; the thread itself, or who holds its cache. */
void publish_row(struct cache *cache, uint32_t class);

/* One thread's name, state and large objects. */
void publish_thread(struct cache *cache);

/* Everything of every thread, for a box that was made late. */
void publish_all(void);

/* Where a reader finds a cache's words: fills in the fields of the identity
   that are about the heap. */
void publish_layout(struct box_identity *identity);

#endif
