/*
 * check_record.c - check/record.h.
 *
 * Proves: of several threads that free an object at once one makes it leave, and only a live one
 * leaves; a record has what it was given; the records of a new span are fresh, whatever was
 * there before, and those of others are as they were; alignments that are told apart are.
 */
#include "check/record.h"

#include <pthread.h>
#include <string.h>

#include "base/config.h"
#include "heap/large.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { THREADS = 4, ROUNDS = 2000, SPANS = 16 };

static struct object_record shared;
static pthread_barrier_t barrier;

static uint64_t won[THREADS];

static void *leave_each_round(void *arg)
{
	uint64_t *mine = arg;
	struct object_record found;

	for (int round = 0; round < ROUNDS; round++) {
		if (mine == won)
			word_store(&shared.word, record_live_word(1, 1));
		pthread_barrier_wait(&barrier);
		*mine += record_leave(&shared, &found);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

START_TEST(test_one_thread_makes_it_leave)
{
	pthread_t threads[THREADS];
	uint64_t sum = 0;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, leave_each_round, &won[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += won[i];
	}
	ck_assert_uint_eq(sum, ROUNDS);
	pthread_barrier_destroy(&barrier);
}
END_TEST

START_TEST(test_only_a_live_one_leaves)
{
	struct object_record record = {.word = 0}, found;

	ck_assert(!record_leave(&record, &found));
	ck_assert_uint_eq(found.state, RECORD_FRESH);
	record.word = record_live_word(77, 64);
	ck_assert_uint_eq(record.slack, 77);
	ck_assert_uint_eq(record.align_log2, record_align_of(64));
	ck_assert(record_leave(&record, &found));
	ck_assert_uint_eq(found.slack, 77);
	ck_assert(!record_leave(&record, &found));
	ck_assert_uint_eq(found.state, RECORD_LEAVING);
	record_retire(&record, 5);
	ck_assert_uint_eq(record.freed_at, 5);
	ck_assert_uint_eq(record.slack, 77);
	ck_assert(!record_leave(&record, &found));
	ck_assert_uint_eq(found.state, RECORD_FREED);
}
END_TEST

START_TEST(test_alignments_are_told_apart)
{
	for (size_t align = 1; align <= 16; align *= 2)
		ck_assert_uint_eq(record_align_of(align), 0);
	for (unsigned log2 = 5; log2 < 48; log2++)
		ck_assert_uint_eq(record_align_of((size_t)1 << log2), log2);
}
END_TEST

static bool open_now(const struct span *span, uint32_t class, uint32_t objects)
{
	lock_acquire(&page_heap_lock);
	bool is_open = records_open(span, class, objects);
	lock_release(&page_heap_lock);
	return is_open;
}

static bool all_are(const struct object_record *records, uint32_t objects, uint64_t word)
{
	for (uint32_t i = 0; i < objects; i++)
		if (records[i].word != word)
			return false;
	return true;
}

/* Of any numbers of objects, by turns, in spans that come and go. */
START_TEST(test_a_new_spans_records_are_fresh)
{
	struct span *spans[SPANS];
	uint32_t objects[SPANS] = {0};

	for (int i = 0; i < SPANS; i++)
		spans[i] = span_of_large(large_surely(1 << 20));
	for (uint32_t turn = 0; turn < 2000; turn++) {
		int i = (int)(turn * 7 % SPANS);
		uint32_t count = 1 + turn * 37 % 600;
		if (objects[i] != 0)
			ck_assert(all_are(records_of(spans[i]), objects[i], (uint64_t)i << 2));
		objects[i] = 0;
		if (!open_now(spans[i], 0, count)) {
			ck_assert(CONFIG_TORTURE);
			continue;
		}
		ck_assert(all_are(records_of(spans[i]), count, 0));
		objects[i] = count;
		for (uint32_t at = 0; at < count; at++)
			records_of(spans[i])[at].word = (uint64_t)i << 2;
	}
	for (int i = 0; i < SPANS; i++)
		large_free(span_object(spans[i]), NULL);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("check/record", world_begin, world_end);

	tcase_add_test(tests, test_one_thread_makes_it_leave);
	tcase_add_test(tests, test_only_a_live_one_leaves);
	tcase_add_test(tests, test_alignments_are_told_apart);
	tcase_add_test(tests, test_a_new_spans_records_are_fresh);
	return suite_end();
}
