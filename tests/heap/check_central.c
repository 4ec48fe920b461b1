/*
 * check_central.c - heap/central.c.
 *
 * Proves: objects are taken from the stack before the spans, and from the fullest
 * span before a sparse one; a span that is all home goes back to the page heap;
 * what lies in the stack unused is drained; the pool adds up at every step; while
 * the gate is closed nobody holds a class's lock.
 */
#include "heap/central.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/config.h"
#include "heap/page_heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { OUT_MAX = 8192, CLASS = 24 /* 512 bytes, 64 a span */ };

static void *out[OUT_MAX];

static uint32_t take(uint32_t class, void **objects, uint32_t want)
{
	central_lock(class);
	uint32_t got = central_take(class, objects, want);
	central_audit(class);
	central_unlock(class);
	ck_assert(got > 0 || is_excused());
	return got;
}

static void take_all(uint32_t class, void **objects, uint32_t want)
{
	for (uint32_t got = 0; got < want;)
		got += take(class, objects + got, want - got);
}

static void give(uint32_t class, void **objects, uint32_t count)
{
	central_lock(class);
	central_give(class, objects, count, NULL);
	central_audit(class);
	central_unlock(class);
}

/* Past the stack, to the spans. */
static void give_home(uint32_t class, void **objects, uint32_t count)
{
	give(class, objects, count);
	central_lock(class);
	central_drain_all(class);
	central_audit(class);
	central_unlock(class);
}

START_TEST(test_what_one_gives_another_takes_in_the_same_order)
{
	void *again[8];
	uint32_t count = 4;

	take_all(CLASS, out, count);
	give(CLASS, out, count);
	ck_assert_uint_eq(centrals[CLASS].stacked_count, count);
	ck_assert_uint_eq(take(CLASS, again, count), count);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_ptr_eq(again[i], out[i]);
	give_home(CLASS, again, count);
}
END_TEST

START_TEST(test_a_new_span_is_taken_for_the_first_object_only)
{
	uint32_t objects = size_classes[CLASS].span_objects;

	take_all(CLASS, out, objects - 2);
	ck_assert_uint_eq(centrals[CLASS].span_count, 1);
	ck_assert_uint_eq(take(CLASS, out + objects - 2, 10), 2);
	ck_assert_uint_eq(centrals[CLASS].span_count, 1);
	give_home(CLASS, out, objects);
	ck_assert_uint_eq(centrals[CLASS].span_count, 0);
	ck_assert_uint_eq(page_heap.inuse_pages, 0);
}
END_TEST

START_TEST(test_the_fullest_span_is_taken_from_first)
{
	uint32_t objects = size_classes[CLASS].span_objects;
	void *next;

	take_all(CLASS, out, 2 * objects);
	struct span *first = span_of_small(out[0]), *second = span_of_small(out[objects]);
	ck_assert_ptr_ne(first, second);
	/* The first keeps a quarter of its objects out, the second three. */
	give_home(CLASS, out, objects * 3 / 4);
	give_home(CLASS, out + objects, objects / 4);
	take_all(CLASS, &next, 1);
	ck_assert_ptr_eq(span_of_small(next), second);
	give_home(CLASS, &next, 1);
}
END_TEST

START_TEST(test_a_span_that_is_all_home_goes_back)
{
	uint32_t objects = size_classes[CLASS].span_objects;

	take_all(CLASS, out, 3 * objects);
	ck_assert_uint_eq(centrals[CLASS].span_count, 3);
	struct span *second = span_of_small(out[objects]);
	give_home(CLASS, out + objects, objects);
	ck_assert_uint_eq(centrals[CLASS].span_count, 2);
	ck_assert_ptr_null(span_of_small(span_address(second)));
	give_home(CLASS, out, objects);
	give_home(CLASS, out + 2 * objects, objects);
	ck_assert_uint_eq(centrals[CLASS].span_count, 0);
}
END_TEST

START_TEST(test_the_stack_takes_a_batch_as_a_whole_or_not_at_all)
{
	uint32_t capacity = centrals[CLASS].stack_capacity;

	take_all(CLASS, out, capacity + 3);
	give(CLASS, out, capacity - 1);
	ck_assert_uint_eq(centrals[CLASS].stacked_count, capacity - 1);
	give(CLASS, out + capacity - 1, 4);
	ck_assert_uint_eq(centrals[CLASS].stacked_count, capacity - 1);
	give_home(CLASS, out, 0);
}
END_TEST

START_TEST(test_a_stack_that_nobody_takes_from_has_ever_less_room)
{
	uint32_t capacity = centrals[CLASS].stack_capacity, objects = 4 * capacity;

	if (CONFIG_TORTURE)
		return; /* it is as small as it gets */
	take_all(CLASS, out, objects);
	for (uint32_t given = 0; given < objects; given += capacity / 4)
		give(CLASS, out + given, capacity / 4);
	ck_assert_uint_lt(centrals[CLASS].stack_room, capacity);
	ck_assert_uint_le(centrals[CLASS].stacked_count, centrals[CLASS].stack_room);
	take_all(CLASS, out, objects); /* until it is empty */
	ck_assert_uint_eq(centrals[CLASS].stack_room, capacity);
	give_home(CLASS, out, objects);
}
END_TEST

START_TEST(test_what_lay_in_the_stack_between_two_drains_goes_home)
{
	void *used[2];

	take_all(CLASS, out, 6);
	give(CLASS, out, 6);
	central_lock(CLASS);
	central_drain(CLASS); /* came since the last drain: nothing is old */
	ck_assert_uint_eq(centrals[CLASS].stacked_count, 6);
	central_unlock(CLASS);
	take_all(CLASS, used, 2); /* two were of use */
	give(CLASS, used, 2);
	central_lock(CLASS);
	central_drain(CLASS);
	ck_assert_uint_eq(centrals[CLASS].stacked_count, 2);
	central_drain(CLASS);
	ck_assert_uint_eq(centrals[CLASS].stacked_count, 0);
	central_unlock(CLASS);
	ck_assert_uint_eq(page_heap.inuse_pages, 0);
}
END_TEST

START_TEST(test_random_traffic_adds_up)                   /* _i: every sixth class */
{
	uint32_t class = (uint32_t)_i * 6 + 1, count = 0;
	void *batch[16];

	for (int step = 0; step < 400; step++) {
		uint32_t many = 1 + (uint32_t)random_below(16);
		if (random_below(2) == 0 && count + many < OUT_MAX) {
			count += take(class, out + count, many);
		} else {
			uint32_t had = 0;
			for (; had < many && count > 0; had++) {
				uint32_t which = (uint32_t)random_below(count);
				batch[had] = out[which];
				out[which] = out[--count];
			}
			give(class, batch, had);
		}
		ck_assert_uint_eq(centrals[class].out_objects, count);
		if (random_below(50) == 0) {
			central_lock(class);
			central_drain(class);
			central_audit(class);
			central_unlock(class);
		}
	}
	/* No object is out twice. */
	for (uint32_t i = 0; i < count; i++)
		*(uint32_t *)out[i] = i;
	for (uint32_t i = 0; i < count; i++)
		if (*(uint32_t *)out[i] != i)
			ck_abort_msg("%p is out twice", out[i]);
	give_home(class, out, count);
	ck_assert_uint_eq(page_heap.inuse_pages, 0);
}
END_TEST

enum { PASSERS = 4, CLOSINGS = 2000 };

static uint64_t passed[SIZED_CLASS_COUNT]; /* guarded by the class's lock */
static bool is_over;

static void *pass(void *argument)
{
	for (uint32_t i = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
		uint32_t class = 1 + i % (SIZED_CLASS_COUNT - 1);
		central_lock(class);
		passed[class]++;
		central_unlock(class);
	}
	return argument;
}

START_TEST(test_nobody_passes_a_closed_gate)
{
	static uint64_t before[SIZED_CLASS_COUNT];
	pthread_t threads[PASSERS];

	for (int i = 0; i < PASSERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pass, NULL), 0);
	for (int i = 0; i < CLOSINGS; i++) {
		central_gate_close();
		memcpy(before, passed, sizeof(before));
		sched_yield();
		ck_assert_mem_eq(before, passed, sizeof(before));
		central_gate_open();
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < PASSERS; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(test_a_childs_gate_is_open_and_its_locks_are_free)
{
	central_gate_close();
	centrals[CLASS].lock.state = 1; /* somebody was about to see that it is closed */
	central_gate_reset();
	central_lock(CLASS);
	central_unlock(CLASS);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/central", world_begin, world_end_pools);

	tcase_add_test(tests, test_what_one_gives_another_takes_in_the_same_order);
	tcase_add_test(tests, test_a_new_span_is_taken_for_the_first_object_only);
	tcase_add_test(tests, test_the_fullest_span_is_taken_from_first);
	tcase_add_test(tests, test_a_span_that_is_all_home_goes_back);
	tcase_add_test(tests, test_the_stack_takes_a_batch_as_a_whole_or_not_at_all);
	tcase_add_test(tests, test_a_stack_that_nobody_takes_from_has_ever_less_room);
	tcase_add_test(tests, test_what_lay_in_the_stack_between_two_drains_goes_home);
	tcase_add_test(tests, test_nobody_passes_a_closed_gate);
	tcase_add_test(tests, test_a_childs_gate_is_open_and_its_locks_are_free);
	tcase_add_loop_test(tests, test_random_traffic_adds_up, 0, 12);
	return suite_end();
}
