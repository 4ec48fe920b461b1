#include "tinyalloc/special_pool.h"

#include <stddef.h>

#include "base/bits.h"
#include "base/os.h"
#include "base/table.h"

static struct table records = {.entry_bytes = sizeof(struct special), .first_bits = 5};

struct lock special_pool_lock = {.rank = LOCK_RANK_SPECIAL};

static uint32_t first_free;
static uint32_t made_count = 1; /* 0 is no number */

struct special *special_at(uint32_t number)
{
	return table_at(&records, number);
}

/* One that was never used. */
static uint32_t make(void)
{
	return table_make_room(&records, made_count) ? made_count++ : 0;
}

uint32_t special_new(void)
{
	lock_acquire(&special_pool_lock);
	uint32_t number = first_free;
	if (number != 0)
		first_free = special_at(number)->next;
	else
		number = make();
	lock_release(&special_pool_lock);
	return number;
}

void special_delete(uint32_t number)
{
	lock_acquire(&special_pool_lock);
	*special_at(number) = (struct special){.next = first_free};
	first_free = number;
	lock_release(&special_pool_lock);
}

/* ---- arrays -------------------------------------------------------------------------------- */

enum { ARRAY_LEAST_LOG2 = 6, ARRAY_MOST_LOG2 = 16, PIECE_BYTES = 256 << 10 };

/* Its first word is the next one's address, as long as it is free. */
struct array {
	struct array *next;
};

static struct array *free_arrays[ARRAY_MOST_LOG2 + 1];
static char *piece; /* what was obtained of the OS, and what is left of it */
static size_t piece_left;

uint32_t special_array_log2(size_t bytes)
{
	uint32_t log2 = bytes > 1 ? bits_log2(bytes - 1) + 1 : 0;

	return log2 > ARRAY_LEAST_LOG2 ? log2 : ARRAY_LEAST_LOG2;
}

/* One that was never used; what is too little of a piece is left. */
static struct array *array_cut(size_t bytes)
{
	if (piece_left < bytes) {
		char *next = os_map(PIECE_BYTES);
		if (next == NULL)
			return NULL;
		piece = next;
		piece_left = PIECE_BYTES;
	}
	piece_left -= bytes;
	return (struct array *)(void *)(piece + piece_left);
}

static struct array *array_reuse(uint32_t log2)
{
	struct array *array = free_arrays[log2];

	if (array != NULL) {
		word_store(&free_arrays[log2], array->next);
		array->next = NULL;
	}
	return array;
}

void *special_array_new(uint32_t log2)
{
	if (log2 > ARRAY_MOST_LOG2)
		return NULL;
	lock_acquire(&special_pool_lock);
	struct array *array = array_reuse(log2);
	if (array == NULL)
		array = array_cut((size_t)1 << log2);
	lock_release(&special_pool_lock);
	return array;
}

void special_array_delete(void *array, uint32_t log2)
{
	struct array *freed = array;

	lock_acquire(&special_pool_lock);
	freed->next = free_arrays[log2];
	word_store(&free_arrays[log2], freed);
	lock_release(&special_pool_lock);
}
