/*
 * check_magazine.c - heap/magazine.c.
 *
 * Proves: a magazine doubles when it runs empty or full, within its bounds and
 * the thread's budget; it gives back what was freed the longest ago, and all of
 * what lay unused between two looks; no step loses an object.
 */
#include "heap/magazine.h"

#include "base/config.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { CLASS = 10, BUDGET_BYTES = 2 << 20, OBJECTS_MAX = 1024 };

static struct cache *cache;

static void begin(void)
{
	world_begin();
	attach_surely();
	cache = cache_self;
	while (!cache_open_hinted(cache))
		ck_assert(is_excused());
}

static uint32_t room(uint32_t class)
{
	return (uint32_t)cache->magazines[class].limit - cache->magazines[class].bottom;
}

static void fill_surely(uint32_t class)
{
	while (!magazine_fill(cache, class))
		ck_assert(is_excused());
}

static void pools_audit(void)
{
	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++) {
		central_lock(class);
		central_audit(class);
		ck_assert_int_eq(cache->classes[class].net, (int64_t)centrals[class].out_objects);
		central_unlock(class);
		const struct magazine *magazine = &cache->magazines[class];
		ck_assert_ptr_null(cache_slots(cache)[magazine->bottom]);
		ck_assert_uint_ge(magazine->top, magazine->bottom);
		ck_assert_uint_le(magazine->top, magazine->limit);
		ck_assert_uint_le(room(class), cache_most_objects(class));
	}
}

START_TEST(test_an_empty_one_doubles_and_is_filled_by_half)
{
	uint32_t before = room(CLASS);

	ck_assert_uint_eq(before, cache_first_objects(CLASS));
	fill_surely(CLASS);
	ck_assert_uint_eq(room(CLASS), 2 * before);
	ck_assert_uint_eq(cache_held(cache, CLASS), before);
	ck_assert_int_eq(cache->classes[CLASS].net, before);
	pools_audit();
}
END_TEST

START_TEST(test_a_full_one_doubles_until_it_may_not)      /* _i: every class in turn */
{
	uint32_t class = (uint32_t)_i;

	while (room(class) < cache_most_objects(class)) {
		uint32_t before = room(class);
		magazine_make_room(cache, class, NULL);
		ck_assert_uint_gt(room(class), before);
		ck_assert_uint_le(room(class), 2 * before);
	}
	pools_audit();
}
END_TEST

START_TEST(test_what_was_freed_the_longest_ago_is_given_back)
{
	static void *objects[OBJECTS_MAX];
	uint32_t most = cache_most_objects(CLASS), kept = most / 2;

	for (uint32_t i = 0; i < most; i++)
		objects[i] = alloc_surely(size_classes[CLASS].object_bytes);
	magazine_empty(cache, CLASS);
	while (room(CLASS) < most)
		magazine_make_room(cache, CLASS, NULL);
	for (uint32_t i = 0; i < most; i++)
		heap_free(objects[i]);
	ck_assert_uint_eq(cache_held(cache, CLASS), most);
	magazine_make_room(cache, CLASS, NULL);
	ck_assert_uint_eq(cache_held(cache, CLASS), kept);
	for (uint32_t i = 0; i < kept; i++)
		ck_assert_ptr_eq(cache_slots(cache)[cache->magazines[CLASS].bottom + 1 + i],
			objects[most - kept + i]);
	pools_audit();
}
END_TEST

START_TEST(test_all_magazines_together_keep_to_the_budget)
{
	size_t bytes = 0;

	for (int round = 0; round < 10; round++)
		for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++)
			if (cache_held(cache, class) == 0)
				magazine_fill(cache, class);
			else
				magazine_make_room(cache, class, NULL);
	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++)
		bytes += (size_t)(room(class) - cache_first_objects(class)) *
			size_classes[class].object_bytes;
	ck_assert_uint_eq(cache->grown_bytes, bytes);
	ck_assert_uint_le(bytes, BUDGET_BYTES);
	pools_audit();
}
END_TEST

static void look_at_all(void)
{
	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++)
		magazine_decay_next(cache);
}

START_TEST(test_what_lies_unused_between_two_looks_goes_back)
{
	size_t grown_bytes = cache->grown_bytes;

	fill_surely(CLASS);
	look_at_all();
	ck_assert_uint_gt(cache_held(cache, CLASS), 0);
	look_at_all();
	ck_assert_uint_eq(cache_held(cache, CLASS), 0);
	ck_assert_uint_eq(room(CLASS), cache_first_objects(CLASS));
	ck_assert_uint_eq(cache->grown_bytes, grown_bytes);
	pools_audit();
}
END_TEST

START_TEST(test_what_is_used_between_two_looks_stays)
{
	void *object = alloc_surely(size_classes[CLASS].object_bytes);

	heap_free(object);
	look_at_all();
	for (int round = 0; round < 5; round++) {
		object = heap_alloc(size_classes[CLASS].object_bytes);
		heap_free(object);
		look_at_all();
		ck_assert_uint_gt(cache_held(cache, CLASS), 0);
	}
}
END_TEST

START_TEST(test_samples_reach_the_pool_with_the_next_batch)
{
	uint64_t before = centrals[CLASS].sampled_objects, bytes = centrals[CLASS].sampled_bytes;

	magazine_sample(cache, CLASS, 150);
	magazine_sample(cache, CLASS, 160);
	fill_surely(CLASS);
	ck_assert_uint_eq(centrals[CLASS].sampled_objects, before + 2);
	ck_assert_uint_eq(centrals[CLASS].sampled_bytes, bytes + 310);
	magazine_empty(cache, CLASS);
	ck_assert_uint_eq(centrals[CLASS].sampled_objects, before + 2);
}
END_TEST

START_TEST(test_samples_of_the_largest_add_up)
{
	enum { SAMPLES = 40000 }; /* more bytes than 32 bits hold */
	uint32_t class = SIZE_CLASS_COUNT - 1;
	uint64_t before = centrals[class].sampled_bytes;

	for (int i = 0; i < SAMPLES; i++)
		magazine_sample(cache, class, SMALL_MAX_BYTES);
	fill_surely(class);
	ck_assert_uint_eq(centrals[class].sampled_bytes - before,
		(uint64_t)SAMPLES * SMALL_MAX_BYTES);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/magazine", begin, world_end);

	tcase_add_test(tests, test_an_empty_one_doubles_and_is_filled_by_half);
	tcase_add_loop_test(tests, test_a_full_one_doubles_until_it_may_not, 1, SIZE_CLASS_COUNT);
	tcase_add_test(tests, test_what_was_freed_the_longest_ago_is_given_back);
	tcase_add_test(tests, test_all_magazines_together_keep_to_the_budget);
	tcase_add_test(tests, test_what_lies_unused_between_two_looks_goes_back);
	tcase_add_test(tests, test_what_is_used_between_two_looks_stays);
	tcase_add_test(tests, test_samples_reach_the_pool_with_the_next_batch);
	tcase_add_test(tests, test_samples_of_the_largest_add_up);
	return suite_end();
}
