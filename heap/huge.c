#include "heap/huge.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "heap/arena.h"
#include "heap/limit.h"

enum {
	BLOCK_PAGES = OS_HUGE_PAGE_BYTES / PAGE_BYTES,
	BLOCKS_MOST = 1 << 21, /* 4 TiB of heap */
	BROKEN_MOST = 8192
};

/* A bit for each block, of which most are never touched. */
BULKY uint64_t huge_broken_words[BLOCKS_MOST / 64];

static uint32_t broken_count;
static bool are_all_broken;

static void want_huge(size_t block, bool want)
{
	os_want_huge(arena_address_of(block * BLOCK_PAGES), OS_HUGE_PAGE_BYTES, want);
}

/* In one piece, so that they are few mappings. */
static COLD void break_all(void)
{
	if (!__atomic_exchange_n(&are_all_broken, true, __ATOMIC_RELAXED))
		os_want_huge(arena_address_of(0), arena.page_count << PAGE_SHIFT, false);
}

static void block_break(size_t block)
{
	uint64_t bit = (uint64_t)1 << block % 64, *word = &huge_broken_words[block / 64];

	if (block >= BLOCKS_MOST || (word_load(word) & bit) != 0 ||
		(__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit) != 0)
		return;
	if (__atomic_add_fetch(&broken_count, 1, __ATOMIC_RELAXED) > BROKEN_MOST)
		break_all();
	else
		want_huge(block, false);
}

static void block_mend(size_t block)
{
	uint64_t bit = (uint64_t)1 << block % 64, *word = &huge_broken_words[block / 64];

	if (block >= BLOCKS_MOST || (word_load(word) & bit) == 0)
		return;
	__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&broken_count, 1, __ATOMIC_RELAXED);
	if (block * BLOCK_PAGES >= arena.huge_from_page)
		want_huge(block, true);
}

void huge_break(size_t first, size_t pages)
{
	if (word_load(&are_all_broken))
		return;
	for (size_t block = first / BLOCK_PAGES; block <= (first + pages - 1) / BLOCK_PAGES; block++)
		block_break(block);
}

void huge_break_run(size_t first, size_t pages)
{
	size_t end = first + pages;

	if (word_load(&are_all_broken))
		return;
	for (size_t block = first / BLOCK_PAGES; block * BLOCK_PAGES < end; block++)
		if (block * BLOCK_PAGES >= first && (block + 1) * BLOCK_PAGES <= end && !limit_presses())
			block_mend(block);
		else
			block_break(block);
}
