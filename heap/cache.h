/*
 * heap/cache.h - what one thread holds: a magazine per size class, and what
 * it has done.
 *
 * WHY        An allocation that finds an object in its thread's magazine
 *            touches nothing that is shared: one subtraction moves the
 *            magazine's top and its countdown, which is all that is counted.
 *
 * INVARIANT  For every class of every cache
 *                bottom <= top <= limit <= bottom + capacity
 *                nmalloc       == armed - until              (cache_nmalloc)
 *                live          == net - (top - bottom)       (signed)
 *                nfree         == nmalloc - live
 *            net is what the cache took from the pool less what it gave.
 *            The slot `bottom` of each magazine is NULL: by it malloc knows an
 *            empty one, and the check for a double free reads no neighbour's
 *            pointer.  A magazine that is all zero has no room, and for that slot
 *            the cache's first word, which is such a magazine, class 0's: both paths
 *            then go the slow way by themselves.  So are CLASS_MAP_TINY's, all of
 *            cache_none, and those of the hinted classes until the thread first
 *            needs one (cache_open_hinted).
 *
 * OWNERSHIP  A cache is a slot: the thread that attached it owns it until it
 *            detaches, then the next thread does.  Its figures go on: a slot's
 *            sums are those of all its threads, so that nothing has to be
 *            moved when a thread ends and a reader never misses or doubles
 *            any.  base holds the sums when the present thread came.
 *
 * LOCKING    Written by the owner; net and the magazine together under the
 *            class's lock.  Readers (dumps, other threads) take none: while
 *            `sequence` is odd, busy_class's figures stand in busy_*.
 *            Attach and detach: the registry's lock.
 */
#ifndef HEAP_CACHE_H
#define HEAP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/lock.h"
#include "heap/size_class.h"

enum {
	CACHE_MAX = 65536, /* threads at one time */
	CACHE_SHARED = 0,  /* the slot of those that have none of their own */
	CACHE_FREED_LAST = 4
};

enum cache_state {
	CACHE_NEVER = 0,
	CACHE_LIVE = 1,
	CACHE_ENDED = 2
};

/* The sums of a slot at one moment. */
struct cache_sums {
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t total_alloc;
	int64_t alloc;
};

/*
 * The pointers at hand are the cache's slots bottom + 1 ... top: a slot's number
 * is its place behind the cache's own address, in pointers.  top and until are
 * one word, so that one instruction pops an object and counts it, and a reader
 * sees both or neither.
 */
struct magazine {
	union {
		uint32_t word;
		struct {
			uint16_t top;
			int16_t until; /* mallocs to the next event, -1: now */
		};
	};
	uint16_t bottom;
	uint16_t limit;
};

enum { MAGAZINE_UNTIL_SHIFT = 16 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "top is the word's low half");

/* What a thread did with one class, beside its magazine. */
struct cache_class {
	uint64_t armed;
	int64_t net;
	uint64_t sampled_count;  /* not yet handed to the pool */
	uint64_t sampled_bytes;
	uint64_t decay_nmalloc;  /* when last looked at */
	uint64_t sample_at;      /* the malloc that is the next sample; 0: not drawn */
	uint64_t row_generation; /* of the box's part (stats/box.h) */
	float sample_rate;       /* that sample_at was drawn at, in bytes */
	uint16_t decay_top;
};

/* How often this thread's allocations are looked at: heap/sample.h. */
struct cache_sampling {
	float large_rate;        /* that this was drawn at: */
	double large_left_bytes; /* up to the next large sample; 0: not drawn */
	double weight;           /* of the one that is being taken */
	const void *home;        /* where that would be else; NULL: where it is */
};

union record;

/* The block that a thread cuts up at the moment (tinyalloc/tiny.c). */
struct tiny_block {
	char *start;
	union record *record;    /* tinyalloc/record.h */
	uint32_t at;             /* what is left begins at this byte; 0: no block */
};

struct cache {
	struct magazine magazines[SIZE_CLASS_COUNT + 1]; /* of CLASS_MAP_TINY too */
	struct tiny_block tiny;
	struct tiny_block tiny_collectable;
	uint32_t tiny_is_changing;   /* the latter, at this moment */
	size_t fitted_max_bytes;     /* those up to it go by size_class_fitted; 0: none yet */
	uint64_t tiny_nmalloc;       /* objects below TINY_BLOCK_BYTES, combined */
	uint64_t tiny_nfree;

	uint32_t sequence;
	uint32_t busy_class;
	uint64_t busy_nmalloc;
	int64_t busy_live;

	uint64_t large_nmalloc;
	uint64_t large_nfree;
	uint64_t large_alloc_bytes;
	uint64_t large_free_bytes;
	uint64_t nlookup;
	struct cache_sums base;

	uint32_t index;
	int32_t tid;
	int32_t state;               /* enum cache_state */
	uint32_t next_ended;         /* free list of slots, 0 ends it */
	uintptr_t stack_address;
	char name[16];

	uint64_t random;             /* never 0 */
	struct cache_sampling sampling;
	uint32_t haste;              /* the next countdown's length; 0: as usual */
	uint64_t hastened_ns;
	uint64_t given_bytes;        /* to pools and page heap since then */
	size_t grown_bytes;          /* what the magazines have room for beyond their first */
	uint32_t decay_class;        /* the next that is looked at for decay */
	uint32_t passed_count;       /* objects of spans that drain */
	uint32_t class_end;          /* classes from here on it never touched */
	uint32_t taken;              /* 1 + the first page of a large object on its way to the program */
	bool fill_is_zero;           /* of the last fill (central.h: taken_is_zero) */
	void *sampled;               /* what is a sample and about to be told; never read */
	void *stacks;                /* check/stack.c's; of whoever has the slot */
	uint32_t freed_last[CACHE_FREED_LAST]; /* check/small.c's, in turn */
	uint32_t freed_count;

	bool is_published;           /* it has a slot of the box */
	uint64_t thread_generation;  /* of the slot's part (stats/box.h) */

	/* Last: those of the hinted classes most threads never touch. */
	struct cache_class classes[SIZE_CLASS_COUNT];
};

/* This thread's cache; cache_none before it has one and after it gave it up. */
extern HIDDEN THREAD_LOCAL struct cache *cache_own;

/* The same as the fast path sees it: always cache_none in a process of which each call is to
   take the slow path (heap/checks.h). */
extern HIDDEN THREAD_LOCAL struct cache *cache_self;
extern HIDDEN struct cache cache_none; /* all zero, never written */

/* Slots that were ever used are 0 ... cache_count() - 1. */
uint32_t cache_count(void);
uint32_t cache_live_count(void);
struct cache *cache_at(uint32_t index);

void cache_init(void);

/* Gives the calling thread a cache.  False if there is no memory for one, or
   the thread is at its end: it then goes by cache_shared_lock(). */
bool cache_attach(void);

/* From now on the fast path finds nobody's cache. */
void cache_hide(void);

/* Of the calling thread each new object is told (heap_hooks.allocated), or no longer: its fast
   path finds nobody's cache meanwhile. */
void cache_tell(bool is_told);

extern HIDDEN THREAD_LOCAL bool cache_is_told;

void *cache_told_slow(void *object) COLD;

/* Returns the object; it may be NULL.  Of objects of no bytes nothing is told. */
static inline void *cache_told(void *object)
{
	return LIKELY(!cache_is_told) ? object : cache_told_slow(object);
}

/* Ends the calling thread's use of its cache: its objects go to the pools. */
void cache_detach(void);

/* Gives a cache its magazines of the hinted classes.  False if there is no memory. */
bool cache_open_hinted(struct cache *cache);

/* The cache that stands in for those without one, its lock held; NULL, and
   not held, if there is none yet. */
struct cache *cache_shared_lock(void) UNCHECKED_LOCKING;
void cache_shared_unlock(void) UNCHECKED_LOCKING;

/* In the child of a fork: the caches of threads that it does not have. */
void cache_abandon_others(void);

/* The same where nobody prepared the fork (heap/recover.h): somebody may have been mapping
   or opening a cache, or changing the shared one. */
void cache_recover_others(bool slots_are_unfinished, bool shared_is_unfinished);

/* Of a class so many objects are out: those that no cache knows of become one's. */
void cache_own_lost(uint32_t class, uint64_t out_objects);

extern struct lock cache_registry_lock;
extern struct lock cache_shared_mutex;

/* How many objects a magazine may grow to, and starts with. */
uint32_t cache_most_objects(uint32_t class);
uint32_t cache_first_objects(uint32_t class);

static ALWAYS_INLINE void **cache_slots(struct cache *cache)
{
	return (void **)cache;
}

/* How many objects lie below `top`; none in one that is being opened. */
static inline uint32_t magazine_held(const struct magazine *magazine, uint16_t top)
{
	uint16_t bottom = word_load(&magazine->bottom);

	return top > bottom ? (uint32_t)top - bottom : 0;
}

static inline uint32_t cache_held(const struct cache *cache, uint32_t class)
{
	const struct magazine *magazine = &cache->magazines[class];

	return magazine_held(magazine, __atomic_load_n(&magazine->top, __ATOMIC_ACQUIRE));
}

static inline uint64_t cache_random(struct cache *cache)
{
	uint64_t x = cache->random; /* xorshift64, Marsaglia 2003 */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return cache->random = x;
}

/* Else it has no room, and never gets any without cache_open_hinted(). */
static inline bool cache_has_magazine(const struct cache *cache, uint32_t class)
{
	return cache->magazines[class].bottom != 0;
}

static inline uint64_t cache_nmalloc(const struct cache *cache, uint32_t class)
{
	return cache->classes[class].armed - (uint64_t)(int64_t)cache->magazines[class].until;
}

/* So many objects and mallocs to come more; by the owner, in one step. */
static inline void magazine_add(struct magazine *magazine, int32_t objects, int32_t until)
{
	uint32_t more = (uint32_t)objects + ((uint32_t)until << MAGAZINE_UNTIL_SHIFT);

	word_store(&magazine->word, magazine->word + more);
}

/* From CACHE_LIVE on its thread's name and number are there. */
static inline int32_t cache_state(const struct cache *cache)
{
	return __atomic_load_n(&cache->state, __ATOMIC_ACQUIRE);
}

/* Readers look at no class from here on. */
static inline uint32_t cache_class_end(const struct cache *cache)
{
	return __atomic_load_n(&cache->class_end, __ATOMIC_ACQUIRE);
}

/* Whether a class of this cache has figures that are not all 0. */
static inline bool cache_is_used(const struct cache *cache, uint32_t class)
{
	return word_load(&cache->classes[class].armed) != 0 || cache_held(cache, class) != 0 ||
		word_load(&cache->classes[class].net) != 0;
}

/* A reader that interrupts, or another thread, sees busy_* in between. */
void cache_change_begin(struct cache *cache, uint32_t class);
void cache_change_end(struct cache *cache);

/* For a cache whose thread is no more, a fork's child being without it: it may
   have been setting its countdown, or about to take what it had popped.  (The other
   changes are made under the pools' locks, which whoever forks holds.) */
void cache_change_undo(struct cache *cache);

/* One class of one cache, read by anybody at any time. */
struct cache_row {
	uint64_t nmalloc;
	int64_t live_objects;
	uint64_t held_objects;
};

struct cache_row cache_read_row(const struct cache *cache, uint32_t class);
struct cache_sums cache_read_sums(const struct cache *cache);

/* The same of a slot that no thread has: nobody changes it, and its magazines are empty. */
struct cache_sums cache_ended_sums(const struct cache *cache);

#endif
