/*
 * tinyalloc/record.h - which objects a block of 16 bytes holds, and which of them
 * are freed.
 *
 * WHY        Objects without a header of their own, of any size below a block's,
 *            must be told apart, freed one by one by any thread, and found again.
 *            Two bits for each byte at which one may begin say it all: a word
 *            beside each block, in the same span behind its last block.
 *
 * INVARIANT  Bit k of `starts`, from 1 on: something begins where k bytes of the block
 *            are left, an object or, if the block is open, the rest of it, which is
 *            the lowest such bit.  Each object reaches to the next beginning or the
 *            block's end.  One always begins at byte 0; its bit is 0, where `starts`
 *            says instead that the block is OPEN: its thread may put more into it.
 *            A bit of `freed` is set for each object that was given back.
 *            Whoever makes the block one that is not open and of which all objects
 *            are freed gives it back, and nobody else.
 *
 * LOCKING    `starts` has one writer, the thread that fills the block, by plain
 *            stores: an object's free comes after its start was written.  `freed` is
 *            set, and OPEN taken away, by atomic operations on the whole word.
 *            Where the last object fills the block, OPEN goes with the store that
 *            says where it begins: that object is not freed yet.
 */
#ifndef TINYALLOC_RECORD_H
#define TINYALLOC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "heap/span.h"

enum {
	RECORD_OPEN = 1,
	RECORD_FREED_SHIFT = 16
};

union record {
	uint32_t word;
	struct {
		uint16_t starts;
		uint16_t freed;
	};
};

_Static_assert(TINY_BLOCK_BYTES == 16, "a bit of 16 for each byte");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "starts is the word's low half");

/* Each half alone: what was stored as one can be loaded at once. */
static ALWAYS_INLINE uint32_t record_starts(const union record *record)
{
	return __atomic_load_n(&record->starts, __ATOMIC_RELAXED);
}

static ALWAYS_INLINE uint32_t record_freed(const union record *record)
{
	return __atomic_load_n(&record->freed, __ATOMIC_ACQUIRE);
}

/* The bit of an object that begins here. */
static ALWAYS_INLINE uint32_t record_bit(const void *ptr)
{
	return (uint32_t)1 << (-(uintptr_t)ptr & (TINY_BLOCK_BYTES - 1));
}

/* A bit for each object. */
static inline uint32_t record_objects(uint32_t starts)
{
	uint32_t inner = starts & ~(uint32_t)RECORD_OPEN;

	if ((starts & RECORD_OPEN) != 0)
		inner &= inner - 1;
	return inner | 1;
}

/* Bytes left behind what byte `at` of the block lies in. */
static inline uint32_t record_left_behind(uint32_t starts, size_t at)
{
	uint32_t below = starts & (((uint32_t)1 << (TINY_BLOCK_BYTES - at)) - 1) &
		~(uint32_t)RECORD_OPEN;

	return below != 0 ? 31 - (uint32_t)__builtin_clz(below) : 0;
}

/* Bytes left from where that begins. */
static inline uint32_t record_left_from(uint32_t starts, size_t at)
{
	uint32_t above = (starts | (uint32_t)1 << TINY_BLOCK_BYTES) >> (TINY_BLOCK_BYTES - at);

	return (uint32_t)(TINY_BLOCK_BYTES - at) + (uint32_t)__builtin_ctz(above);
}

/* The record of the block that an address of this span lies in; NULL if it lies in
   none that was handed out. */
static inline union record *record_of(const struct span *span, const void *ptr)
{
	size_t index = (size_t)((const char *)ptr - span_address(span)) / TINY_BLOCK_BYTES;

	/* Set under the class's lock, before the first block behind it was handed out. */
	if (UNLIKELY(index >= __atomic_load_n(&span->carved_count, __ATOMIC_RELAXED)))
		return NULL;
	return (union record *)span_records(span) + index;
}

#endif
