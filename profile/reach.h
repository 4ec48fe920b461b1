/*
 * profile/reach.h - which objects can be reached.
 *
 * WHY        An object to which no pointer leads is lost to the program, whether
 *            somebody collects it or reports it as leaked.
 *
 * RULE       Conservative: whatever word looks like an address within a live object is
 *            a pointer to it (profile/mark.h).  What is reached from the roots
 *            (profile/roots.h) is not lost, nor what those objects lead to.  Objects that were hinted
 *            to hold no pointers are not looked into.
 *
 *            Who collects (reach_collectable) takes all objects for roots that may not be
 *            collected, and what a finalizer may see for reached: all that its object leads to.
 *
 *            Who looks for leaks (reach_leaks) asks for more than that, in valgrind's words.  An
 *            object is possibly lost if it is reached, but not without a pointer to
 *            within an object; definitely lost if no object leads to it that is not lost
 *            itself by it alone; else, of what is lost, indirectly.  Of objects that are lost in
 *            a ring, one is lost definitely.
 *
 * PLACE      In a copy of the process (profile/world.h) which nobody else changes:
 *            no lock is taken.
 *            (The idea of marking in a forked snapshot: Rafkind and others, "Precise
 *            garbage collection for C", ISMM 2009.)
 */
#ifndef PROFILE_REACH_H
#define PROFILE_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/span.h"

/* Calls `lost` for each object that may be collected and was not reached; of tiny blocks, for
   the block.  False: there is no memory for it, or not all could be read. */
bool reach_collectable(void (*lost)(void *object, void *arg), void *arg);

/* Objects there are to report of, at most.  Under the heap's locks. */
uint64_t reach_collectable_most(void);

enum reach_grade { REACH_POSSIBLE, REACH_DEFINITE, REACH_INDIRECT, REACH_GRADES };

struct reach_lost {
	const struct span *span;
	char *object;
	enum reach_grade grade;
	uint64_t behind_objects; /* of one that is lost definitely: what is lost by it */
	uint64_t behind_bytes;
};

/* Calls `lost` for each object that is; objects that may be collected are not lost, and neither is
   what they lead to.  False as above. */
bool reach_leaks(void (*lost)(const struct reach_lost *lost, void *arg), void *arg);

/* Live objects, and what they were asked for with, or what they take, as
   reach_object_bytes(); a tiny block is one. */
struct reach_sum {
	uint64_t objects;
	uint64_t bytes;
};

/* Of all live ones, once reach_leaks() has returned. */
struct reach_sum reach_live(void);

/* What was asked for, if that is known of each object; else what it may use. */
uint64_t reach_object_bytes(const struct span *span, const void *object);

#endif
