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

enum special_kind { SPECIAL_FREE = 0, SPECIAL_FINALIZER, SPECIAL_SAMPLE };

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
	};
};

_Static_assert(sizeof(struct special) == 32, "two a cache line");

extern struct lock special_pool_lock;

/* 0: there is no memory for one. */
uint32_t special_new(void);
void special_delete(uint32_t number);

struct special *special_at(uint32_t number);

#endif
