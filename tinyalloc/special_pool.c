#include "tinyalloc/special_pool.h"

#include <stddef.h>

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
