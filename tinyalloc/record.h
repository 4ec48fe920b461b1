/*
 * tinyalloc/record.h - which objects a block of 16 bytes holds, and which of them
 * live.
 *
 * WHY        Objects without a header of their own, of any size below a block's,
 *            must be told apart, freed one by one by any thread, and found again.
 *            Two bits for each byte at which one may begin say it all: a word for
 *            each block, in the same page behind the blocks, so that a block's address
 *            alone leads to it.
 *
 * INVARIANT  `starts` has a bit for each byte at which an object begins; each reaches to
 *            the next one, the last to the block's end.  One always begins at byte 0,
 *            whose bit says something else: the block is closed, nobody cuts it up any
 *            more.  Until then the last bit is no object's: what is left of the block
 *            begins there.  (What begins behind the last byte is byte 0 again, so that the
 *            object that takes all that was left closes the block.)
 *
 *            `live` has a bit for each object that was not freed, and any for bytes at
 *            which none begins: all are set when the block is opened, so that its thread
 *            need not touch this half, which others write.  Whoever frees the last object
 *            of a closed block gives the block back, and nobody else.
 *
 *            The record of a block that was never used is 0.
 *
 * LOCKING    `starts` is written by the thread that cuts the block up.  Bits of `live` are
 *            taken away by an atomic subtraction on the whole word, which tells whether
 *            they were there, and whether the block was closed; another closes a block of
 *            which something is left.  Where the process has one thread there is no need
 *            for that.
 */
#ifndef TINYALLOC_RECORD_H
#define TINYALLOC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/single_threaded.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "heap/arena.h"
#include "heap/size_class.h"

enum {
	RECORD_ALL = 0xffff,
	RECORD_CLOSED = 1,      /* of starts */
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
_Static_assert(TINY_RECORDS_OFFSET + TINY_BLOCKS * sizeof(union record) <= PAGE_BYTES,
	"blocks and records are one page");

/* What stands in a record. */
struct record_halves {
	uint32_t starts;
	uint32_t live;
};

/* What it says. */
struct record_view {
	uint32_t starts; /* of objects, that at byte 0 too */
	uint32_t live;
	uint32_t end;    /* of the last one */
};

static inline struct record_view record_view(struct record_halves record)
{
	uint32_t end = TINY_BLOCK_BYTES, starts = record.starts;

	if ((starts & RECORD_CLOSED) == 0 && starts != 0) {
		end = bits_log2(starts);
		starts = (starts | 1) ^ (uint32_t)1 << end;
	}
	return (struct record_view){starts, record.live & starts, end};
}

/* The bit of the byte at a place, of the same byte of the next block too. */
static ALWAYS_INLINE uint32_t record_place_bit(uint32_t place)
{
	return (uint32_t)1 << (place % TINY_BLOCK_BYTES);
}

static ALWAYS_INLINE uint32_t record_place(const void *ptr)
{
	return (uint32_t)(uintptr_t)ptr % TINY_BLOCK_BYTES;
}

/* The bit of an object that begins here. */
static ALWAYS_INLINE uint32_t record_bit(const void *ptr)
{
	return record_place_bit((uint32_t)(uintptr_t)ptr);
}

/* Where the object that byte `place` lies in begins, and where it ends. */
static inline uint32_t record_begin(const struct record_view *view, uint32_t place)
{
	return (uint32_t)bits_log2(view->starts & (((uint32_t)2 << place) - 1));
}

static inline uint32_t record_end(const struct record_view *view, uint32_t place)
{
	uint32_t later = view->starts >> (place + 1);

	return later != 0 ? place + 1 + (uint32_t)__builtin_ctz(later) : view->end;
}

static ALWAYS_INLINE struct record_halves record_split(uint32_t word)
{
	return (struct record_halves){word & RECORD_ALL, word >> RECORD_LIVE_SHIFT};
}

/* Both halves as they are. */
static inline struct record_halves record_read(union record *record)
{
	return record_split(__atomic_load_n(&record->word, __ATOMIC_ACQUIRE));
}

/* As they were before so much was taken off the word. */
static ALWAYS_INLINE struct record_halves record_subtract(union record *record, uint32_t amount)
{
	return record_split(__atomic_fetch_sub(&record->word, amount, __ATOMIC_ACQ_REL));
}

/* Each by itself: where the thread has just stored one half, to load the word would be to
   wait until that store is done. */
static ALWAYS_INLINE struct record_halves record_read_alone(const union record *record)
{
	return (struct record_halves){word_load(&record->starts),
		word_load(&record->live)};
}

/* Takes these bits off `live`; what was before. */
static ALWAYS_INLINE struct record_halves record_free(union record *record, uint32_t bits)
{
	if (!__libc_single_threaded)
		return record_subtract(record, bits << RECORD_LIVE_SHIFT);
	struct record_halves before = record_read_alone(record);
	record->live = (uint16_t)(before.live - bits);
	return before;
}

/* The word of a block whose first object takes so many bytes; all of them: it is closed. */
static ALWAYS_INLINE uint32_t record_opened(uint32_t end)
{
	return (uint32_t)RECORD_ALL << RECORD_LIVE_SHIFT | record_place_bit(end);
}

static ALWAYS_INLINE void record_open(union record *record, uint32_t end)
{
	word_store(&record->word, record_opened(end));
}

/* Of what was left from byte `at` on an object takes what is between `begin` and `end`.
   Another thread may look at the same time. */
static ALWAYS_INLINE void record_cut(union record *record, uint32_t at, uint32_t begin,
	uint32_t end)
{
	uint32_t starts = word_load(&record->starts);

	starts = (starts & ~record_place_bit(at)) | record_place_bit(begin) | record_place_bit(end);
	word_store(&record->starts, (uint16_t)starts);
}

/* What is left from byte `at` on belongs to the last object; what was before. */
static ALWAYS_INLINE struct record_halves record_close(union record *record, uint32_t at)
{
	uint32_t change = record_place_bit(at) - RECORD_CLOSED;

	if (!__libc_single_threaded)
		return record_subtract(record, change);
	struct record_halves before = record_read_alone(record);
	record->starts = (uint16_t)(before.starts - change);
	return before;
}

/* The record of the block that an address lies in, which is in a page of blocks. */
static ALWAYS_INLINE union record *record_of(const void *ptr)
{
	uintptr_t offset = (uintptr_t)ptr % PAGE_BYTES, page = (uintptr_t)ptr - offset;

	return (union record *)(page + TINY_RECORDS_OFFSET) + offset / TINY_BLOCK_BYTES;
}

/* Whether it lies in a block, not in what records take. */
static ALWAYS_INLINE bool record_is_there(const void *ptr)
{
	return (uintptr_t)ptr % PAGE_BYTES < TINY_RECORDS_OFFSET;
}

#endif
