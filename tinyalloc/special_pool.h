/*
 * tinyalloc/special_pool.h - the records of specials, and those that are free.
 *
 * WHY        A span has four bytes for its specials: records go by number.  They 
 *            never move (base/table.h).
 *
 * LOCKING    special_at() none; the others the pool's own lock.
 */
#ifndef TINYALLOC_SPECIAL_POOL_H
#define TINYALLOC_SPECIAL_POOL_H

#include <stdint.h>

#include "base/lock.h"
#include "tinyalloc/special.h"

/* In this order at one offset. */
enum special_kind { SPECIAL_FREE = 0, SPECIAL_TAGGED, SPECIAL_FINALIZER, SPECIAL_SAMPLE };

struct special {
	uint32_t offset; /* in its span, in bytes: of a large object, which it is at the begin of, 0 */
	uint32_t home;   /* of a sample: special_set_sample() */
	uint32_t next;   /* by offset, then kind, or a free one; 0: the last */
	uint32_t kind;   /* enum special_kind */
	union {
		struct {
			finalizer_fn *finalizer;
			void *arg;
		};
		struct special_sample sample;
		struct { /* of a whole span (tinyalloc/tagged.h), at its begin */
			uint16_t *tags;        /* by its objects; NULL: it has one, a large one */
			uint32_t tagged_count;
			uint16_t tag;          /* that one's */
			uint16_t array_log2;   /* how many bytes it has */
		};
	};
};

_Static_assert(sizeof(struct special) == 32, "two a cache line");

extern struct lock special_pool_lock;

/* 0: there is no memory for one. */
uint32_t special_new(void);
void special_delete(uint32_t number);

struct special *special_at(uint32_t number);

/* Words that are 0, and are so again when they are given back: of 2^log2 bytes, from 64 to
   what an array for the most objects of a span takes.  NULL: there is no memory. */
uint32_t special_array_log2(size_t bytes);
void *special_array_new(uint32_t log2);
void special_array_delete(void *array, uint32_t log2);

#endif
