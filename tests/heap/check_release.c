/*
 * check_release.c - heap/release.c.
 *
 * Proves: what is kept beyond the bound goes back in the freeing call; what was
 * not needed all through an interval goes back at its end; one thread ends an
 * interval; the counts follow.
 */
#include "heap/release.h"

#include "base/os.h"

#include <pthread.h>
#include <string.h>

#include "heap/fastpath.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BLOCK_BYTES = 64 << 10, BLOCK_PAGES = BLOCK_BYTES / PAGE_BYTES, BLOCKS = 1024, MIB = 1 << 20 };

static char *blocks[BLOCKS];

static void begin(void)
{
	world_begin();
	attach_surely();
	release_be_due_in((uint64_t)1 << 60); /* no clock ends an interval here */
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = large_surely(BLOCK_BYTES);
}

static void age(void)
{
	release_with_age();
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
}

static size_t dirty_bytes(void)
{
	return page_heap.dirty_pages << PAGE_SHIFT;
}

static void free_blocks(int from, int to)
{
	for (int i = from; i < to; i++) {
		heap_free(blocks[i]);
		blocks[i] = NULL;
	}
}

START_TEST(test_what_is_freed_goes_back_beyond_the_bound)
{
	free_blocks(0, BLOCKS);
	/* A twentieth of 64 MiB, and at least this. */
	ck_assert_uint_le(dirty_bytes(), 4 * MIB);
	ck_assert_uint_eq(page_heap.inuse_pages, 0);
}
END_TEST

START_TEST(test_who_frees_all_and_wants_it_again_at_once_keeps_it)
{
	for (int round = 0; round < 20; round++) {
		free_blocks(0, BLOCKS);
		for (int i = 0; i < BLOCKS; i++)
			blocks[i] = zeroed_surely(BLOCK_BYTES);
	}
	free_blocks(0, BLOCKS);
	/* Without any doubt within twenty seconds. */
	ck_assert_uint_gt(dirty_bytes(), 32 * MIB);
	age();
	age();
	ck_assert_uint_le(dirty_bytes(), 4 * MIB);
}
END_TEST

START_TEST(test_a_little_is_kept_for_the_next_request)
{
	free_blocks(0, 32);
	ck_assert_uint_eq(dirty_bytes(), 32 * BLOCK_BYTES);
	free_blocks(32, BLOCKS);
}
END_TEST

START_TEST(test_what_was_free_all_through_an_interval_goes_back)
{
	free_blocks(0, 32);
	age(); /* ends the interval in which they were freed */
	size_t before = dirty_bytes();
	ck_assert_uint_gt(before, 0);
	age();
	ck_assert_uint_eq(dirty_bytes(), 0);
	free_blocks(32, BLOCKS);
}
END_TEST

START_TEST(test_what_was_needed_within_an_interval_stays)
{
	free_blocks(0, 32);
	age();
	for (int i = 0; i < 32; i++) /* needed once */
		blocks[i] = large_surely(BLOCK_BYTES);
	free_blocks(0, 32);
	size_t before = dirty_bytes();
	age();
	ck_assert_uint_eq(dirty_bytes(), before);
	free_blocks(32, BLOCKS);
}
END_TEST

START_TEST(test_huge_pages_are_broken_up_only_for_what_is_free_for_long)
{
	size_t before = dirty_bytes();

	ck_assert_uint_lt(arena.huge_from_page, arena_page_of(blocks[BLOCKS / 2]));
	for (int i = BLOCKS / 2; i < BLOCKS; i += 2) /* parts of huge pages */
		free_blocks(i, i + 1);
	before = dirty_bytes() - before;
	age();
	age();
	ck_assert_uint_ge(dirty_bytes(), before);
	for (int i = 0; i < 10; i++)
		age();
	ck_assert_uint_eq(dirty_bytes(), 0);
	for (int i = BLOCKS / 2; i < BLOCKS; i += 2)
		free_blocks(i + 1, i + 2);
	free_blocks(0, BLOCKS / 2);
}
END_TEST

START_TEST(test_it_stops_where_it_is_told_to)
{
	size_t dirty, released;

	/* Runs that do not touch each other: each goes as a whole. */
	for (int i = 0; i < 64; i += 2)
		free_blocks(i, i + 1);
	dirty = page_heap.dirty_pages;
	ck_assert_uint_eq(dirty, 32 * BLOCK_PAGES);
	released = release_down_to(100);
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
	ck_assert_uint_eq(page_heap.dirty_pages, dirty - released);
	ck_assert_uint_le(page_heap.dirty_pages, 100);
	ck_assert_uint_gt(page_heap.dirty_pages, 100 - BLOCK_PAGES);
	free_blocks(1, 2);
	for (int i = 3; i < 64; i += 2)
		free_blocks(i, i + 1);
	free_blocks(64, BLOCKS);
}
END_TEST

START_TEST(test_released_memory_is_usable_again)
{
	for (int i = 0; i < BLOCKS; i++)
		memset(blocks[i], 1, BLOCK_BYTES);
	free_blocks(0, BLOCKS);
	age();
	age();
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = zeroed_surely(BLOCK_BYTES);
	for (int i = 0; i < BLOCKS; i++)
		if (!is_zero(blocks[i], BLOCK_BYTES))
			ck_abort_msg("block %d is not zero", i);
	free_blocks(0, BLOCKS);
}
END_TEST

static int winners;

static void *ask(void *argument)
{
	pthread_barrier_wait(argument);
	if (release_is_due(os_coarse_ns()))
		__atomic_fetch_add(&winners, 1, __ATOMIC_RELAXED);
	return NULL;
}

START_TEST(test_one_thread_ends_an_interval)
{
	pthread_t threads[8];
	pthread_barrier_t barrier;

	free_blocks(0, BLOCKS);
	pthread_barrier_init(&barrier, NULL, 8);
	ck_assert(!release_is_due(os_coarse_ns()));
	release_be_due_in(0);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &barrier), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(winners, 1);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/release", begin, world_end);

	tcase_add_test(tests, test_what_is_freed_goes_back_beyond_the_bound);
	tcase_add_test(tests, test_who_frees_all_and_wants_it_again_at_once_keeps_it);
	tcase_add_test(tests, test_a_little_is_kept_for_the_next_request);
	tcase_add_test(tests, test_what_was_free_all_through_an_interval_goes_back);
	tcase_add_test(tests, test_what_was_needed_within_an_interval_stays);
	tcase_add_test(tests, test_huge_pages_are_broken_up_only_for_what_is_free_for_long);
	tcase_add_test(tests, test_it_stops_where_it_is_told_to);
	tcase_add_test(tests, test_released_memory_is_usable_again);
	tcase_add_test(tests, test_one_thread_ends_an_interval);
	return suite_end();
}
