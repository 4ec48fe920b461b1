/*
 * check_draining.c - heap/draining.c.
 *
 * Proves: of a class whose spans are mostly free the sparsest drain; nobody is
 * given an object of theirs while there is another; a free there goes home at
 * once and is counted; misuse there is caught at the call; what drains is taken
 * back before the heap grows; a heap that is used at random while it is sparse
 * becomes dense.
 */
#include "heap/draining.h"

#include <signal.h>
#include <string.h>

#include "heap/cache.h"
#include "heap/cooling.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/slowpath.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BYTES = 512, SPANS = 200, KEPT_ONE_IN = 4, OBJECTS_MAX = 64 * SPANS };

static void *objects[OBJECTS_MAX];
static size_t count;
static uint32_t class;

static void begin_to_drain(void)
{
	/* An interval's end may have come by on a slow machine. */
	ck_assert(draining_is_due(class) || centrals[class].draining != NULL);
	central_lock(class);
	draining_begin(class);
	central_audit(class);
	central_unlock(class);
}

static void drop(size_t which)
{
	heap_free(objects[which]);
	objects[which] = objects[--count];
}

/* A heap that has shrunk at random: three of four are freed. */
static void begin_sparse(void)
{
	world_begin();
	attach_surely();
	class = size_class_of(BYTES);
	for (count = 0; count < OBJECTS_MAX; count++) {
		objects[count] = alloc_surely(BYTES);
		fill(objects[count], BYTES, (uintptr_t)objects[count]);
	}
	while (count > OBJECTS_MAX / KEPT_ONE_IN)
		drop(random_below(count));
	heap_reclaim(cache_self);
}

static void begin(void)
{
	begin_sparse();
	begin_to_drain();
}

static void end(void)
{
	while (count > 0)
		drop(0);
	heap_reclaim(cache_self);
	ck_assert_uint_eq(centrals[class].draining_free, 0);
	world_end();
}

static bool drains(const void *object)
{
	return span_is_draining(span_of_small(object));
}

/* The last of our objects whose span drains. */
static void *draining_object(void)
{
	for (size_t i = 0; i < count; i++) {
		if (drains(objects[i])) {
			void *object = objects[i];
			objects[i] = objects[count - 1];
			return objects[count - 1] = object;
		}
	}
	ck_abort_msg("no span drains");
}

START_TEST(test_the_sparsest_drain_until_an_eighth_is_left)
{
	uint64_t out = centrals[class].out_objects, span_objects = size_classes[class].span_objects;
	uint64_t free = centrals[class].span_count * span_objects - out -
		centrals[class].draining_free;

	ck_assert_uint_gt(centrals[class].draining_free, 0);
	ck_assert_uint_le(free, out / 8 + span_objects);
	for (const struct span *span = centrals[class].draining; span != NULL; span = span->next)
		ck_assert_uint_ge(8 * span_free_objects(span), 2 * span_objects);
}
END_TEST

START_TEST(test_nobody_is_given_an_object_of_theirs_while_there_is_another)
{
	uint64_t span_objects = size_classes[class].span_objects;
	uint64_t free = centrals[class].span_count * span_objects - centrals[class].out_objects -
		centrals[class].draining_free;

	for (uint64_t i = 0; i < free; i++) {
		objects[count] = alloc_surely(BYTES);
		ck_assert(!drains(objects[count]));
		count++;
	}
}
END_TEST

START_TEST(test_a_free_there_goes_home_at_once_and_is_counted)
{
	void *object = draining_object();
	struct span *span = span_of_small(object);
	struct cache_row before = cache_read_row(cache_self, class);
	uint64_t home = span->home_count, free = centrals[class].draining_free;

	drop(count - 1);
	struct cache_row after = cache_read_row(cache_self, class);
	ck_assert_uint_eq(after.held_objects, before.held_objects);
	ck_assert_int_eq(after.live_objects, before.live_objects - 1);
	ck_assert_uint_eq(after.nmalloc, before.nmalloc);
	/* Its last object may have been that. */
	ck_assert(centrals[class].draining_free < free ||
		(span->home_count == home + 1 && centrals[class].draining_free == free + 1));
}
END_TEST

START_TEST(test_an_object_there_is_as_any_other)
{
	char *object = draining_object();

	ck_assert_uint_eq(heap_usable_bytes(object, NULL), BYTES);
	ck_assert_ptr_eq(heap_realloc(object, BYTES - 100, NULL), object);
	char *moved = realloc_surely(object, 10 * BYTES);
	ck_assert_ptr_ne(moved, object);
	ck_assert_uint_eq(filled(moved, BYTES, BYTES, (uintptr_t)object), BYTES);
	objects[count - 1] = moved;
}
END_TEST

START_TEST(test_what_drains_is_taken_back_before_the_heap_grows)
{
	uint64_t spans = centrals[class].span_count;

	while (centrals[class].draining != NULL) {
		ck_assert_uint_lt(count, OBJECTS_MAX);
		objects[count++] = alloc_surely(BYTES);
		ck_assert_uint_eq(centrals[class].span_count, spans);
	}
}
END_TEST

START_TEST(test_a_sparse_heap_in_use_becomes_dense)
{
	size_t needed = count / size_classes[class].span_objects;

	ck_assert_uint_gt(centrals[class].span_count, 3 * needed);
	for (int round = 0; round < 12; round++) {
		for (size_t i = 0; i < count; i++) {
			size_t which = random_below(count);
			heap_free(objects[which]);
			objects[which] = alloc_surely(BYTES);
		}
		if (!draining_is_due(class))
			continue;
		central_lock(class);
		draining_begin(class);
		cooling_release(class, 1000);
		central_audit(class);
		central_unlock(class);
	}
	ck_assert_uint_lt(centrals[class].span_count, 2 * needed);
}
END_TEST

START_TEST(test_a_second_free_there_is_fatal_at_once)
{
	void *object = draining_object();

	heap_free(object);
	heap_free(object);
}
END_TEST

START_TEST(test_a_second_free_is_fatal_at_once_where_it_began_after_the_first)
{
	void *object = objects[0];

	for (size_t i = 1; i < count; i++)
		if (span_free_objects(span_of_small(objects[i])) >
			span_free_objects(span_of_small(object)))
			object = objects[i];
	heap_free(object);
	begin_to_drain();
	ck_assert(drains(object));
	heap_free(object);
	ck_abort_msg("not at once");
}
END_TEST

START_TEST(test_the_inside_of_an_object_there_is_fatal_at_once)
{
	heap_free((char *)draining_object() + 16);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/draining", begin, end);

	tcase_add_test(tests, test_the_sparsest_drain_until_an_eighth_is_left);
	tcase_add_test(tests, test_nobody_is_given_an_object_of_theirs_while_there_is_another);
	tcase_add_test(tests, test_a_free_there_goes_home_at_once_and_is_counted);
	tcase_add_test(tests, test_an_object_there_is_as_any_other);
	tcase_add_test(tests, test_what_drains_is_taken_back_before_the_heap_grows);
	tcase_add_test(tests, test_a_sparse_heap_in_use_becomes_dense);
	tcase_add_test_raise_signal(tests, test_a_second_free_there_is_fatal_at_once, SIGABRT);
	tcase_add_test_raise_signal(tests, test_the_inside_of_an_object_there_is_fatal_at_once,
		SIGABRT);
	tests = suite_case("about to drain", begin_sparse, end);
	tcase_add_test_raise_signal(tests,
		test_a_second_free_is_fatal_at_once_where_it_began_after_the_first, SIGABRT);
	return suite_end();
}
