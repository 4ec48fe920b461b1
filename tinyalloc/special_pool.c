#include "tinyalloc/special_pool.h"

#include <stddef.h>

#include "base/os.h"

enum {
	CHUNK_BYTES = 64 << 10, /* the largest page any kernel has here */
	CHUNK_RECORDS = CHUNK_BYTES / sizeof(struct special),
	CHUNKS_MAX = 64 << 10   /* more than a hundred million records */
};

BULKY struct special *special_chunks[CHUNKS_MAX];

struct lock special_pool_lock = {.rank = LOCK_RANK_SPECIAL};

static uint32_t first_free;
static uint32_t made_count = 1; /* 0 is no number */

struct special *special_at(uint32_t number)
{
	return special_chunks[number / CHUNK_RECORDS] + number % CHUNK_RECORDS;
}

/* One that was never used. */
static uint32_t make(void)
{
	uint32_t chunk = made_count / CHUNK_RECORDS;

	if (chunk >= CHUNKS_MAX)
		return 0;
	if (special_chunks[chunk] == NULL)
		special_chunks[chunk] = os_map(CHUNK_BYTES);
	return special_chunks[chunk] != NULL ? made_count++ : 0;
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
