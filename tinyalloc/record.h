/*
 * tinyalloc/record.h - which objects a block of 16 bytes holds, and which of them
 * live.
 *
 * WHY        Objects without a header of their own, of any size below a block's,
 *            must be told apart, freed one by one by any thread, and found again.
 *            Two bits for each byte at which one may begin say it all: a word
 *            beside each block, in the same span behind its last block.
 *
 * INVARIANT  Of a block that nobody cuts up any more, `starts` has a bit for each byte
 *            at which an object begins, bit 0 always; each reaches to the next one, the
 *            last to the block's end.  `live` has a bit for each object that was not
 *            freed.  Whoever frees the last one gives the block back, and nobody else.
 *
 *            While a thread cuts a block up, it alone knows where objects begin, and
 *            which of them it has freed itself (struct tiny_block of its cache): `starts`
 *            is 0 and `live` all ones, but for what others have freed.  Something is left
 *            of it, so that `live` is not 0 by their frees.
 *
 *            A block that was never used has live 0.
 *
 * LOCKING    Bits of `live` are taken away by an atomic subtraction on the whole word,
 *            which tells whether they were there; the same one closes the block.  Where
 *            the process has one thread there is no need for that.
 */
#ifndef TINYALLOC_RECORD_H
#define TINYALLOC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/single_threaded.h>

#include "base/compiler.h"
#include "heap/span.h"

enum {
	RECORD_ALL = 0xffff,
	RECORD_LIVE_SHIFT = 16
};

union record {
	uint32_t word;
	struct {
		uint16_t starts;
		uint16_t live;
	};
};

_Static_assert(TINY_BLOCK_BYTES == 16, "a bit of 16 for each byte");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "starts is the word's low half");

static inline size_t record_place(const void *ptr)
{
	return (uintptr_t)ptr % TINY_BLOCK_BYTES;
}

/* The bit of an object that begins here. */
static ALWAYS_INLINE uint32_t record_bit(const void *ptr)
{
	return (uint32_t)1 << ((uintptr_t)ptr % TINY_BLOCK_BYTES);
}

/* Where the object that byte `place` lies in begins, and where it ends. */
static inline size_t record_begin(uint32_t starts, size_t place)
{
	return 31 - (size_t)__builtin_clz(starts & (((uint32_t)2 << place) - 1));
}

static inline size_t record_end(uint32_t starts, size_t place)
{
	return place + 1 + (size_t)__builtin_ctz((starts | 1u << TINY_BLOCK_BYTES) >> (place + 1));
}

/* Takes `amount` off the word; what it was. */
static ALWAYS_INLINE union record record_subtract(union record *record, uint32_t amount)
{
	union record before = {.word = record->word};

	if (__libc_single_threaded)
		record->word = before.word - amount;
	else
		before.word = __atomic_fetch_sub(&record->word, amount, __ATOMIC_ACQ_REL);
	return before;
}

/* The record of the block that an address lies in, which is in a span of blocks. */
static ALWAYS_INLINE union record *record_of(const void *ptr)
{
	size_t page = arena_page_of(ptr);
	const char *start = arena_address_of(page - (arena.page_info[page] & PAGE_BACK_MASK));
	size_t index = (size_t)((const char *)ptr - start) / TINY_BLOCK_BYTES;

	return (union record *)(start + TINY_RECORDS_OFFSET) + index;
}

/* Whether it lies in a block, not in what records take. */
static inline bool record_is_there(const void *ptr)
{
	size_t page = arena_page_of(ptr);
	const char *start = arena_address_of(page - (arena.page_info[page] & PAGE_BACK_MASK));

	return (const char *)ptr < start + TINY_RECORDS_OFFSET;
}

#endif
