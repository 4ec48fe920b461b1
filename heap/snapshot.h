/*
 * heap/snapshot.h - the heap's figures for whoever asks from inside: the
 * public snapshot, and the source that reports are written from.
 *
 * WHY        A full collection of the statistics: it visits every thread and
 *            every class, by relaxed loads, without a lock.
 */
#ifndef HEAP_SNAPSHOT_H
#define HEAP_SNAPSHOT_H

#include <stdbool.h>

#include "include/mstat.h"
#include "stats/source.h"

extern struct source heap_source; /* sites are told by the floor above */

void heap_snapshot(struct mstat_snapshot *out);

/* The thread with this id, 0 for the caller.  False if it has no cache. */
bool heap_thread_snapshot(int tid, struct mstat_thread_snapshot *out);

#endif
