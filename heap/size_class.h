/*
 * heap/size_class.h - which sizes small objects come in.
 *
 * WHY        One table from size to class serves every size up to 256 KiB by
 *            the same few instructions.  From 32 KiB on an object is a span of
 *            its own: it stands in its class so that it comes and goes without
 *            a lock, and what was grown may as well be a large object
 *            (heap/large.h), of pages that can be added to.
 *
 * INVARIANT  Classes rise and are multiples of 16.  A class that holds a
 *            multiple of 2^k bytes is itself a multiple of 2^k, so that an
 *            aligned allocation is one of its size rounded up (check_size_class.c).
 *            Class 0 is no size: what it stands for takes the slow path.
 *
 * FAMILIES   Objects of which the program says that they hold no pointers have
 *            classes of their own, so that whoever looks for pointers passes over
 *            whole spans, and a pointer that was overwritten leads to no text:
 *            class + SIZE_FAMILY_NOSCAN is the same size's.  The last class is that
 *            of the blocks that tinyalloc/ cuts up.  No size leads to it; its spans read
 *            CLASS_MAP_TINY in the class map, which has no magazine with room.
 */
#ifndef HEAP_SIZE_CLASS_H
#define HEAP_SIZE_CLASS_H

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
	SIZE_CLASS_COUNT = SIZE_CLASS_TINY + 1,
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
	uint32_t reciprocal; /* offset / object_bytes == offset * reciprocal >> 35 */
};

extern HIDDEN const struct size_class size_classes[SIZE_CLASS_COUNT];
extern HIDDEN const uint8_t size_class_of_granule[SMALL_MAX_BYTES / SIZE_GRANULE_BYTES + 1];

/* Classes from here on nobody has used yet: SIZED_CLASS_COUNT, until the program
   hints for the first time; then SIZE_CLASS_COUNT. */
extern HIDDEN uint32_t size_class_end;

static inline uint32_t size_class_end_now(void)
{
	return __atomic_load_n(&size_class_end, __ATOMIC_SEQ_CST);
}

/* What is added to a size's class to get this one, which is of no tiny block. */
static inline uint32_t size_class_family(uint32_t class)
{
	return class < SIZED_CLASS_COUNT ? SIZE_FAMILY_PLAIN : SIZE_FAMILY_NOSCAN;
}

/* The class without a hint of the same size; that of 16 bytes for tiny blocks. */
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
	return (uint32_t)((uint64_t)offset * size_classes[class].reciprocal >> 35);
}

#endif
