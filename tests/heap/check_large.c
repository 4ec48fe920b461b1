/*
 * check_large.c - heap/large.c.
 *
 * Proves: a large object is whole pages and counted by them; it grows and shrinks
 * where it stands if it can, else its pages move, and its contents with them;
 * zeroed ones read zero, of pages that are fresh none is touched; a refusal
 * leaves the object as it was.
 */
#include "heap/large.h"

#include <errno.h>

#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/page_heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { MIB = 1 << 20 };

static struct cache *cache;

static void begin(void)
{
	world_begin();
	attach_surely();
	cache = cache_self;
}

static int64_t live_bytes(void)
{
	return (int64_t)(cache->large_alloc_bytes - cache->large_free_bytes);
}

START_TEST(test_it_counts_by_whole_pages)
{
	char *object = alloc_surely(SMALL_MAX_BYTES + 1);

	ck_assert_uint_eq((uintptr_t)object % PAGE_BYTES, 0);
	ck_assert_uint_eq(large_usable_bytes(object), 33 * PAGE_BYTES);
	ck_assert_int_eq(live_bytes(), 33 * PAGE_BYTES);
	ck_assert_uint_eq(cache->large_nmalloc, 1);
	ck_assert_uint_eq(page_heap.large_pages, 33);
	ck_assert_uint_eq(page_heap.large_objects, 1);
	heap_free(object);
	ck_assert_int_eq(live_bytes(), 0);
	ck_assert_uint_eq(cache->large_nfree, 1);
	ck_assert_uint_eq(page_heap.large_pages, 0);
	ck_assert_uint_eq(page_heap.large_objects, 0);
}
END_TEST

START_TEST(test_only_its_first_byte_is_its_address)
{
	char *object = alloc_surely(MIB);

	ck_assert_uint_eq(large_usable_bytes(object + 1), 0);
	ck_assert_uint_eq(large_usable_bytes(object + PAGE_BYTES), 0);
	heap_free(object);
	ck_assert_uint_eq(large_usable_bytes(object), 0);
}
END_TEST

START_TEST(test_it_shrinks_where_it_stands)
{
	char *object = alloc_surely(MIB);

	fill(object, MIB, 7);
	ck_assert_ptr_eq(heap_realloc(object, 100000, NULL), object);
	ck_assert_uint_eq(large_usable_bytes(object), 13 * PAGE_BYTES);
	ck_assert_uint_eq(filled(object, MIB, 100000, 7), 100000);
	ck_assert_int_eq(live_bytes(), 13 * PAGE_BYTES);
	ck_assert_uint_eq(cache->large_nmalloc, 1);
	heap_free(object);
}
END_TEST

START_TEST(test_it_grows_into_a_free_neighbour)
{
	char *object = large_surely(100000), *next = large_surely(100000), *wall = alloc_surely(MIB);

	ck_assert_ptr_eq(next, object + 13 * PAGE_BYTES);
	fill(object, 100000, 3);
	heap_free(next);
	ck_assert_ptr_eq(heap_realloc(object, 200000, NULL), object);
	ck_assert_uint_eq(filled(object, 100000, 100000, 3), 100000);
	ck_assert_uint_eq(cache->large_nmalloc, 3); /* the same allocation */
	heap_free(object);
	heap_free(wall);
}
END_TEST

static void grow_elsewhere(size_t before, size_t after)
{
	char *object = large_surely(before), *wall = alloc_surely(SMALL_MAX_BYTES + 1);

	fill(object, before, 11);
	char *moved = realloc_surely(object, after);
	ck_assert_ptr_ne(moved, object);
	ck_assert_uint_eq(filled(moved, before, before, 11), before);
	ck_assert_uint_eq(large_usable_bytes(object), 0);
	fill(moved, after, 12);
	ck_assert_uint_eq(cache->large_nmalloc, 3);
	ck_assert_uint_eq(cache->large_nfree, 1);
	ck_assert_uint_eq(filled(moved, after, after, 12), after);
	heap_free(moved);
	heap_free(wall);
	ck_assert_int_eq(live_bytes(), 0);
}

START_TEST(test_what_must_move_is_copied_if_it_is_short)
{
	grow_elsewhere(100000, 300000);
}
END_TEST

START_TEST(test_what_must_move_has_its_pages_moved_if_it_is_long)
{
	grow_elsewhere(4 * MIB, 9 * MIB);
}
END_TEST

START_TEST(test_pages_left_behind_read_zero_and_say_so)
{
	char *object = alloc_surely(2 * MIB), *wall = alloc_surely(SMALL_MAX_BYTES + 1);
	char *moved;

	fill(object, 2 * MIB, 1);
	moved = realloc_surely(object, 8 * MIB);
	ck_assert_ptr_ne(moved, object);
	char *again = zeroed_surely(2 * MIB);
	ck_assert(is_zero(again, 2 * MIB));
	heap_free(again);
	heap_free(moved);
	heap_free(wall);
}
END_TEST

START_TEST(test_zeroed_fresh_pages_are_not_touched)
{
	char *object = zeroed_surely(7 * MIB);

	ck_assert_uint_eq(resident_pages(object, 7 * MIB), 0);
	ck_assert(is_zero(object, 7 * MIB));
	heap_free(object);
}
END_TEST

START_TEST(test_zeroed_used_pages_read_zero)
{
	char *object = alloc_surely(3 * MIB);

	fill(object, 3 * MIB, 9);
	heap_free(object);
	for (int i = 0; i < 50; i++) {
		size_t bytes = SMALL_MAX_BYTES + random_size(3 * MIB - SMALL_MAX_BYTES);
		object = zeroed_surely(bytes);
		if (!is_zero(object, large_usable_bytes(object)))
			ck_abort_msg("%zu bytes are not zero", bytes);
		fill(object, random_below(bytes), (uint64_t)i);
		heap_free(object);
	}
}
END_TEST

START_TEST(test_a_refusal_leaves_the_object_as_it_was)
{
	char *object = alloc_surely(MIB);

	fill(object, MIB, 5);
	errno = 0;
	ck_assert_ptr_null(heap_realloc(object, (size_t)1 << 52, NULL));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(large_usable_bytes(object), MIB);
	ck_assert_uint_eq(filled(object, MIB, MIB, 5), MIB);
	ck_assert_int_eq(live_bytes(), MIB);
	heap_free(object);
}
END_TEST

START_TEST(test_it_becomes_small_and_large_again)
{
	char *object = alloc_surely(50000);

	fill(object, 50000, 2);
	object = realloc_surely(object, 1000);
	ck_assert_uint_eq(heap_usable_bytes(object, NULL), 1024);
	ck_assert_uint_eq(filled(object, 50000, 1000, 2), 1000);
	fill(object, 1000, 3);
	object = realloc_surely(object, 50000);
	ck_assert_uint_eq(filled(object, 1000, 1000, 3), 1000);
	heap_free(object);
	ck_assert_int_eq(live_bytes(), 0);
}
END_TEST

START_TEST(test_aligned_ones_give_back_all_that_they_took)
{
	for (size_t align = 2 * PAGE_BYTES; align <= (size_t)1 << 30; align *= 8) {
		char *object = aligned_surely(align, 3 * PAGE_BYTES);
		ck_assert_uint_eq((uintptr_t)object % align, 0);
		ck_assert_uint_eq(page_heap.inuse_pages, 3);
		fill(object, 3 * PAGE_BYTES, align);
		ck_assert_uint_eq(filled(object, 3 * PAGE_BYTES, SIZE_MAX, align), SIZE_MAX);
		heap_free(object);
		ck_assert_uint_eq(page_heap.inuse_pages, 0);
	}
}
END_TEST

START_TEST(test_random_resizing_keeps_contents_and_counts)
{
	char *objects[8] = {NULL};
	size_t bytes[8] = {0};

	for (int step = 0; step < 600; step++) {
		size_t which = random_below(8);
		size_t want = SMALL_MAX_BYTES + random_size(6 * MIB);
		char *now = objects[which] == NULL ? heap_alloc(want)
						   : heap_realloc(objects[which], want, NULL);
		ck_assert(now != NULL || is_excused());
		if (now == NULL)
			continue;
		size_t kept = bytes[which] < want ? bytes[which] : want;
		if (filled(now, bytes[which], kept, which) != kept)
			ck_abort_msg("contents lost from %zu to %zu bytes", bytes[which], want);
		fill(now, want, which);
		objects[which] = now;
		bytes[which] = want;
	}
	for (int i = 0; i < 8; i++)
		heap_free(objects[i]);
	ck_assert_int_eq(live_bytes(), 0);
	ck_assert_uint_eq(page_heap.large_pages, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/large", begin, world_end);

	tcase_add_test(tests, test_it_counts_by_whole_pages);
	tcase_add_test(tests, test_only_its_first_byte_is_its_address);
	tcase_add_test(tests, test_it_shrinks_where_it_stands);
	tcase_add_test(tests, test_it_grows_into_a_free_neighbour);
	tcase_add_test(tests, test_what_must_move_is_copied_if_it_is_short);
	tcase_add_test(tests, test_what_must_move_has_its_pages_moved_if_it_is_long);
	tcase_add_test(tests, test_pages_left_behind_read_zero_and_say_so);
	tcase_add_test(tests, test_zeroed_fresh_pages_are_not_touched);
	tcase_add_test(tests, test_zeroed_used_pages_read_zero);
	tcase_add_test(tests, test_a_refusal_leaves_the_object_as_it_was);
	tcase_add_test(tests, test_it_becomes_small_and_large_again);
	tcase_add_test(tests, test_aligned_ones_give_back_all_that_they_took);
	tcase_add_test(tests, test_random_resizing_keeps_contents_and_counts);
	return suite_end();
}
