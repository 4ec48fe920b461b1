/*
 * check_sample.c - heap/sample.c, and what the slow paths do with it.
 *
 * Proves: of each size, what the samples stand for is what was allocated, within what chance
 * explains, and chance explains no less, changes of the rate included; their frees are told apart by their class alone;
 * the books are exact, whatever is sampled; nothing is sampled at a rate of 0; a thread
 * that allocates faster than the clock allows has fewer samples, of more weight.
 */
#include "heap/sample.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/os.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "heap/span.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { ROUNDS = 40, ROUNDS_NS = 1000 * 1000 * 1000, LIVE = 500, THREADS = 3, STEPS = 100000, RATE = 16 << 10 };

/* What the hook was told, by the thread that allocates. */
static __thread struct {
	uint64_t count;
	double objects;
	double bytes;
	void *last;
	size_t last_bytes;
} told;

static void note(const struct sample *sample)
{
	double bytes = (double)sample->usable_bytes;

	ck_assert(sample->weight >= 1);
	ck_assert_uint_le(sample->bytes, sample->usable_bytes);
	told.count++;
	told.objects += sample->weight;
	told.bytes += sample->weight * bytes;
	told.last = sample->object;
	told.last_bytes = sample->bytes;
}

/* In a torture build the OS may refuse a thread its cache, without which nothing is
   sampled. */
static void begin(void)
{
	world_begin();
	while (cache_self == &cache_none)
		heap_free(alloc_surely(16));
	heap_hooks.sampled = note;
}

static const size_t sizes[] = {16, 100, 1000, 5000, 32768, 100000, 262144, 300000, 5000000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(test_samples_stand_for_what_was_allocated)   /* _i: the size */
{
	uint64_t end_ns = os_coarse_ns() + ROUNDS_NS; /* where they are slow there are fewer */
	double squares = 0;
	int rounds = 0;

	sample_window_most = UINT32_MAX;
	sample_set_rate(RATE);
	for (; rounds < ROUNDS && os_coarse_ns() < end_ns; rounds++) {
		double bytes = 0, variance = 0;
		memset(&told, 0, sizeof(told));
		for (int i = 0; i < 3000 + (int)(1000000 / sizes[_i]); i++) {
			told.last = NULL;
			void *object = alloc_surely(sizes[_i]);
			double usable = (double)heap_usable_bytes(object, NULL);
			bytes += usable;
			variance += usable * usable * (1 / -expm1(-usable / RATE) - 1);
			ck_assert(told.last != object || told.last_bytes == sizes[_i]);
			heap_free(object);
		}
		ck_assert_uint_gt(told.count, 0);
		/* Of large objects nearly each is one, and in hundreds of runs one is not. */
		double one = sizes[_i] > 10 * RATE ? (double)sizes[_i] : 0;
		double z = (told.bytes - bytes) / (sqrt(variance) + bytes * 1e-6 + one);
		ck_assert_msg(fabs(z) < 6, "%g bytes for %g: %g standard errors", told.bytes, bytes, z);
		squares += z * z;
	}
	/* Chi-squared of as many degrees of freedom; where nearly all is sampled it is less. */
	ck_assert_msg(squares < rounds + 6 * sqrt(2 * rounds) + 10, "%g of %d", squares, rounds);
	if (sizes[_i] < 10000 && rounds == ROUNDS)
		ck_assert_msg(squares > 0.3 * rounds, "%g of %d", squares, rounds);
}
END_TEST

START_TEST(test_the_books_are_exact)
{
	void *objects[LIVE] = {NULL};
	struct mstat_snapshot before, after;

	heap_snapshot(&before);
	sample_set_rate(1000);
	for (int i = 0; i < STEPS; i++) {
		size_t which = random_below(LIVE);
		heap_free(objects[which]);
		objects[which] = alloc_surely(random_size(which == 0 ? 1 << 20 : 20000));
	}
	ck_assert_uint_gt(told.count, 10);
	heap_audit();
	for (int i = 0; i < LIVE; i++)
		heap_free(objects[i]);
	heap_snapshot(&after);
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.nmalloc - after.nfree, before.nmalloc - before.nfree);
}
END_TEST

START_TEST(test_a_sample_is_an_object_like_any)
{
	uint32_t seen = 0;

	sample_set_rate(64);
	for (int i = 0; i < 3000; i++) {
		size_t bytes = random_size(5000);
		told.last = NULL;
		char *object = zeroed_surely(bytes);
		ck_assert(is_zero(object, bytes));
		if (told.last == object) {
			seen++;
			ck_assert_uint_eq(arena_class_at(arena_page_of(object)), 0);
			ck_assert_uint_eq(span_of_small(object)->use, SPAN_SAMPLED);
		}
		fill(object, bytes, (uint64_t)i);
		object = realloc_surely(object, 2 * bytes);
		ck_assert_uint_eq(filled(object, 2 * bytes, bytes, (uint64_t)i), bytes);
		heap_free(object);
	}
	ck_assert_uint_gt(seen, 10);
}
END_TEST

START_TEST(test_at_a_rate_of_none_there_is_none)
{
	sample_set_rate(100);
	heap_free(alloc_surely(5000));
	sample_set_rate(0);
	told.count = 0;
	for (int i = 0; i < STEPS; i++)
		heap_free(alloc_surely(random_size(300000)));
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(test_who_is_fast_has_fewer_samples_of_more_weight)
{
	uint64_t begin_ns = os_coarse_ns(), allocated = 0;

	sample_set_rate(64);
	memset(&told, 0, sizeof(told));
	for (; os_coarse_ns() - begin_ns < 200 * 1000 * 1000; allocated++)
		heap_free(alloc_surely(32768));
	/* Each would be one. */
	ck_assert_msg(told.count < allocated / 2 + 1000, "%lu of %lu", told.count, allocated);
	ck_assert(told.objects > (double)allocated / 3);
}
END_TEST

/* Each time that one is due, as else. */
START_TEST(test_a_change_of_the_rate_loses_none)
{
	double allocated = 0, variance = 0;

	sample_window_most = UINT32_MAX;
	sample_set_rate(RATE);
	heap_free(alloc_surely(500));
	memset(&told, 0, sizeof(told));
	for (int i = 0; i < 20 * STEPS; i++) {
		void *object = alloc_surely(500);
		double usable = (double)heap_usable_bytes(object, NULL);
		allocated += usable;
		variance += usable * usable * (1 / -expm1(-usable / (2 * RATE)) - 1);
		heap_free(object);
		if (i % 50 == 0)
			sample_set_rate(RATE + (size_t)(i / 50) % 2 * RATE);
	}
	double z = (told.bytes - allocated) / sqrt(variance);
	ck_assert_msg(fabs(z) < 6, "%g bytes for %g: %g standard errors", told.bytes, allocated, z);
}
END_TEST

START_TEST(test_a_large_object_of_another_size_is_another)
{
	char *object = alloc_surely(1 << 20);
	double allocated = 0;

	sample_window_most = UINT32_MAX;
	sample_set_rate(RATE);
	memset(&told, 0, sizeof(told));
	for (size_t bytes = 1 << 20; bytes < 50 << 20; bytes += 100000) {
		object = realloc_surely(object, bytes);
		if (bytes != 1 << 20) /* it had that size */
			allocated += (double)heap_usable_bytes(object, NULL);
	}
	ck_assert_msg(fabs(told.bytes / allocated - 1) < 1e-3, "%g for %g", told.bytes, allocated);
	heap_free(object);
}
END_TEST

/* Which is given room to grow. */
START_TEST(test_what_grows_counts_what_was_asked_for)
{
	uint32_t seen = 0;

	sample_set_rate(64);
	for (int i = 0; i < 300; i++) {
		char *object = alloc_surely(16);
		for (size_t bytes = 17; bytes < 60000; bytes += 1 + bytes / 8) {
			told.last = NULL;
			object = realloc_surely(object, bytes);
			seen += told.last == object;
			ck_assert(told.last != object || told.last_bytes == bytes);
		}
		heap_free(object);
	}
	ck_assert_uint_gt(seen, 100);
}
END_TEST

static void *act(void *argument)
{
	void *objects[LIVE] = {NULL};

	random_start((uintptr_t)argument);
	for (int i = 0; i < STEPS; i++) {
		size_t which = random_below(LIVE);
		heap_free(objects[which]);
		objects[which] = heap_alloc(random_size(3000));
		if (random_below(20000) == 0)
			sample_set_rate(random_size(10000));
	}
	for (int i = 0; i < LIVE; i++)
		heap_free(objects[i]);
	cache_detach();
	return NULL;
}

START_TEST(test_threads_and_changes_of_the_rate)
{
	pthread_t threads[THREADS];
	struct mstat_snapshot before, after;

	heap_snapshot(&before);
	sample_set_rate(1000);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, act, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	heap_snapshot(&after);
	ck_assert_uint_eq(after.alloc, before.alloc);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/sample", begin, world_end);

	tcase_add_loop_test(tests, test_samples_stand_for_what_was_allocated, 0, SIZES);
	tcase_add_test(tests, test_the_books_are_exact);
	tcase_add_test(tests, test_a_sample_is_an_object_like_any);
	tcase_add_test(tests, test_at_a_rate_of_none_there_is_none);
	tcase_add_test(tests, test_who_is_fast_has_fewer_samples_of_more_weight);
	tcase_add_test(tests, test_a_change_of_the_rate_loses_none);
	tcase_add_test(tests, test_a_large_object_of_another_size_is_another);
	tcase_add_test(tests, test_what_grows_counts_what_was_asked_for);
	tcase_add_test(tests, test_threads_and_changes_of_the_rate);
	return suite_end();
}
