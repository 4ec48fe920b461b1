/*
 * check_slowpath.c - heap/slowpath.c and heap/fastpath.h, which are one function
 * cut in two and so are tested as one.
 *
 * Proves: one miss buys one batch; the countdown counts each allocation once and
 * never runs far; misuse is fatal, and says so at once or when the object goes
 * home; a refusal sets errno and loses nothing.
 */
#include "heap/slowpath.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "heap/cache.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/release.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

static void begin(void)
{
	world_begin();
	attach_surely();
}

START_TEST(test_an_object_holds_its_class)                /* _i: every class in turn */
{
	size_t bytes = size_classes[_i].object_bytes;
	char *a = alloc_surely(bytes), *b = alloc_surely(bytes);

	ck_assert_uint_eq((uintptr_t)a % 16, 0);
	ck_assert_uint_eq((uintptr_t)b % 16, 0);
	ck_assert_uint_ge((size_t)(a < b ? b - a : a - b), bytes);
	memset(a, 1, bytes);
	memset(b, 2, bytes);
	ck_assert_int_eq(a[0], 1);
	ck_assert_int_eq(a[bytes - 1], 1);
	heap_free(a);
	heap_free(b);
}
END_TEST

START_TEST(test_one_miss_buys_one_batch)
{
	uint32_t class = size_class_of(64);
	void *first = alloc_surely(64);
	uint32_t held = cache_held(cache_self, class);
	uint64_t out = centrals[class].out_objects;

	ck_assert_uint_eq(out, held + 1);
	for (uint32_t i = 0; i < held; i++)
		alloc_surely(64);
	ck_assert_uint_eq(centrals[class].out_objects, out);
	alloc_surely(64);
	ck_assert_uint_gt(centrals[class].out_objects, out);
	heap_free(first);
}
END_TEST

START_TEST(test_the_last_freed_is_the_next_handed_out)
{
	void *objects[3];

	for (int i = 0; i < 3; i++)
		objects[i] = alloc_surely(500);
	for (int i = 0; i < 3; i++)
		heap_free(objects[i]);
	if (cache_held(cache_self, size_class_of(500)) >= 3)
		for (int i = 2; i >= 0; i--)
			ck_assert_ptr_eq(heap_alloc(500), objects[i]);
}
END_TEST

START_TEST(test_each_allocation_is_counted_once)          /* _i: every tenth class */
{
	uint32_t class = (uint32_t)_i * 10 + 1;
	size_t bytes = size_classes[class].object_bytes;
	void *objects[40] = {NULL};
	uint64_t nmalloc = 0, nfree = 0;

	for (int step = 0; step < 3000; step++) {
		size_t which = random_below(40);
		if (objects[which] != NULL) {
			heap_free(objects[which]);
			objects[which] = NULL;
			nfree++;
		} else if ((objects[which] = heap_alloc(bytes)) != NULL) {
			nmalloc++;
		}
		struct cache_row row = cache_read_row(cache_self, class);
		if (row.nmalloc != nmalloc || row.live_objects != (int64_t)(nmalloc - nfree))
			ck_abort_msg("step %d: %lu, not %lu", step, row.nmalloc, nmalloc);
	}
	for (int i = 0; i < 40; i++)
		heap_free(objects[i]);
}
END_TEST

START_TEST(test_the_countdown_is_short)                   /* _i: every class in turn */
{
	size_t bytes = size_classes[_i].object_bytes;

	for (int i = 0; i < 200; i++) {
		void *object = alloc_surely(bytes);
		int16_t until = cache_self->magazines[_i].until;
		if (until >= 2048 || until < 0)
			ck_abort_msg("counts down from %d", until);
		heap_free(object);
	}
}
END_TEST

START_TEST(test_free_of_nothing_does_nothing)
{
	void *object = alloc_surely(10);

	errno = 17;
	heap_free(NULL);
	heap_free(object);
	heap_free(NULL);
	ck_assert_int_eq(errno, 17);
}
END_TEST

START_TEST(test_a_refusal_says_so_and_loses_nothing)
{
	void *object = alloc_surely(10);

	errno = 0;
	ck_assert_ptr_null(heap_alloc((size_t)1 << 60));
	ck_assert_int_eq(errno, ENOMEM);
	errno = 0;
	ck_assert_ptr_null(heap_out_of_memory(1));
	ck_assert_int_eq(errno, ENOMEM);
	heap_free(object);
}
END_TEST

static int interval_count;

static void interval(void)
{
	interval_count++;
}

START_TEST(test_a_slow_path_looks_at_the_clock)
{
	heap_hooks.interval_passed = interval;
	release_be_due_in(0);
	heap_tick(cache_self);
	ck_assert_int_eq(interval_count, 1);
	release_be_due_in((uint64_t)1 << 60);
	heap_tick(cache_self);
	ck_assert_int_eq(interval_count, 1);
}
END_TEST

/* Misuse: each ends in SIGABRT. */

static char not_ours[64];

START_TEST(test_a_pointer_that_is_not_ours_is_fatal)
{
	heap_free(alloc_surely(1));
	heap_free(not_ours);
}
END_TEST

START_TEST(test_the_second_free_in_a_row_is_fatal)
{
	void *object = alloc_surely(300);

	heap_free(object);
	heap_free(object);
}
END_TEST

START_TEST(test_freeing_what_has_no_span_any_more_is_fatal)
{
	void *object = alloc_surely(300);

	heap_free(object);
	heap_trim(0);
	if (arena.class_map[arena_page_of(object)] == 0)
		heap_free(object);
}
END_TEST

START_TEST(test_freeing_what_is_home_is_fatal_when_it_goes_there)
{
	void *object = alloc_surely(300), *other = alloc_surely(300);

	heap_free(object);
	heap_trim(0);
	heap_free(object);
	heap_trim(0);
	heap_free(other);
}
END_TEST

START_TEST(test_an_address_inside_an_object_is_fatal_when_it_goes_home)
{
	char *object = alloc_surely(300);

	heap_free(object + 16);
	heap_trim(0);
}
END_TEST

START_TEST(test_an_address_inside_a_large_object_is_fatal)
{
	char *object = alloc_surely(SMALL_MAX_BYTES + 1);

	heap_free(object + PAGE_BYTES);
}
END_TEST

START_TEST(test_a_large_objects_second_free_is_fatal)
{
	char *object = alloc_surely(SMALL_MAX_BYTES + 1);

	heap_free(object);
	heap_free(object);
}
END_TEST

START_TEST(test_resizing_what_is_not_ours_is_fatal)
{
	heap_free(alloc_surely(1));
	heap_realloc(not_ours, 100, NULL);
}
END_TEST

START_TEST(test_asking_for_the_size_of_what_is_not_ours_is_fatal)
{
	heap_free(alloc_surely(1));
	heap_usable_bytes(not_ours, NULL);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/slowpath", begin, world_end);
	TCase *misuse = suite_case("misuse", begin, NULL);

	tcase_add_loop_test(tests, test_an_object_holds_its_class, 1, SIZED_CLASS_COUNT);
	tcase_add_test(tests, test_one_miss_buys_one_batch);
	tcase_add_test(tests, test_the_last_freed_is_the_next_handed_out);
	tcase_add_loop_test(tests, test_each_allocation_is_counted_once, 0, 8);
	tcase_add_loop_test(tests, test_the_countdown_is_short, 1, SIZED_CLASS_COUNT);
	tcase_add_test(tests, test_free_of_nothing_does_nothing);
	tcase_add_test(tests, test_a_refusal_says_so_and_loses_nothing);
	tcase_add_test(tests, test_a_slow_path_looks_at_the_clock);

	tcase_add_test_raise_signal(misuse, test_a_pointer_that_is_not_ours_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_the_second_free_in_a_row_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_freeing_what_has_no_span_any_more_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_freeing_what_is_home_is_fatal_when_it_goes_there, SIGABRT);
	tcase_add_test_raise_signal(misuse,
		test_an_address_inside_an_object_is_fatal_when_it_goes_home, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_an_address_inside_a_large_object_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_a_large_objects_second_free_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse, test_resizing_what_is_not_ours_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(misuse,
		test_asking_for_the_size_of_what_is_not_ours_is_fatal, SIGABRT);
	return suite_end();
}
