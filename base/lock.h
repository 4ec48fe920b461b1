/*
 * base/lock.h - the locks of the allocator and the order they are taken in.
 *
 * WHY        Locks must work before libc is ready, in a forked child and in
 *            16 bytes: a word that the kernel's futex waits on.
 *
 * INVARIANT  A thread takes locks in rising rank only.  Debug builds assert
 *            it, so that a wrong order is found by a test with one thread.
 *            What a thread holds is on its list, from before it has it until after.
 *
 * LOCKING    fork: whoever forks holds every lock (preload/fork.c), so the
 *            child finds what they guard in order and releases them itself.
 *            Signal handlers take none.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum lock_rank {
	LOCK_RANK_NONE = 0,
	LOCK_RANK_BOX,      /* making, moving and removing the box */
	LOCK_RANK_REGISTRY, /* the table of thread caches */
	LOCK_RANK_SHARED,   /* the cache of threads that have none */
	LOCK_RANK_RELEASE,  /* giving memory back; others only try it */
	LOCK_RANK_CENTRAL,  /* one a size class; fork takes them by class */
	LOCK_RANK_PAGES,    /* the page heap and its tables */
	LOCK_RANK_SPECIAL,  /* the records of specials */
	LOCK_RANK_SITES,    /* call sites, their frames and objects */
	LOCK_RANK_EVENT     /* the event log of the box */
};

struct CAPABILITY("lock") lock {
	uint32_t state; /* enum lock_state of base/lock.c */
	uint32_t rank;
};

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_acquire(struct lock *lock) ACQUIRES(lock);
bool lock_try(struct lock *lock) TRY_ACQUIRES(true, lock);
void lock_release(struct lock *lock) RELEASES(lock);

/* Whether anybody holds it, at this moment. */
bool lock_is_held(const struct lock *lock);

/* Returns when somebody saw it free. */
void lock_await(const struct lock *lock);

/* In a child of fork: free, whoever held it. */
void lock_reset(struct lock *lock);

/* Whether this thread holds any, or is about to take one: a handler's thread, that it
   interrupted somebody who does. */
bool lock_is_any_mine(void);

/* Gives back all that this thread holds: it has found what it must not go on with. */
void lock_release_mine(void);

#endif
