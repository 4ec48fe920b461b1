/*
 * check/record.h - what is known of each object: whether it lives, what was asked for, who
 * asked and who freed it.
 *
 * WHY        A bitmap says whether an object is home, the size class what it may use.  Who
 *            checks what a program does needs more, and needs it where no overrun of an
 *            object reaches: 16 bytes an object, in arrays of their own, one a span.
 *
 * INVARIANT  A record is fresh until its object is handed out for the first time in the span's
 *            life, and again when its memory was given back.  live -> leaving -> freed
 *            -> live is all that becomes of it otherwise; one thread makes it leave.
 *
 * OWNERSHIP  An array goes with its pages: the next span there of the same number of objects
 *            has it, any other gives it back to the pool.
 *
 * LOCKING    Arrays: the page heap's lock.  A record: who has the object.
 */
#ifndef CHECK_RECORD_H
#define CHECK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/page_heap.h"
#include "heap/span.h"

enum record_state {
	RECORD_FRESH = 0,
	RECORD_LIVE = 1,
	RECORD_LEAVING = 2,
	RECORD_FREED = 3
};

enum {
	RECORD_TID_BITS = 22,   /* as many threads as the kernel numbers */
	RECORD_SLACK_BITS = 16  /* what a small object leaves of its slot */
};

struct object_record {
	union {
		struct object_record *next; /* of an array that nobody has: the next such */
		uint64_t word;
		struct {
			uint64_t state : 2;
			uint64_t slack : RECORD_SLACK_BITS; /* of small ones */
			uint64_t allocated_by : RECORD_TID_BITS;
			uint64_t freed_by : RECORD_TID_BITS; /* of one that is freed */
		};
		struct {
			uint64_t : 2 + RECORD_SLACK_BITS + RECORD_TID_BITS;
			uint64_t align_log2 : RECORD_TID_BITS; /* of any other: record_align_of() */
		};
	};
	uint32_t allocated_at; /* numbers of check/stack.h */
	uint32_t freed_at;
};

_Static_assert(sizeof(struct object_record) == 16, "four a cache line");

/* An alignment that was asked for; all that every object has anyway are one. */
static inline unsigned record_align_of(size_t align_bytes)
{
	return align_bytes > 1 << OBJECT_ALIGN_SHIFT ? (unsigned)bits_log2(align_bytes) : 0;
}

enum {
	RECORD_CHUNK_SHIFT = 13, /* pages a chunk of the map: 128 KiB of it, 64 MiB of heap */
	RECORD_CHUNK_PAGES = 1 << RECORD_CHUNK_SHIFT,
	RECORD_CHUNKS = 1 << 16  /* 4 TiB of heap */
};

/* By the number of a span's first page. */
struct record_place {
	struct object_record *records;
	uint16_t length; /* its logarithm */
	uint16_t class;
};

extern HIDDEN struct record_place *record_chunks[RECORD_CHUNKS];

static inline struct record_place *record_place_at(size_t page)
{
	struct record_place *chunk = NULL;

	if (LIKELY(page < (size_t)RECORD_CHUNKS << RECORD_CHUNK_SHIFT))
		chunk = __atomic_load_n(&record_chunks[page >> RECORD_CHUNK_SHIFT], __ATOMIC_ACQUIRE);
	return chunk != NULL ? chunk + (page & (RECORD_CHUNK_PAGES - 1)) : NULL;
}

/* Those of a span, or what was one; NULL if there are none. */
static ALWAYS_INLINE struct object_record *records_of(const struct span *span)
{
	const struct record_place *place = record_place_at(span_page(span));

	return LIKELY(place != NULL) ? place->records : NULL;
}

/* All fresh: the span is new.  class 0: a large one.  False if there is no memory. */
bool records_open(const struct span *span, uint32_t class, uint32_t objects)
	REQUIRES(page_heap_lock);

/* What was freed at an address where no span is now, and its class; NULL: not known. */
const struct object_record *record_of_gone(const void *ptr, uint32_t *class);

/* From live to leaving.  False: it is not live, and what it is stands in *found. */
static inline bool record_leave(struct object_record *record, struct object_record *found)
{
	found->word = word_load(&record->word);
	while (found->state == RECORD_LIVE) {
		struct object_record leaving = *found;
		leaving.state = RECORD_LEAVING;
		if (__atomic_compare_exchange_n(&record->word, &found->word, leaving.word, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* A thread that ends has no cache in its last moments. */
static inline uint32_t record_thread(void)
{
	uint32_t tid = (uint32_t)word_load(&cache_own->tid);

	return LIKELY(tid != 0) ? tid : (uint32_t)os_thread_id();
}

/* The word of an object that this thread allocates. */
static inline uint64_t record_live_word(size_t slack, size_t align_bytes)
{
	struct object_record live = {.word = 0};

	live.state = RECORD_LIVE;
	live.slack = slack;
	live.align_log2 = record_align_of(align_bytes);
	live.allocated_by = record_thread();
	return live.word;
}

/* One that has left is free, by this thread. */
static inline void record_retire(struct object_record *record, uint32_t freed_at)
{
	struct object_record freed = *record;

	freed.state = RECORD_FREED;
	freed.freed_by = record_thread();
	record->freed_at = freed_at;
	word_store(&record->word, freed.word);
}

/* How much memory all arrays take. */
size_t records_bytes(void);

#endif
