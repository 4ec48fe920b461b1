/*
 * check_pagemap.c - base/pagemap.c.
 *
 * Proves: runs of pages are found as they were touched, however few entries are read at a
 * time; guards are not among them; where nothing can be read every page is.
 */
#include "base/pagemap.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/os.h"
#include "tests/suite.h"

enum { PAGES = 200, ENTRIES_MOST = 300 };

static uint64_t entries[ENTRIES_MOST];
static char *memory;

static void begin(void)
{
	while ((memory = os_map(PAGES * os_page_bytes())) == NULL)
		;
}

static void end(void)
{
	os_unmap(memory, PAGES * os_page_bytes());
}

/* Which pages are in runs, and that runs are whole. */
static void runs_note(const struct pagemap *pagemap, bool *is_there)
{
	size_t page_bytes = os_page_bytes();
	uintptr_t start = (uintptr_t)memory, last = start + PAGES * page_bytes, from, before = 0;

	memset(is_there, 0, PAGES);
	for (uintptr_t at = start; pagemap_next(pagemap, &at, last, &from); before = at) {
		ck_assert(from < at && at <= last && from > before);
		for (uintptr_t page = from; page < at; page += page_bytes)
			is_there[(page - start) / page_bytes] = true;
	}
}

START_TEST(test_runs_are_what_was_touched)
{
	bool is_touched[PAGES] = {false}, is_there[PAGES];

	for (int i = 0; i < PAGES / 3; i++) {
		size_t page = random_below(PAGES);
		memory[page * os_page_bytes()] = 1;
		is_touched[page] = true;
	}
	for (size_t count = 1; count <= ENTRIES_MOST; count = 2 * count + 1) {
		struct pagemap pagemap;
		pagemap_open(&pagemap, entries, count);
		ck_assert_int_ge(pagemap.fd, 0);
		runs_note(&pagemap, is_there);
		ck_assert_mem_eq(is_there, is_touched, PAGES);
		pagemap_close(&pagemap);
		ck_assert_int_eq(pagemap.fd, -1);
	}
}
END_TEST

/* Linux 6.13 and 6.14 make guards, and do not tell them from pages in swap. */
static bool kernel_tells_guards(void)
{
	struct utsname name;

	return uname(&name) == 0 && strncmp(name.release, "6.13.", 5) != 0 &&
		strncmp(name.release, "6.14.", 5) != 0;
}

START_TEST(test_guards_are_not_there)
{
	size_t page_bytes = os_page_bytes();
	bool is_there[PAGES];
	struct pagemap pagemap;

	memset(memory, 1, 10 * page_bytes);
	memset(memory + 30 * page_bytes, 1, (PAGES - 30) * page_bytes);
	ck_assert(os_guard(memory + 10 * page_bytes, 20 * page_bytes));
	pagemap_open(&pagemap, entries, ENTRIES_MOST);
	runs_note(&pagemap, is_there);
	pagemap_close(&pagemap);
	for (int i = 0; i < PAGES; i++)
		ck_assert_int_eq(is_there[i], i < 10 || i >= 30 || !kernel_tells_guards());
}
END_TEST

START_TEST(test_where_nothing_can_be_read_all_are)
{
	struct pagemap pagemap = {.fd = -1, .entries = entries, .entry_count = 7};
	bool is_there[PAGES];

	runs_note(&pagemap, is_there);
	for (int i = 0; i < PAGES; i++)
		ck_assert(is_there[i]);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/pagemap", begin, end);

	tcase_add_test(tests, test_runs_are_what_was_touched);
	tcase_add_test(tests, test_guards_are_not_there);
	tcase_add_test(tests, test_where_nothing_can_be_read_all_are);
	return suite_end();
}
