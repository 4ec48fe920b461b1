/*
 * heap/hooks.h - what the heap tells the floor above.
 *
 * WHY        The heap notices first that a thread is new or that the process
 *            is another one since a fork that no handler saw, and it has the
 *            slow paths on which somebody may look at the clock.
 *
 * LOCKING    Called with no lock held.  Set once, at start; NULL: nobody asks.
 */
#ifndef HEAP_HOOKS_H
#define HEAP_HOOKS_H

#include <stdbool.h>

struct cache;
struct sample;

struct heap_hooks {
	void (*heap_begins)(void);      /* before its first memory is mapped */
	void (*thread_attached)(void);  /* the calling thread has a cache now */
	bool (*is_same_process)(void);  /* as at start, where the kernel must be asked */
	void (*process_forked)(void);   /* in a child that no fork handler prepared */
	/* A cache's thread is at its end: what it still cuts up.  Orphaned: it is not in this
	   child of a fork, and may have been cutting.  Not NULL once there is such a block. */
	void (*cache_leaves)(struct cache *cache, bool is_orphaned);
	void (*sampled)(const struct sample *sample);
	/* An object that a thread which is told of (cache_tell()) allocated, and does not have
	   yet, or has resized.  An object may be told of twice. */
	void (*allocated)(void *object);
	void (*interval_passed)(void);  /* some tenths of a second, on a slow path */
	void (*limit_passed)(void);     /* the heap has grown to where somebody looks (heap/limit.h) */
};

extern struct heap_hooks heap_hooks;

#endif
