/*
 * check_page_heap.c - heap/page_heap.c.
 *
 * Proves: no page is in two runs; neighbours are joined; the counts of idle,
 * dirty and fresh pages follow a model; what is said to read zero does; aligned
 * runs are aligned; a run grows and shrinks where it stands.
 */
#include "heap/page_heap.h"

#include <string.h>

#include "base/config.h"
#include "base/os.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum {
	RUNS = 64,
	STEPS = 6000,
	RUN_PAGES_MAX = 600,
	MAP_PAGES = 1 << 20 /* more than any test here makes the heap */
};

/* Which run each page belongs to, 0 for none; and whether it was written to. */
static uint8_t owner[MAP_PAGES];
static struct span *runs[RUNS + 1];
static size_t inuse;

static struct span *take(size_t pages, size_t align_pages, bool *zero)
{
	lock_acquire(&page_heap_lock);
	struct span *span = page_heap_take(pages, align_pages, zero);
	lock_release(&page_heap_lock);
	ck_assert(span != NULL || is_excused());
	return span;
}

static struct span *take_surely(size_t pages, size_t align_pages)
{
	struct span *span;
	bool zero;

	while ((span = take(pages, align_pages, &zero)) == NULL)
		;
	return span;
}

static void give(struct span *span)
{
	lock_acquire(&page_heap_lock);
	page_heap_give(span);
	lock_release(&page_heap_lock);
}

static bool extend(struct span *span, size_t pages)
{
	lock_acquire(&page_heap_lock);
	bool done = page_heap_extend(span, pages);
	lock_release(&page_heap_lock);
	return done;
}

static void trim(struct span *span, size_t pages)
{
	lock_acquire(&page_heap_lock);
	page_heap_trim(span, pages);
	lock_release(&page_heap_lock);
}

static void audit(void)
{
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
}

/* One run's memory goes, as heap/release.c does it: how many pages had some. */
static size_t release_run(struct span *run, size_t want_pages, bool only_whole_blocks)
	REQUIRES(page_heap_lock)
{
	struct page_range range;

	if (!page_heap_withdraw(run, want_pages, only_whole_blocks, &range))
		return 0;
	bool is_released = os_release(arena_address_of(range.first), range.pages << PAGE_SHIFT);
	page_heap_put_back(&range, is_released);
	return is_released ? range.dirty : 0;
}

static size_t release_all(void)
{
	size_t released = 0;
	struct span *run;

	lock_acquire(&page_heap_lock);
	while ((run = page_heap_next_dirty(NULL)) != NULL)
		released += release_run(run, SIZE_MAX, false);
	lock_release(&page_heap_lock);
	return released;
}

static size_t run_count(void)
{
	size_t count = 0;

	for (uint32_t list = 0; list < RUN_LISTS; list++)
		for (const struct span *run = page_heap.runs[list]; run != NULL; run = run->next)
			count++;
	return count;
}

/* As a holder does: says so, then writes. */
static void touch(const struct span *span, size_t from, size_t to)
{
	for (size_t page = from; page < to; page++) {
		arena.page_info[span_page(span) + page] |= PAGE_WAS_USED | PAGE_IS_DIRTY;
		memset(span_address(span) + (page << PAGE_SHIFT), 0xa5, 64);
	}
}

static void own(const struct span *span, size_t from, size_t to, uint8_t who, uint8_t was)
{
	size_t first = span_page(span);

	ck_assert_uint_le(first + to, arena.page_count);
	for (size_t page = first + from; page < first + to; page++) {
		if (owner[page] != was)
			ck_abort_msg("page %zu belongs to %u, not %u", page, owner[page], was);
		owner[page] = who;
	}
	inuse += who != 0 ? to - from : 0;
	inuse -= who == 0 ? to - from : 0;
	ck_assert_uint_eq(page_heap.inuse_pages, inuse);
}

static void step_take(uint8_t who)
{
	size_t pages = random_size(RUN_PAGES_MAX);
	size_t align = random_below(4) == 0 ? (size_t)1 << random_below(10) : 1;
	bool zero;
	struct span *span = take(pages, align, &zero);

	if (span == NULL)
		return;
	ck_assert_uint_eq(span->kind, SPAN_NONE);
	ck_assert_uint_eq(span->page_count, pages);
	ck_assert_uint_eq((uintptr_t)span_address(span) % (align << PAGE_SHIFT), 0);
	own(span, 0, pages, who, 0);
	for (size_t page = 0; zero && page < pages; page++)
		if (!is_zero(span_address(span) + (page << PAGE_SHIFT), 64))
			ck_abort_msg("page %zu is said to read zero", page);
	span->kind = SPAN_LARGE;
	runs[who] = span;
	/* Small spans touch what they carve: the first part. */
	touch(span, 0, random_below(pages + 1));
}

static void step_extend(uint8_t who)
{
	struct span *span = runs[who];
	size_t before = span->page_count, pages = before + random_size(RUN_PAGES_MAX);

	if (!extend(span, pages)) {
		ck_assert_uint_eq(span->page_count, before);
		return;
	}
	ck_assert_uint_eq(span->page_count, pages);
	own(span, before, pages, who, 0);
	touch(span, before, pages);
}

static void step_trim(uint8_t who)
{
	struct span *span = runs[who];
	size_t before = span->page_count, pages = 1 + random_below(before);

	if (pages == before)
		return;
	trim(span, pages);
	ck_assert_uint_eq(span->page_count, pages);
	own(span, pages, before, 0, who);
}

static void step_give(uint8_t who)
{
	struct span *span = runs[who];
	size_t pages = span->page_count;

	give(span);
	own(span, 0, pages, 0, who);
	runs[who] = NULL;
}

static void step_release(void)
{
	lock_acquire(&page_heap_lock);
	size_t dirty = page_heap.dirty_pages;
	struct span *run = page_heap_next_dirty(NULL);
	if (run != NULL) {
		bool only_whole_blocks = random_below(2) == 0;
		size_t pages = release_run(run, 1 + random_below(400), only_whole_blocks);
		ck_assert(pages > 0 || only_whole_blocks);
		ck_assert_uint_eq(page_heap.dirty_pages, dirty - pages);
	}
	lock_release(&page_heap_lock);
}

START_TEST(test_random_runs_follow_the_model)
{
	for (int step = 0; step < STEPS; step++) {
		uint8_t who = (uint8_t)(1 + random_below(RUNS));
		size_t kind = random_below(8);
		if (runs[who] == NULL)
			step_take(who);
		else if (kind < 2)
			step_extend(who);
		else if (kind < 4)
			step_trim(who);
		else
			step_give(who);
		if (random_below(16) == 0)
			step_release();
		if (step % 16 == 0)
			audit();
	}
	for (int who = 1; who <= RUNS; who++)
		if (runs[who] != NULL)
			step_give((uint8_t)who);
	audit();
	ck_assert_uint_eq(inuse, 0);
	ck_assert_uint_eq(run_count(), 1); /* all joined again */
}
END_TEST

START_TEST(test_neighbours_are_joined_in_any_order)
{
	static const int orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct span *span[5];
	struct span *whole = take_surely(50, 1);

	give(whole);
	for (int i = 0; i < 5; i++)
		span[i] = take_surely(10, 1);
	size_t before = run_count();
	for (int i = 0; i < 3; i++)
		give(span[1 + orders[_i][i]]);
	audit();
	ck_assert_uint_le(run_count(), before + 1);
	struct span *joined = take_surely(30, 1);
	ck_assert_ptr_eq(joined, span[1]);
	give(joined);
	give(span[0]);
	give(span[4]);
}
END_TEST

START_TEST(test_the_shortest_run_that_fits_is_taken)
{
	struct span *hole[3], *wall[3];
	static const size_t lengths[3] = {40, 12, 25};

	for (int i = 0; i < 3; i++) {
		hole[i] = take_surely(lengths[i], 1);
		wall[i] = take_surely(1, 1);
	}
	for (int i = 0; i < 3; i++)
		give(hole[i]);
	struct span *ten = take_surely(10, 1), *twenty = take_surely(20, 1);
	ck_assert_ptr_eq(ten, hole[1]);
	ck_assert_ptr_eq(twenty, hole[2]);
	give(ten);
	give(twenty);
	for (int i = 0; i < 3; i++)
		give(wall[i]);
}
END_TEST

/* Runs of one list differ in length: that of 130 pages is in that of 128. */
START_TEST(test_a_run_behind_many_too_short_ones_is_found_before_the_heap_grows)
{
	struct span *hole[40], *wall[40];

	for (int i = 0; i < 40; i++) {
		hole[i] = take_surely(i == 0 ? 143 : 128, 1);
		wall[i] = take_surely(1, 1);
	}
	/* What is left over must not serve. */
	size_t rest = page_heap_idle_pages();
	struct span *plug = rest > 0 ? take_surely(rest, 1) : NULL;
	for (int i = 0; i < 40; i++)
		give(hole[i]);
	size_t page_count = arena.page_count;
	struct span *span = take_surely(140, 1);
	ck_assert_ptr_eq(span, hole[0]);
	ck_assert_uint_eq(arena.page_count, page_count);
	give(span);
	for (int i = 0; i < 40; i++)
		give(wall[i]);
	if (plug != NULL)
		give(plug);
}
END_TEST

START_TEST(test_alignment_is_of_addresses)        /* _i: log2 of it, in pages */
{
	size_t align = (size_t)1 << _i;
	struct span *odd = take_surely(3, 1);
	struct span *span = take_surely(5, align);

	ck_assert_uint_eq((uintptr_t)span_address(span) % (align << PAGE_SHIFT), 0);
	audit();
	give(span);
	give(odd);
	audit();
}
END_TEST

START_TEST(test_fresh_pages_read_zero_and_say_so)
{
	bool zero = false;
	struct span *span;

	while ((span = take(100, 1, &zero)) == NULL)
		;
	ck_assert(zero);
	ck_assert(is_zero(span_address(span), 100 << PAGE_SHIFT));
	touch(span, 0, 100);
	give(span);
	ck_assert_uint_eq(page_heap.dirty_pages, 100);
	while ((span = take(100, 1, &zero)) == NULL)
		;
	ck_assert(!zero);
	give(span);
}
END_TEST

START_TEST(test_released_pages_read_zero_and_say_so)
{
	bool zero = false;
	struct span *span = take_surely(100, 1), *again;
	size_t fresh;

	touch(span, 20, 60);
	give(span);
	fresh = page_heap.fresh_pages;
	ck_assert_uint_eq(release_all(), 40);
	ck_assert_uint_eq(page_heap.dirty_pages, 0);
	ck_assert_uint_eq(page_heap.fresh_pages, fresh); /* released is not fresh */
	audit();
	while ((again = take(100, 1, &zero)) == NULL)
		;
	ck_assert_ptr_eq(again, span);
	ck_assert(zero);
	ck_assert(is_zero(span_address(again), 100 << PAGE_SHIFT));
	give(again);
}
END_TEST

START_TEST(test_the_last_run_grows_with_the_arena)
{
	struct span *span = take_surely(10, 1);
	size_t pages = span->page_count + page_heap_idle_pages() + 1000;
	int asked = 0;

	while (!extend(span, pages)) {
		ck_assert(is_excused());
		ck_assert_int_lt(++asked, 1000);
	}
	ck_assert_uint_eq(span->page_count, pages);
	ck_assert_uint_ge(arena.page_count, pages);
	audit();
	give(span);
}
END_TEST

START_TEST(test_a_run_does_not_grow_into_one_in_use)
{
	struct span *span = take_surely(10, 1), *next = take_surely(10, 1);

	ck_assert_ptr_eq(next, span + 10);
	ck_assert(!extend(span, 11));
	ck_assert_uint_eq(span->page_count, 10);
	give(next);
	ck_assert(extend(span, 20));
	give(span);
}
END_TEST

START_TEST(test_what_no_machine_has_is_refused)
{
	size_t before = arena.page_count;
	bool zero;

	lock_acquire(&page_heap_lock);
	ck_assert_ptr_null(page_heap_take(SIZE_MAX >> PAGE_SHIFT, 1, &zero));
	ck_assert_ptr_null(page_heap_take(SIZE_MAX, 2, &zero));
	ck_assert_ptr_null(page_heap_take(1, (size_t)1 << 50, &zero));
	lock_release(&page_heap_lock);
	ck_assert_uint_eq(arena.page_count, before);
	audit();
}
END_TEST

START_TEST(test_the_longest_run_loses_its_memory_first)
{
	struct span *span[3];
	static const size_t lengths[3] = {7, 300, 64};

	for (int i = 0; i < 3; i++) {
		span[i] = take_surely(lengths[i], 1);
		touch(span[i], 0, lengths[i]);
		take_surely(1, 1);
	}
	for (int i = 0; i < 3; i++)
		give(span[i]);
	lock_acquire(&page_heap_lock);
	struct span *run = page_heap_next_dirty(NULL);
	ck_assert_ptr_eq(run, span[1]);
	run = page_heap_next_dirty(run);
	ck_assert_ptr_eq(run, span[2]);
	run = page_heap_next_dirty(run);
	ck_assert_ptr_eq(run, span[0]);
	ck_assert_ptr_null(page_heap_next_dirty(run));
	lock_release(&page_heap_lock);
}
END_TEST

/* Where huge pages begin is no huge page's edge. */
START_TEST(test_no_page_outside_the_run_is_given_back)   /* _i: pages wanted, in tens */
{
	enum { LEFT = 300, MIDDLE = 600 };
	struct span *span = take_surely(LEFT + MIDDLE, OS_HUGE_PAGE_BYTES / PAGE_BYTES);
	size_t first = span_page(span), end = first + LEFT + MIDDLE;

	touch(span, 0, LEFT + MIDDLE);
	/* A neighbour in use keeps what is trimmed a run of its own. */
	if (end < arena.page_count && arena.spans[end].kind == SPAN_FREE)
		ck_assert_ptr_eq(take_surely(arena.spans[end].page_count, 1), arena.spans + end);
	trim(span, LEFT);
	arena.huge_from_page = first + LEFT + 1;
	lock_acquire(&page_heap_lock);
	struct span *run = arena.spans + first + LEFT;
	ck_assert_uint_eq(run->dirty_pages, MIDDLE);
	release_run(run, 10 * (size_t)_i, true);
	page_heap_audit();
	lock_release(&page_heap_lock);
	for (size_t page = 0; page < LEFT; page++) {
		ck_assert_uint_ne(arena.page_info[first + page] & PAGE_IS_DIRTY, 0);
		ck_assert_uint_eq((uint8_t)span_address(span)[page << PAGE_SHIFT], 0xa5);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/page_heap", world_begin, audit);

	tcase_add_test(tests, test_random_runs_follow_the_model);
	tcase_add_loop_test(tests, test_neighbours_are_joined_in_any_order, 0, 6);
	tcase_add_test(tests, test_the_shortest_run_that_fits_is_taken);
	tcase_add_test(tests, test_a_run_behind_many_too_short_ones_is_found_before_the_heap_grows);
	tcase_add_loop_test(tests, test_alignment_is_of_addresses, 0, 18);
	tcase_add_test(tests, test_fresh_pages_read_zero_and_say_so);
	tcase_add_test(tests, test_released_pages_read_zero_and_say_so);
	tcase_add_test(tests, test_the_last_run_grows_with_the_arena);
	tcase_add_test(tests, test_a_run_does_not_grow_into_one_in_use);
	tcase_add_test(tests, test_what_no_machine_has_is_refused);
	tcase_add_test(tests, test_the_longest_run_loses_its_memory_first);
	tcase_add_loop_test(tests, test_no_page_outside_the_run_is_given_back, 1, 60);
	return suite_end();
}
