/*
 * check_limit.c - heap/limit.c.
 *
 * Proves: what may be kept shrinks to nothing as the limit is approached, without a step;
 * under it no more is kept, huge pages or not; free pages of spans in use go back without
 * having cooled; the hook is called where it was asked for, and growth ahead is bounded; where
 * addresses are scarce spans are short, of any class, and the books add up with both lengths.
 */
#include "heap/limit.h"

#include <string.h>

#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/release.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BLOCK_BYTES = 64 << 10, BLOCKS = 1024, SMALL_BYTES = 1024, SMALLS = 32768, MIB = 1 << 20 };

static const struct limit_wish none = {SIZE_MAX, SIZE_MAX, SIZE_MAX, false};

static char *blocks[BLOCKS], *smalls[SMALLS];
static int calls;

static void begin(void)
{
	world_begin();
	attach_surely();
	release_be_due_in((uint64_t)1 << 60); /* no clock ends an interval here */
	calls = 0;
}

static void end(void)
{
	limit_set(&none);
	heap_hooks.limit_passed = NULL;
	world_end();
}

static void soften(size_t bytes)
{
	const struct limit_wish wish = {bytes >> PAGE_SHIFT, SIZE_MAX, SIZE_MAX, false};

	limit_set(&wish);
}

static size_t keep_with(size_t inuse_pages)
{
	size_t saved = page_heap.inuse_pages;

	page_heap.inuse_pages = inuse_pages;
	lock_acquire(&page_heap_lock);
	size_t keep = limit_keep_pages();
	lock_release(&page_heap_lock);
	page_heap.inuse_pages = saved;
	return keep;
}

START_TEST(test_what_is_kept_shrinks_smoothly_to_nothing)
{
	const size_t limit = 100000;

	ck_assert_uint_eq(keep_with(0), SIZE_MAX);
	soften(limit << PAGE_SHIFT);
	size_t last = keep_with(0);
	ck_assert_uint_eq(last, limit - limit / 5 + limit / 20);
	for (size_t inuse = 1; inuse <= limit + 10; inuse++) {
		size_t keep = keep_with(inuse);
		ck_assert_uint_le(keep, last);
		ck_assert_uint_le(last - keep, 1);
		ck_assert(inuse >= limit || inuse + keep <= limit);
		last = keep;
	}
	ck_assert_uint_eq(last, 0);
}
END_TEST

START_TEST(test_no_more_is_kept_than_the_limit_allows)
{
	soften(40 * MIB);
	for (int i = 0; i < BLOCKS / 2; i++)
		blocks[i] = large_surely(BLOCK_BYTES);
	for (int i = 0; i < BLOCKS / 2; i++) {
		heap_free(blocks[i]);
		ck_assert_uint_le(limit_held_pages() << PAGE_SHIFT, 36 * MIB);
	}
}
END_TEST

/* Every second page of each span is free. */
static void smalls_thin(void)
{
	for (int i = 0; i < SMALLS; i++)
		smalls[i] = alloc_surely(SMALL_BYTES);
	for (int i = 0; i < SMALLS; i++)
		if (i / 16 % 2 == 0)
			heap_free(smalls[i]);
}

static void smalls_free(void)
{
	for (int i = 0; i < SMALLS; i++)
		if (i / 16 % 2 != 0)
			heap_free(smalls[i]);
}

START_TEST(test_pages_of_spans_in_use_need_not_cool)
{
	smalls_thin();
	limit_return_memory();
	ck_assert_uint_eq(limit_count_cooled(), 0);
	ck_assert(!limit_presses());
	soften(limit_held_pages() << PAGE_SHIFT);
	ck_assert(limit_presses());
	size_t held = limit_held_pages();
	limit_return_memory();
	ck_assert_uint_ge(limit_count_cooled(), SMALLS / 2 * SMALL_BYTES / 2);
	ck_assert_uint_lt(limit_held_pages(), held * 3 / 4);
	ck_assert_uint_eq(page_heap.dirty_pages, 0);
	smalls_free();
}
END_TEST

static void count_call(void)
{
	calls++;
}

START_TEST(test_the_hook_is_called_where_it_was_asked_for)
{
	const struct limit_wish wish = {SIZE_MAX, (16 * MIB) >> PAGE_SHIFT, SIZE_MAX, false};

	heap_hooks.limit_passed = count_call;
	limit_set(&wish);
	for (int i = 0; i < 240; i++)
		blocks[i] = large_surely(BLOCK_BYTES);
	ck_assert_int_eq(calls, 0);
	for (int i = 240; i < 260; i++)
		blocks[i] = large_surely(BLOCK_BYTES);
	ck_assert_int_ge(calls, 1);
	limit_set(&none);
	calls = 0;
	for (int i = 0; i < 260; i++)
		heap_free(blocks[i]);
	ck_assert_int_le(calls, 1); /* one that had been due */
}
END_TEST

START_TEST(test_growth_ahead_of_need_is_bounded)
{
	const struct limit_wish wish = {SIZE_MAX, SIZE_MAX, (2 * MIB) >> PAGE_SHIFT, false};

	ck_assert_uint_eq(limit_growth_bytes(64 * MIB), 64 * MIB);
	limit_set(&wish);
	ck_assert_uint_eq(limit_growth_bytes(64 * MIB), 2 * MIB);
	ck_assert_uint_eq(limit_growth_bytes(MIB), MIB);
}
END_TEST

static size_t span_pages_of(const void *object)
{
	return span_of_small(object)->page_count;
}

START_TEST(test_where_addresses_are_scarce_spans_are_short)
{
	const struct limit_wish scarce = {1, SIZE_MAX, SIZE_MAX, true};
	uint32_t count = 0;

	for (uint32_t class = 1; class < SIZED_CLASS_COUNT && size_classes[class].span_objects > 1; class++) {
		size_t bytes = size_classes[class].object_bytes, usual = size_classes[class].span_pages;
		limit_set(&none);
		smalls[count] = alloc_surely(bytes);
		ck_assert_uint_eq(span_pages_of(smalls[count++]), usual);
		limit_set(&scarce);
		/* As many as make a new span for sure. */
		for (size_t made = 0; made <= usual << PAGE_SHIFT; made += bytes)
			memset(smalls[count++] = alloc_surely(bytes), 1, bytes);
		const struct span *span = span_of_small(smalls[count - 1]);
		size_t span_bytes = (size_t)span->page_count << PAGE_SHIFT;
		ck_assert_uint_lt(span->page_count, usual);
		ck_assert_uint_eq(span_objects(span), span_bytes / bytes);
		ck_assert_uint_ge(span_bytes / bytes * bytes, span_bytes * 7 / 8);
	}
	heap_audit();
	limit_set(&none);
	for (uint32_t i = 0; i < count; i++)
		heap_free(smalls[i]);
	heap_audit();
	limit_return_memory();
	heap_audit();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/limit", begin, end);

	tcase_add_test(tests, test_what_is_kept_shrinks_smoothly_to_nothing);
	tcase_add_test(tests, test_no_more_is_kept_than_the_limit_allows);
	tcase_add_test(tests, test_pages_of_spans_in_use_need_not_cool);
	tcase_add_test(tests, test_the_hook_is_called_where_it_was_asked_for);
	tcase_add_test(tests, test_growth_ahead_of_need_is_bounded);
	tcase_add_test(tests, test_where_addresses_are_scarce_spans_are_short);
	return suite_end();
}
