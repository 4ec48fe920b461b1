#include "base/table.h"

#include "base/compiler.h"
#include "base/os.h"

enum {
	LINE_BYTES = 64,
	SHARED_BYTES = 512 << 10, /* of which none is there before it is used */
	SHARED_MOST_BYTES = 64 << 10 /* what is larger the OS is asked for */
};

BULKY char table_shared[SHARED_BYTES] __attribute__((aligned(4096)));

static size_t shared_used;

static size_t pages_of(size_t bytes)
{
	return bits_round_up(bytes, os_page_bytes());
}

void *table_carve(size_t bytes)
{
	size_t at = SHARED_BYTES;

	bytes = bits_round_up(bytes, LINE_BYTES);
	if (bytes <= SHARED_MOST_BYTES)
		at = __atomic_fetch_add(&shared_used, bytes, __ATOMIC_RELAXED);
	return at + bytes <= SHARED_BYTES ? table_shared + at : os_map(pages_of(bytes));
}

void table_give_back(void *piece, size_t bytes)
{
	if (piece != NULL && (uintptr_t)piece - (uintptr_t)table_shared >= SHARED_BYTES)
		os_unmap(piece, pages_of(bytes));
}

bool table_make_room(struct table *table, uint32_t number)
{
	uint32_t block = table_block_of(table, number);

	if (block >= TABLE_BLOCKS)
		return false;
	if (table->blocks[block] != NULL)
		return true;
	size_t entries = (size_t)1 << (table->first_bits + (block != 0 ? block - 1 : 0));
	table->blocks[block] = table_carve(entries * table->entry_bytes);
	return table->blocks[block] != NULL;
}
