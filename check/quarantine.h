/*
 * check/quarantine.h - large objects that were freed and are not to be had yet.
 *
 * WHY        Who uses what he has freed is found out while its place is nobody else's.  A long
 *            one loses its memory, and nobody may touch its pages: whoever does is stopped at
 *            that.  A shorter one is filled, and looked at when its time has come: two system
 *            calls, and the faults to have the pages back, take longer than that.
 *
 * BOUND      Of those that are filled 1 MiB, of the others 256 MiB of address space, but the
 *            newest one always waits.
 *
 * LOCKING    None held by the caller; the lists: the page heap's lock.
 */
#ifndef CHECK_QUARANTINE_H
#define CHECK_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

struct span;

/* A retired one (heap/large.h) waits from now on; others may go. */
void quarantine_put(struct span *span);

/* A retired one of so many pages, its object at that offset and of so many bytes, if one
   waits that is filled, and is not the newest; NULL. */
struct span *quarantine_take(size_t pages, size_t offset, size_t bytes);

/* There is no memory: all that waits goes.  False: nothing did. */
bool quarantine_flush(void);

#endif
