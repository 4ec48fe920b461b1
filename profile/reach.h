/*
 * profile/reach.h - which objects can be reached.
 *
 * WHY        An object to which no pointer leads is lost to the program, whether
 *            somebody collects it or reports it as leaked.
 *
 * RULE       Conservative: whatever word looks like an address within a live object is
 *            a pointer to it.  Looked at are the roots - all private memory that may be
 *            written but the heap's own, each thread's stack from its stack pointer on,
 *            registers with it, other stacks as profile/stack_roots.h has it - and what is live in the heap and may hold pointers:
 *            of objects that may be collected only those that were reached; where
 *            leaks are sought (REACH_ALL) of all objects.  Words are aligned to 8.
 *            Objects that were hinted to hold no pointers are not looked into.
 *            What a finalizer may see is reached: all that its object leads to.
 *
 * PLACE      In a copy of the process (profile/world.h) which nobody else changes:
 *            bitmaps of the heap are written to as is convenient, and no lock is taken.
 *            (The idea of marking in a forked snapshot: Rafkind and others, "Precise
 *            garbage collection for C", ISMM 2009.)
 */
#ifndef PROFILE_REACH_H
#define PROFILE_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/span.h"

enum reach_mode {
	REACH_COLLECTABLE, /* what is not collectable is a root */
	REACH_ALL
};

/* Marks.  False if there is no memory for it. */
bool reach_mark(enum reach_mode mode);

/* Calls `report` for each live object that was not reached; in REACH_COLLECTABLE of
   those that may be collected only.  Of tiny blocks, the block. */
void reach_lost(void (*report)(const struct span *span, void *object, void *arg), void *arg);

/* Objects there are to report of, at most.  Under the heap's locks. */
uint64_t reach_collectable_most(void);

#endif
