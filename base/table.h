/*
 * base/table.h - tables that grow where they are, and begin small.
 *
 * WHY        A record that went by its number in a large array would cost a small process
 *            a page for its first entry, in each of them.  Here the first entries of all
 *            tables share pages, and none ever moves.
 *
 * LAYOUT     Blocks, each as large as all before it: 2^first_bits entries, as many, twice
 *            as many, and so on.
 *
 * LOCKING    The caller's for whoever adds.  Who reads has seen, with an acquire, a count
 *            that was stored with a release when the entry was there.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum { TABLE_BLOCKS = 24 };

struct table {
	uint32_t entry_bytes;
	uint32_t first_bits;
	char *blocks[TABLE_BLOCKS];
};

/* Zeroed memory, aligned to a cache line: small pieces share pages.  NULL if the
   OS refuses. */
void *table_carve(size_t bytes);

/* A piece that is not needed any more: what the OS was asked for goes back to it. */
void table_give_back(void *piece, size_t bytes);

/* Makes the entry be there, zeroed, and all before it, which have been asked for. */
bool table_make_room(struct table *table, uint32_t number);

static inline uint32_t table_block_of(const struct table *table, uint32_t number)
{
	uint32_t firsts = number >> table->first_bits;

	return firsts == 0 ? 0 : bits_log2(firsts) + 1;
}

/* The first entry of a block. */
static inline uint32_t table_block_begin(const struct table *table, uint32_t block)
{
	return block == 0 ? 0 : (uint32_t)1 << (table->first_bits + block - 1);
}

/* One that is there. */
static inline void *table_at(const struct table *table, uint32_t number)
{
	uint32_t block = table_block_of(table, number);

	return table->blocks[block] +
		(size_t)(number - table_block_begin(table, block)) * table->entry_bytes;
}

#endif
