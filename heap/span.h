/*
 * heap/span.h - descriptors of runs of pages.
 *
 * WHY        Whoever holds a run of pages - a size class, one large object, or
 *            nobody - is written down apart from the run, in a table that no
 *            overrun of an object reaches.
 *
 * INVARIANT  spans[page].kind is SPAN_NONE but for the first page of a run
 *            and, in a free run of several pages, the last.  For SPAN_SMALL
 *                objects == lead + live + in magazines + in the central stack
 *                           + home_count + (span_objects - carved_count)
 *            and the home bit of an object is set exactly when it is home.
 *            Objects at and beyond carved_count were never handed out.
 *
 *            The home bits stand in a table apart, those of a fine class in the span,
 *            behind its objects.
 *
 *            The class map's bytes of a small span are its class, or 0 where it is
 *            unusual: draining, with a special or of collectable objects (span_map);
 *            of tiny blocks that are not they are CLASS_MAP_TINY.  A large one's class is the family of its object, plain or noscan.
 *
 * LOCKING    SPAN_SMALL: the lock of its class.  All others: the page heap's.
 *            `kind`, `class` and `page_count` of a span with a live object do
 *            not change, so its owner reads them without a lock.
 */
#ifndef HEAP_SPAN_H
#define HEAP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "heap/arena.h"
#include "heap/size_class.h"

enum span_kind {
	SPAN_NONE = 0,
	SPAN_FREE,      /* first page of a free run */
	SPAN_FREE_LAST, /* its last page, if it has several */
	SPAN_SMALL,
	SPAN_LARGE,
	SPAN_RETIRED    /* a large one that was freed; nobody is to have its pages yet */
};

/* As `list`, beside the fullness lists. */
enum {
	SPAN_DRAINING = UINT16_MAX,
	SPAN_APART = UINT16_MAX - 1 /* of those that have a free object */
};

/* What its objects are. */
enum span_use {
	SPAN_ORDINARY = 0,
	SPAN_COLLECTABLE, /* heap/collectable.h */
	SPAN_SAMPLED,     /* heap/sample.h */
	SPAN_USES,
	SPAN_TABLES = SPAN_USES /* SPAN_RETIRED: none of the program's (check/record.c) */
};

/* Pages of a span that nobody may touch (check/fence.h): those before its object, those
   behind it; and what it takes to undo that. */
enum span_fences {
	SPAN_FENCE_BEFORE = 1,
	SPAN_FENCE_BEHIND = 2,
	SPAN_FENCE_MARKED = 4,
	SPAN_FENCE_MAPPED = 8
};

struct span {
	uint8_t kind;
	uint8_t class;
	uint16_t list;          /* SPAN_SMALL: its fullness list + 1, 0 if in none */
	uint32_t page_count;
	struct span *next;
	struct span **link;     /* what points to this one; NULL if in no list */
	uint16_t home_count;    /* SPAN_SMALL */
	uint16_t carved_count;  /* SPAN_SMALL */
	uint8_t use;            /* enum span_use */
	union {
		uint8_t lead;   /* SPAN_SMALL: its first objects are nobody's (heap/checks.h) */
		uint8_t fences; /* SPAN_LARGE, SPAN_RETIRED: enum span_fences */
	};
	union {
		uint32_t dirty_pages;   /* SPAN_FREE: pages with memory behind them */
		uint32_t cooling_next;  /* SPAN_SMALL: in the queue of heap/cooling.h */
	};
	union {
		uint32_t fresh_pages;   /* SPAN_FREE: pages never handed out */
		uint32_t cooling_prev;  /* SPAN_SMALL */
	};
	uint32_t touched_in;    /* SPAN_SMALL: the interval in which it last changed */
	uint32_t special;       /* the first of tinyalloc/special.h; 0: none */
	union {
		uint64_t released[2];   /* SPAN_SMALL: a bit for each OS page given back */
		struct {                /* SPAN_LARGE, of a checked one; else 0 */
			uint64_t offset;    /* of the object in the span */
			uint64_t bytes;     /* that it was asked for with */
		};
	};
}; /* 64 bytes: one cache line a span */

/* Of a class's usual length, or shorter: of samples, which are few at a time (heap/sample.h),
   and where memory is short (heap/limit.h). */
static inline uint32_t span_objects(const struct span *span)
{
	const struct size_class *row = &size_classes[span->class];
	uint64_t bits = (uint64_t)span->page_count << PAGE_SHIFT << 3;

	if (LIKELY(span->page_count == row->span_pages))
		return row->span_objects;
	if (size_class_is_fine(span->class)) /* a bit more for each, in whole words */
		return (uint32_t)((bits - 64) / (row->object_bytes * 8 + 1));
	return (uint32_t)(bits >> 3) / row->object_bytes;
}

static inline size_t span_page(const struct span *span)
{
	return (size_t)(span - arena.spans);
}

static inline char *span_address(const struct span *span)
{
	return arena_address_of(span_page(span));
}

/* Of a large one: where the object is. */
static inline char *span_object(const struct span *span)
{
	return span_address(span) + span->offset;
}

/* Where its objects end, and its tail begins if it has one. */
static inline char *span_records(const struct span *span)
{
	return span_address(span) + (size_t)span_objects(span) * size_classes[span->class].object_bytes;
}

static inline char *span_pages_end(const struct span *span)
{
	return span_address(span) + ((size_t)span->page_count << PAGE_SHIFT);
}

/* So many are a bit for each object of a span. */
static inline uint32_t span_bit_words(const struct span *span)
{
	return (span_objects(span) + 63) / 64;
}

static inline uint64_t *span_home_words(const struct span *span)
{
	if (size_class_is_fine(span->class))
		return (uint64_t *)(void *)span_pages_end(span) - span_bit_words(span);
	return arena.home_words + span_page(span) * HOME_WORDS_PER_PAGE;
}

/* Objects that the span could still hand out. */
static inline uint32_t span_free_objects(const struct span *span)
{
	return span->home_count + span_objects(span) - span->carved_count;
}

static inline bool span_is_all_home(const struct span *span)
{
	return span_free_objects(span) + span->lead == span_objects(span);
}

static inline bool span_is_collectable(const struct span *span)
{
	return span->use == SPAN_COLLECTABLE;
}

/* It is offered to nobody: heap/draining.h. */
static inline bool span_is_draining(const struct span *span)
{
	return span->list == SPAN_DRAINING;
}

/* What the class map says of a small span. */
static inline uint8_t span_mapped_class(const struct span *span)
{
	bool is_unusual = span->lead != 0 || span_is_draining(span) || span->special != 0 ||
		span->use != SPAN_ORDINARY;

	if (is_unusual)
		return 0;
	return span->class == SIZE_CLASS_TINY ? CLASS_MAP_TINY : span->class;
}

/* The last of what makes its pages a span: a child of a fork that nobody prepared believes
   all else of it by the kind (heap/recover.h). */
static inline void span_set_kind(struct span *span, enum span_kind kind)
{
	__atomic_store_n(&span->kind, kind, __ATOMIC_RELEASE);
}

/* The span of small objects that an address lies in, NULL if it lies in none. */
struct span *span_of_small(const void *ptr);

/* The large span whose object begins there, NULL if there is none. */
struct span *span_of_large(const void *ptr);

/* One of these two: where an object can begin. */
struct span *span_of_object(const void *ptr);

/* The run whose pages hold the address, of whatever kind; NULL if none.  Walks
   back over a large object's pages, so it is for errors and lookups. */
struct span *span_around(const void *ptr);

/* The same, if it is small or large. */
struct span *span_containing(const void *ptr);

void span_list_push(struct span **head, struct span *span);
void span_list_remove(struct span *span);

/* Brings the class map up to date.  Whoever read the old byte meanwhile puts an object
   into a magazine, as ever. */
void span_map(struct span *span);

/* Small spans.  Makes a run of pages one, or undoes it: the class map's
   bytes and the pages' way back. */
void span_open_small(struct span *span, uint32_t class, enum span_use use);
void span_close_small(struct span *span);

/* Takes up to `want` free objects into objects[], the lowest address last, so
   that a stack hands them out in rising order.  Returns how many. */
uint32_t span_take_objects(struct span *span, void **objects, uint32_t want);

/* Takes objects home up to the first that is not this span's, not the start of an
   object that was handed out, or home already.  Returns how many. */
uint32_t span_put_objects(struct span *span, void *const *objects, uint32_t count);

/* Whether the address is an object's that is not home. */
bool span_is_out(const struct span *span, const void *object);

/* Whether the address is an object's that is home. */
bool span_is_home(const struct span *span, const void *object);

#endif
