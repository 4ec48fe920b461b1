/*
 * check/quarantine.h - large objects that were freed and are not to be had yet.
 *
 * WHY        Who uses what he has freed is found out while its place is nobody else's.  A long
 *            one loses its memory, and nobody may touch its pages: whoever does is stopped at
 *            that.  A shorter one is filled, and looked at when its time has come: two system
 *            calls, and the faults to have the pages back, take longer than that.
 *
 * BOUND      Of those that are filled 1 MiB, of the others 256 MiB of address space, but the
 *            newest one always waits.  With efence:1 none, and none is filled: only where there
 *            is no memory else do those go that have waited the longest.  With check:sample they are check/sampled.c's to bound.
 *
 * LOCKING    None held by the caller; the lists: the page heap's lock.
 */
#ifndef CHECK_QUARANTINE_H
#define CHECK_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span;

/* A retired one (heap/large.h) waits from now on; others may go. */
void quarantine_put(struct span *span);

/* A retired one of so many pages, its object at that offset and of so many bytes, if one
   waits that is filled, and is not the newest; NULL. */
struct span *quarantine_take(size_t pages, size_t offset, size_t bytes);

/* How many wait that are not filled. */
uint32_t quarantine_count(void);

/* The one of them goes that has waited the longest.  False: none waits. */
bool quarantine_drop(void);

/* In a child of a fork that nobody prepared, where somebody may have been changing what waits. */
void quarantine_recover(void);

/* There is no memory: what has waited the longest goes.  False: nothing does. */
bool quarantine_flush(void);

#endif
