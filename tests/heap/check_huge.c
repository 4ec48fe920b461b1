/*
 * check_huge.c - heap/huge.c.
 *
 * Proves: a block of which a part goes back is asked to stay small pages, once, and one that goes
 * back as a whole to be a huge page again; of a run the blocks at its ends are broken and those
 * between are not.
 */
#include "heap/huge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/span.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BLOCK_PAGES = OS_HUGE_PAGE_BYTES / PAGE_BYTES, BLOCKS = 32 };

static size_t first_block;

static void *large(void)
{
	void *object;

	do
		object = large_alloc((BLOCKS + 2) * (size_t)OS_HUGE_PAGE_BYTES, 1, false);
	while (object == NULL && is_excused());
	return object;
}

/* A heap that is large already grows by huge pages. */
static void begin(void)
{
	world_begin();
	large();
	first_block = bits_round_up(span_page(span_of_large(large())), BLOCK_PAGES) / BLOCK_PAGES;
}

/* What the kernel says of a page's mapping: 'h' that huge pages are wanted, 'n' that none are; '-'
   neither, and '?' if it does not say. */
static char advice_of(size_t page)
{
	uintptr_t address = (uintptr_t)arena_address_of(page), from, to;
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512], found = '?';
	bool is_it = false;

	ck_assert_ptr_ne(file, NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_it = address >= from && address < to;
		if (is_it && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " nh") != NULL ? 'n' : strstr(line, " hg") != NULL ? 'h' : '-';
	}
	fclose(file);
	return found;
}

static void are(const char *wanted, size_t block)
{
	if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0)
		return; /* a kernel without them says nothing */
	for (; *wanted != '\0'; wanted++, block++)
		ck_assert_msg(advice_of(block * BLOCK_PAGES) == *wanted, "block %zu is %c, not %c",
			block - first_block, advice_of(block * BLOCK_PAGES), *wanted);
}

START_TEST(test_a_part_breaks_its_block)
{
	size_t block = first_block + 2;

	are("hhh", block);
	huge_break(block * BLOCK_PAGES + 5, 3);
	are("nhh", block);
	huge_break(block * BLOCK_PAGES + 9, 1);
	are("nhh", block);
	huge_break(block * BLOCK_PAGES + BLOCK_PAGES - 1, 2); /* of two */
	are("nnh", block);
}
END_TEST

START_TEST(test_a_whole_block_is_huge_again)
{
	size_t block = first_block + 6;

	huge_break(block * BLOCK_PAGES, 3 * BLOCK_PAGES - 1);
	are("hnnnh", block - 1);
	huge_break_run((block + 1) * BLOCK_PAGES, BLOCK_PAGES);
	are("hnhnh", block - 1);
	huge_break_run(block * BLOCK_PAGES, 3 * BLOCK_PAGES);
	are("hhhhh", block - 1);
}
END_TEST

START_TEST(test_a_runs_ends_are_broken)
{
	size_t block = first_block + 12;

	huge_break_run(block * BLOCK_PAGES + 7, 3 * BLOCK_PAGES);
	are("hnhhnh", block - 1);
	huge_break_run(block * BLOCK_PAGES - 1, 1);
	are("nnhhnh", block - 1);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/huge", begin, world_end);

	tcase_add_test(tests, test_a_part_breaks_its_block);
	tcase_add_test(tests, test_a_whole_block_is_huge_again);
	tcase_add_test(tests, test_a_runs_ends_are_broken);
	return suite_end();
}
