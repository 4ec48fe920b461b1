/*
 * check_snapshot.c - heap/snapshot.c: the books as they are handed out.
 *
 * Proves: the sums in the comment of struct mstat_snapshot hold after any traffic;
 * the threads' figures are signed and sum to the whole; rows and totals agree.
 */
#include "heap/snapshot.h"

#include <pthread.h>
#include <unistd.h>

#include "base/os.h"
#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { OBJECTS = 300, THREADS = 3 };

static void *objects[OBJECTS];

static struct mstat_thread_snapshot thread_now(void)
{
	struct mstat_thread_snapshot thread;

	ck_assert(heap_thread_snapshot(0, &thread));
	return thread;
}

static void traffic(int steps)
{
	for (int step = 0; step < steps; step++) {
		size_t which = random_below(OBJECTS);
		heap_free(objects[which]);
		objects[which] = heap_alloc(random_size(1 << 20));
	}
}

START_TEST(test_a_heap_nobody_used_is_all_zero)
{
	struct mstat_snapshot snapshot = snapshot_now();

	ck_assert_uint_eq(snapshot.struct_bytes, sizeof(snapshot));
	ck_assert_uint_eq(snapshot.version, MSTAT_SNAPSHOT_VERSION);
	ck_assert_uint_eq(snapshot.size_class_count, SIZED_CLASS_COUNT);
	tally_check_sums(&snapshot);
	ck_assert_uint_eq(snapshot.heap_sys, 0);
	ck_assert_uint_eq(snapshot.nmalloc, 0);
	ck_assert_uint_eq(snapshot.thread_count, 0);
}
END_TEST

START_TEST(test_the_sums_hold_after_any_traffic)
{
	for (int i = 0; i < 50; i++) {
		traffic(200);
		struct mstat_snapshot snapshot = snapshot_now();
		tally_check_sums(&snapshot);
		ck_assert_uint_eq(snapshot.thread_count, 1);
		if (random_below(10) == 0)
			heap_trim(0);
	}
}
END_TEST

/* What the fields count, one object at a time. */
START_TEST(test_each_operation_moves_its_fields)
{
	attach_surely();
	heap_free(alloc_surely(1000));
	struct mstat_snapshot before = snapshot_now();
	void *object = alloc_surely(1000);
	struct mstat_snapshot during = snapshot_now();

	ck_assert_uint_eq(during.alloc, before.alloc + 1024);
	ck_assert_uint_eq(during.total_alloc, before.total_alloc + 1024);
	ck_assert_uint_eq(during.nmalloc, before.nmalloc + 1);
	ck_assert_uint_eq(during.nfree, before.nfree);
	/* It came from the magazine: what threads hold is the same. */
	ck_assert_uint_eq(during.heap_alloc, before.heap_alloc);
	ck_assert_uint_eq(during.heap_objects, before.heap_objects);
	heap_free(object);
	struct mstat_snapshot after = snapshot_now();
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.total_alloc, during.total_alloc);
	ck_assert_uint_eq(after.nfree, before.nfree + 1);
}
END_TEST

START_TEST(test_rows_agree_with_totals)
{
	uint64_t live_bytes = 0, magazine_bytes = 0, free_bytes = 0, span_bytes = 0;

	traffic(2000);
	struct mstat_snapshot snapshot = snapshot_now();
	ck_assert_uint_eq(heap_source.class_count(), SIZED_CLASS_COUNT);
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		struct source_class row;
		heap_source.size_class(class, &row);
		ck_assert_uint_eq(row.object_bytes, snapshot.by_size[class].size_bytes);
		ck_assert_uint_eq(row.nmalloc, snapshot.by_size[class].nmalloc);
		ck_assert_uint_eq(row.nfree, snapshot.by_size[class].nfree);
		ck_assert_uint_eq(row.live_objects, row.nmalloc - row.nfree);
		live_bytes += row.live_objects * row.object_bytes;
		magazine_bytes += row.magazine_objects * row.object_bytes;
		free_bytes += row.span_free_objects * row.object_bytes;
		span_bytes += row.span_bytes;
	}
	ck_assert_uint_eq(live_bytes, snapshot.alloc - snapshot.large_alloc);
	ck_assert_uint_eq(magazine_bytes, snapshot.magazine_bytes);
	ck_assert_uint_eq(span_bytes, snapshot.heap_inuse - snapshot.large_alloc);
	ck_assert_uint_le(free_bytes, snapshot.span_free_bytes); /* and what carving left over */
}
END_TEST

struct visitor {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct mstat_thread_snapshot figures;
	void **gift;
};

/* Allocates for others, frees what it was given, and stays to be looked at. */
static void *visit(void *argument)
{
	struct visitor *visitor = argument;

	random_start((uintptr_t)argument);
	attach_surely();
	for (int i = 0; i < 200; i++) {
		heap_free(visitor->gift[i]);
		visitor->gift[i] = alloc_surely(random_size(5000));
	}
	for (int i = 0; i < 150; i++) {
		heap_free(visitor->gift[i]);
		visitor->gift[i] = NULL;
	}
	visitor->figures = thread_now();
	pthread_barrier_wait(visitor->barrier);
	pthread_barrier_wait(visitor->barrier);
	cache_detach();
	return NULL;
}

static struct visitor visitors[THREADS];
static void *gifts[THREADS][200];

static void visitors_begin(pthread_barrier_t *barrier)
{
	pthread_barrier_init(barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		for (int j = 0; j < 200; j++)
			gifts[i][j] = alloc_surely(3000);
		visitors[i] = (struct visitor){.barrier = barrier, .gift = gifts[i]};
		ck_assert_int_eq(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
	}
	pthread_barrier_wait(barrier);
}

static void visitors_end(pthread_barrier_t *barrier)
{
	pthread_barrier_wait(barrier);
	for (int i = 0; i < THREADS; i++)
		pthread_join(visitors[i].thread, NULL);
}

START_TEST(test_threads_figures_are_signed_and_sum_to_the_whole)
{
	pthread_barrier_t barrier;
	struct mstat_thread_snapshot sum = {0};

	visitors_begin(&barrier);
	struct mstat_snapshot snapshot = snapshot_now();
	ck_assert_uint_eq(snapshot.thread_count, THREADS + 1);
	for (uint32_t i = 0; i < heap_source.thread_count(); i++) {
		struct source_thread thread;
		if (!heap_source.thread(i, &thread))
			continue;
		ck_assert(thread.is_live);
		sum.alloc += thread.figures.alloc;
		sum.total_alloc += thread.figures.total_alloc;
		sum.nmalloc += thread.figures.nmalloc;
		sum.nfree += thread.figures.nfree;
		sum.magazine_bytes += thread.figures.magazine_bytes;
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_lt(visitors[i].figures.alloc, 0);
	ck_assert_int_eq(sum.alloc, (int64_t)snapshot.alloc);
	ck_assert_uint_eq(sum.total_alloc, snapshot.total_alloc);
	ck_assert_uint_eq(sum.nmalloc, snapshot.nmalloc);
	ck_assert_uint_eq(sum.nfree, snapshot.nfree);
	ck_assert_uint_eq(sum.magazine_bytes, snapshot.magazine_bytes);
	visitors_end(&barrier);
	snapshot = snapshot_now();
	tally_check_sums(&snapshot);
	ck_assert_int_eq((int64_t)snapshot.alloc, sum.alloc);
}
END_TEST

START_TEST(test_a_thread_is_found_by_its_id_while_it_lives)
{
	pthread_barrier_t barrier;
	struct mstat_thread_snapshot found;

	visitors_begin(&barrier);
	for (int i = 0; i < THREADS; i++) {
		ck_assert(heap_thread_snapshot((int)visitors[i].figures.tid, &found));
		ck_assert_mem_eq(&found, &visitors[i].figures, sizeof(found));
	}
	ck_assert(heap_thread_snapshot(os_thread_id(), &found));
	ck_assert(!heap_thread_snapshot(1, &found));
	visitors_end(&barrier);
	for (int i = 0; i < THREADS; i++)
		ck_assert(!heap_thread_snapshot((int)visitors[i].figures.tid, &found));
}
END_TEST

START_TEST(test_who_has_not_allocated_has_no_figures)
{
	struct mstat_thread_snapshot thread;

	ck_assert(!heap_thread_snapshot(0, &thread));
	attach_surely();
	ck_assert(heap_thread_snapshot(0, &thread));
	ck_assert_uint_eq(thread.nmalloc, 0);
	ck_assert_int_eq(thread.tid, os_thread_id());
}
END_TEST

/* What a slot's earlier threads did is not the present one's. */
START_TEST(test_a_slots_next_thread_starts_from_zero)
{
	pthread_barrier_t barrier;

	visitors_begin(&barrier);
	visitors_end(&barrier);
	visitors_begin(&barrier);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(visitors[i].figures.nmalloc, 200);
		ck_assert_uint_ge(visitors[i].figures.nfree, 150);
		ck_assert_uint_le(visitors[i].figures.nfree, 350);
	}
	visitors_end(&barrier);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/snapshot", world_begin, world_end);

	tcase_add_test(tests, test_a_heap_nobody_used_is_all_zero);
	tcase_add_test(tests, test_the_sums_hold_after_any_traffic);
	tcase_add_test(tests, test_each_operation_moves_its_fields);
	tcase_add_test(tests, test_rows_agree_with_totals);
	tcase_add_test(tests, test_threads_figures_are_signed_and_sum_to_the_whole);
	tcase_add_test(tests, test_a_thread_is_found_by_its_id_while_it_lives);
	tcase_add_test(tests, test_who_has_not_allocated_has_no_figures);
	tcase_add_test(tests, test_a_slots_next_thread_starts_from_zero);
	return suite_end();
}
