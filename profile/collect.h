/*
 * profile/collect.h - taking away what the program cannot reach any more.
 *
 * WHY        Objects that the program never frees itself (MSTAT_COLLECTABLE) are found
 *            out to be lost in a copy of the process, and freed here.
 *
 * RULE       An object that was not reached and has no finalizer is freed.  One that has
 *            is finalized, and freed by a later collection that still does not reach
 *            it: its finalizer may have made it known again.  Of a tiny block all or
 *            nothing.  What was allocated since the copy was made counts as reached.
 */
#ifndef PROFILE_COLLECT_H
#define PROFILE_COLLECT_H

#include <stdint.h>

/* 0, and *count is the objects that were freed or finalized; or an errno: EBUSY, another
   thread collects, and as world_copy(). */
int collect_now(uint64_t *count);

/* In a child of a fork, whoever collected is not there. */
void collect_forget(void);

#endif
