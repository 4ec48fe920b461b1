/*
 * heap/size_class.h - which sizes small objects come in.
 *
 * WHY        One table from size to class serves every size up to 256 KiB by
 *            the same few instructions.  From 32 KiB on an object is a span of
 *            its own: it stands in its class so that it comes and goes without
 *            a lock, and what was grown may as well be a large object
 *            (heap/large.h), of pages that can be added to.
 *
 * INVARIANT  Classes that a size leads to rise and are multiples of 16.  A class that holds a
 *            multiple of 2^k bytes is itself a multiple of 2^k, so that an
 *            aligned allocation is one of its size rounded up (check_size_class.c).
 *            Class 0 is no size: what it stands for takes the slow path.
 *
 * FAMILIES   Objects of which the program says that they hold no pointers have
 *            classes of their own, so that whoever looks for pointers passes over
 *            whole spans, and a pointer that was overwritten leads to no text:
 *            class + SIZE_FAMILY_NOSCAN is the same size's.  Then come those that no size
 *            leads to.  SIZE_CLASS_TINY is that of the blocks that tinyalloc/ cuts up; its
 *            spans read CLASS_MAP_TINY in the class map, which has no magazine with room.
 *            The fine classes are of 2 to 14 bytes, one for each even number, for programs that
 *            have many objects of less than 16 that hold no pointers.  The bits that say
 *            which of their objects are home stand behind the last one, in the span.
 */
#ifndef HEAP_SIZE_CLASS_H
#define HEAP_SIZE_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	SIZE_GRANULE_BYTES = 16,
	SMALL_MAX_BYTES = 256 << 10,
	SHARED_MAX_BYTES = 32 << 10, /* larger ones have a span each */
	SIZE_CLASS_MAX_PAGES = 48, /* no span is longer */

	SIZED_CLASS_COUNT = 93,    /* class 0 included */
	SIZE_FAMILY_PLAIN = 0,     /* what is added to a size's class */
	SIZE_FAMILY_NOSCAN = SIZED_CLASS_COUNT - 1,
	SIZE_CLASS_TINY = SIZED_CLASS_COUNT + SIZE_FAMILY_NOSCAN,
	FITTED_MAX_BYTES = 128,    /* of size_class_fitted */
	FINE_STEP_BYTES = 2,
	FINE_MAX_BYTES = SIZE_GRANULE_BYTES - FINE_STEP_BYTES,
	FINE_CLASS_COUNT = FINE_MAX_BYTES / FINE_STEP_BYTES,
	SIZE_CLASS_COUNT = SIZE_CLASS_TINY + 1 + FINE_CLASS_COUNT,
	HINTED_CLASS_COUNT = SIZE_CLASS_COUNT - SIZED_CLASS_COUNT,

	CLASS_MAP_TINY = SIZE_CLASS_COUNT, /* what the class map says of tiny blocks */

	TINY_BLOCK_BYTES = 16,
	TINY_BLOCKS = 409, /* a span: so many, and a word for each, are a page */
	TINY_RECORDS_OFFSET = TINY_BLOCKS * TINY_BLOCK_BYTES
};

struct size_class {
	uint32_t object_bytes;
	uint32_t span_pages;
	uint32_t span_objects;
	uint64_t reciprocal; /* offset / object_bytes == offset * reciprocal >> 35 */
};

extern HIDDEN const struct size_class size_classes[SIZE_CLASS_COUNT];
extern HIDDEN const uint8_t size_class_of_granule[SMALL_MAX_BYTES / SIZE_GRANULE_BYTES + 1];

/* What no object of a class has of these bits, its address's lowest; of CLASS_MAP_TINY too. */
extern HIDDEN const uint8_t size_class_align_mask[SIZE_CLASS_COUNT + 1];

/* The class of so many bytes that hold no pointers, the fine ones among them; 0 of none,
   and of 15, which are combined. */
extern HIDDEN const uint8_t size_class_fitted[FITTED_MAX_BYTES + 1];

/* Classes from here on nobody has used yet: SIZED_CLASS_COUNT, until the program
   hints for the first time; then SIZE_CLASS_COUNT. */
extern HIDDEN uint32_t size_class_end;

/* Whether anybody has used an exact class. */
extern HIDDEN bool size_class_has_fine;

static inline uint32_t size_class_end_now(void)
{
	return __atomic_load_n(&size_class_end, __ATOMIC_SEQ_CST);
}

static ALWAYS_INLINE bool size_class_is_fine(uint32_t class)
{
	return class - (SIZE_CLASS_TINY + 1) < FINE_CLASS_COUNT;
}

/* Whether something stands behind the objects of its spans, in the same page. */
static inline bool size_class_has_tail(uint32_t class)
{
	return class >= SIZE_CLASS_TINY;
}

/* What is added to a size's class to get this one, which is of no tiny block. */
static inline uint32_t size_class_family(uint32_t class)
{
	return class < SIZED_CLASS_COUNT ? SIZE_FAMILY_PLAIN : SIZE_FAMILY_NOSCAN;
}

/* The class that a request for its size without a hint has. */
static inline uint32_t size_class_unhinted(uint32_t class)
{
	if (class < SIZED_CLASS_COUNT)
		return class;
	return class < SIZE_CLASS_TINY ? class - SIZE_FAMILY_NOSCAN : 1;
}

/* The class of a request of at most SMALL_MAX_BYTES; 0 bytes count as 1. */
static ALWAYS_INLINE uint32_t size_class_of(size_t bytes)
{
	return size_class_of_granule[(bytes + SIZE_GRANULE_BYTES - 1) / SIZE_GRANULE_BYTES];
}

/* Which object of a span of this class an offset lies in. */
static inline uint32_t size_class_index(uint32_t class, size_t offset)
{
	return (uint32_t)(offset * size_classes[class].reciprocal >> 35);
}

#endif
