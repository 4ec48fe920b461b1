/*
 * check_statistics.c - table S of docs/conformance.md, a test a rule.
 *
 * Each runs with a box, so that what is counted in a thread's own cache can be told
 * from what was published.
 */
#include <pthread.h>

#include "heap/cache.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/page_heap.h"
#include "heap/snapshot.h"
#include "heap/stacks.h"
#include "stats/box.h"
#include "stats/fields.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/stats/box_file.h"
#include "tests/suite.h"

enum {
	OBJECTS = 500,
	EVENT_OBJECTS = 2048 /* the bound that docs/conformance.md states */
};

static struct box_file file;

static void begin(void)
{
	box_dir_make();
	box_make();
	box_file_open(&file, box_path());
	world_begin();
	attach_surely();
}

static void end(void)
{
	world_end();
	box_dir_remove();
}

/* What is published of one class of one thread. */
static struct box_row published(const struct cache *cache, uint32_t class)
{
	const struct box_row *row = box_file_payload(&file, BOX_SECTION_ROWS,
		cache->index * SIZED_CLASS_COUNT + class);

	return row != NULL ? *row : (struct box_row){0};
}

static bool is_published(const struct cache *cache, uint32_t class)
{
	struct cache_row row = cache_read_row(cache, class);
	struct box_row there = published(cache, class);

	return row.nmalloc == there.nmalloc && row.live_objects == there.live_objects;
}

/* Objects in the magazine, so that the next malloc is a hit. */
static void warm(uint32_t class)
{
	size_t bytes = size_classes[class].object_bytes;
	void *first = alloc_surely(bytes), *second = alloc_surely(bytes);

	heap_free(first);
	heap_free(second);
	while (cache_self->magazines[class].until < 2) { /* no event is near */
		first = alloc_surely(bytes);
		heap_free(first);
	}
}

START_TEST(test_s1_malloc_counts_one_in_the_threads_own_cache)
{
	uint32_t class = size_class_of(100);

	warm(class);
	struct cache_row own = cache_read_row(cache_self, class);
	struct box_row there = published(cache_self, class);
	uint64_t out = centrals[class].out_objects;
	void *object = heap_alloc(100);
	ck_assert_uint_eq(cache_read_row(cache_self, class).nmalloc, own.nmalloc + 1);
	ck_assert_uint_eq(published(cache_self, class).nmalloc, there.nmalloc);
	ck_assert_uint_eq(centrals[class].out_objects, out);
	heap_free(object);

	/* No bytes are one byte. */
	own = cache_read_row(cache_self, size_class_of(1));
	object = alloc_surely(0);
	ck_assert_uint_eq(cache_read_row(cache_self, size_class_of(1)).nmalloc, own.nmalloc + 1);
	heap_free(object);
}
END_TEST

START_TEST(test_s2_a_small_object_counts_its_class)
{
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		uint64_t bytes = size_classes[class].object_bytes;
		struct mstat_snapshot before = snapshot_now();
		void *object = alloc_surely(bytes - random_below(8));
		struct mstat_snapshot after = snapshot_now();
		ck_assert_uint_eq(after.alloc, before.alloc + bytes);
		ck_assert_uint_eq(after.total_alloc, before.total_alloc + bytes);
		ck_assert_uint_eq(after.nmalloc, before.nmalloc + 1);
		for (uint32_t row = 1; row < SIZED_CLASS_COUNT; row++)
			ck_assert_uint_eq(after.by_size[row].nmalloc,
				before.by_size[row].nmalloc + (row == class));
		heap_free(object);
	}
}
END_TEST

START_TEST(test_s3_a_large_object_counts_whole_pages_and_no_row)
{
	for (uint64_t pages = 33; pages < 2000; pages *= 3) {
		struct mstat_snapshot before = snapshot_now();
		void *object = alloc_surely(pages * PAGE_BYTES - random_below(PAGE_BYTES));
		struct mstat_snapshot after = snapshot_now();
		ck_assert_uint_eq(after.alloc, before.alloc + pages * PAGE_BYTES);
		ck_assert_uint_eq(after.total_alloc, before.total_alloc + pages * PAGE_BYTES);
		ck_assert_uint_eq(after.nmalloc, before.nmalloc + 1);
		ck_assert_uint_eq(after.large_nmalloc, before.large_nmalloc + 1);
		ck_assert_mem_eq(after.by_size, before.by_size, sizeof(after.by_size));
		heap_free(object);
	}
}
END_TEST

static void free_undoes(size_t bytes)
{
	void *object = alloc_surely(bytes);
	uint64_t usable = heap_usable_bytes(object, NULL);
	uint32_t class = tally_class(object);
	struct mstat_snapshot before = snapshot_now();

	heap_free(object);
	struct mstat_snapshot after = snapshot_now();
	ck_assert_uint_eq(after.alloc, before.alloc - usable);
	ck_assert_uint_eq(after.total_alloc, before.total_alloc);
	ck_assert_uint_eq(after.nmalloc, before.nmalloc);
	ck_assert_uint_eq(after.nfree, before.nfree + 1);
	for (uint32_t row = 1; row < SIZED_CLASS_COUNT; row++)
		ck_assert_uint_eq(after.by_size[row].nfree, before.by_size[row].nfree + (row == class));
}

START_TEST(test_s4_free_takes_away_what_malloc_counted)
{
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++)
		free_undoes(size_classes[class].object_bytes);
	for (size_t bytes = SMALL_MAX_BYTES + 1; bytes < 10 << 20; bytes *= 3)
		free_undoes(bytes);
}
END_TEST

START_TEST(test_s5_what_a_cache_takes_and_gives_is_counted_apart)
{
	struct mstat_snapshot before, after;
	uint32_t class = size_class_of(2000);
	void *object;

	warm(class);
	before = snapshot_now();
	object = heap_alloc(2000); /* from the cache to the program */
	after = snapshot_now();
	ck_assert_uint_eq(after.heap_alloc, before.heap_alloc);
	ck_assert_uint_eq(after.heap_objects, before.heap_objects);
	heap_free(object);
	heap_trim(0); /* from the cache to the heap */
	after = snapshot_now();
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.heap_alloc, 0);
	ck_assert_uint_eq(after.heap_objects, 0);
	object = alloc_surely(2000); /* from the heap to the cache: a batch */
	after = snapshot_now();
	ck_assert_uint_eq(after.heap_objects, centrals[class].out_objects);
	ck_assert_uint_eq(after.heap_alloc, after.heap_objects * size_classes[class].object_bytes);
	heap_free(object);
}
END_TEST

START_TEST(test_s6_a_lookup_counts_and_finds_the_base_if_asked)
{
	char *object = alloc_surely(1000);
	uint64_t before = snapshot_now().nlookup;
	size_t bytes = 0;
	void *base = NULL;

	ck_assert(heap_lookup(object + 999, NULL, &bytes));
	ck_assert_uint_eq(bytes, 1024);
	ck_assert(heap_lookup(object + 999, &base, NULL));
	ck_assert_ptr_eq(base, object);
	ck_assert(!heap_lookup(&base, &base, NULL));
	ck_assert_uint_eq(snapshot_now().nlookup, before + 3);
	heap_free(object);
}
END_TEST

static void *objects[OBJECTS];

/* One operation of a random program on small objects of some classes. */
static void small_step(void)
{
	size_t which = random_below(OBJECTS);

	heap_free(objects[which]);
	objects[which] = random_below(3) == 0 ? NULL : heap_alloc((size_t)16 << random_below(11));
}

static void objects_free(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		heap_free(objects[i]);
		objects[i] = NULL;
	}
}

/* Both copies of a part: another generation means that it was written. */
static uint64_t row_generation(uint32_t class)
{
	uint32_t index = cache_self->index * SIZED_CLASS_COUNT + class;
	uint64_t first = box_file_copy(&file, BOX_SECTION_ROWS, index, 0)->generation;
	uint64_t second = box_file_copy(&file, BOX_SECTION_ROWS, index, 1)->generation;

	return first > second ? first : second;
}

START_TEST(test_s7_a_purge_publishes_the_whole_row)
{
	uint64_t purges = 0;

	for (int step = 0; step < 20000; step++) {
		size_t bytes = (size_t)16 << random_below(11), which = random_below(OBJECTS);
		uint32_t class = size_class_of(bytes);
		uint64_t before = row_generation(class);
		heap_free(objects[which]);
		objects[which] = heap_alloc(bytes);
		if (row_generation(class) == before)
			continue;
		purges++;
		/* A free of the same class may have purged before the allocation. */
		struct cache_row own = cache_read_row(cache_self, class);
		struct box_row there = published(cache_self, class);
		ck_assert_uint_le(own.nmalloc - there.nmalloc, 1);
		ck_assert_int_le(own.live_objects - there.live_objects, 1);
		ck_assert_int_ge(own.live_objects - there.live_objects, 0);
	}
	ck_assert_uint_gt(purges, 0);
	objects_free();
}
END_TEST

START_TEST(test_s8_a_thread_purges_when_it_takes_or_gives_pages)
{
	int took = 0, gave = 0;

	for (int step = 0; step < 20000; step++) {
		size_t bytes = step % 4000 < 2000 ? random_size(20000) : random_size(200000);
		size_t which = random_below(OBJECTS);
		size_t before = page_heap.inuse_pages;
		void *object = heap_alloc(bytes);
		if (page_heap.inuse_pages > before) {
			took++;
			ck_assert(bytes > SMALL_MAX_BYTES || object == NULL ||
				is_published(cache_self, size_class_of(bytes)));
		}
		/* The totals are written under the lock, whatever it was. */
		const struct box_totals *totals = box_file_payload(&file, BOX_SECTION_TOTALS, 0);
		ck_assert_uint_eq(totals->heap_inuse, page_heap.inuse_pages << PAGE_SHIFT);
		uint32_t class = objects[which] != NULL ? tally_class(objects[which]) : 0;
		before = page_heap.inuse_pages;
		heap_free(objects[which]);
		gave += page_heap.inuse_pages < before;
		const struct box_thread *thread = box_file_payload(&file, BOX_SECTION_THREADS,
			cache_self->index);
		if (class == 0) {
			ck_assert_uint_eq(thread->large_nmalloc, cache_self->large_nmalloc);
			ck_assert_uint_eq(thread->large_nfree, cache_self->large_nfree);
		}
		objects[which] = object;
		if (step % 4000 == 3999)
			objects_free();
	}
	ck_assert_int_gt(took, 0);
	ck_assert_int_gt(gave, 0);
	objects_free();
}
END_TEST

struct visitor {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct tally tally;
};

static struct visitor visitors[4];

/* Holds what it allocated until everybody was visited. */
static void *hold(void *argument)
{
	struct visitor *visitor = argument;
	void *held[50];

	random_start((uint64_t)(1 + visitor - visitors));
	for (int i = 0; i < 50; i++) {
		held[i] = alloc_surely(random_size(100000));
		tally_alloc(&visitor->tally, held[i]);
	}
	for (int i = 0; i < 20; i++) {
		tally_free(&visitor->tally, held[i]);
		heap_free(held[i]);
	}
	pthread_barrier_wait(visitor->barrier);
	pthread_barrier_wait(visitor->barrier);
	for (int i = 20; i < 50; i++)
		heap_free(held[i]);
	cache_detach();
	return NULL;
}

START_TEST(test_s9_a_full_collection_visits_every_thread_and_assigns_the_stacks)
{
	pthread_barrier_t barrier;
	struct tally sum = {0};

	pthread_barrier_init(&barrier, NULL, 5);
	for (int i = 0; i < 4; i++) {
		visitors[i].barrier = &barrier;
		ck_assert_int_eq(pthread_create(&visitors[i].thread, NULL, hold, &visitors[i]), 0);
	}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 4; i++)
		tally_add(&sum, &visitors[i].tally);
	stacks_add(3 << 16, 4 << 20);
	struct mstat_snapshot first = snapshot_now(), second = snapshot_now();
	tally_compare(&sum, &first);
	ck_assert_mem_eq(&first, &second, sizeof(first)); /* assigned: the same again */
	ck_assert_uint_eq(first.stacks_inuse, 3 << 16);
	ck_assert_uint_eq(first.stacks_sys, 4 << 20);
	stacks_add(-(3 << 16), -(4 << 20));
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 4; i++)
		pthread_join(visitors[i].thread, NULL);
}
END_TEST

static void *use_stack(void *argument)
{
	volatile char frame[32 << 10];

	for (size_t i = 0; i < sizeof(frame); i += 512)
		frame[i] = 1;
	return argument;
}

START_TEST(test_s11_a_stack_touches_no_count)
{
	struct mstat_snapshot before = snapshot_now(), after;
	pthread_t thread;

	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, use_stack, NULL), 0);
		pthread_join(thread, NULL);
	}
	after = snapshot_now();
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

/* How many allocations the box is behind in a class, which is no more than it may be. */
static uint64_t behind(uint32_t class)
{
	struct cache_row own = cache_read_row(cache_self, class);
	struct box_row there = published(cache_self, class);
	uint64_t allocations = own.nmalloc - there.nmalloc;
	int64_t live = own.live_objects - there.live_objects;

	if (allocations > EVENT_OBJECTS || live > (int64_t)cache_most_objects(class) ||
		live < -(int64_t)cache_most_objects(class))
		ck_abort_msg("class %u: %lu allocations and %ld live ones behind", class,
			allocations, live);
	return allocations;
}

START_TEST(test_s12_between_purges_the_books_are_behind_by_a_bound)
{
	uint64_t most = 0;

	for (int step = 0; step < 20000; step++) {
		small_step();
		if (cache_self == &cache_none || step % 16 != 0)
			continue;
		for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++)
			behind(class);
	}
	for (int step = 0; step < 20000; step++) {
		heap_free(alloc_surely(100));
		most = max_bytes(most, behind(size_class_of(100)));
	}
	ck_assert_uint_gt(most, CONFIG_TORTURE ? 1 : 500);
	/* A full collection is not behind. */
	int64_t live = 0;
	for (int i = 0; i < OBJECTS; i++)
		live += (int64_t)heap_usable_bytes(objects[i], NULL);
	struct mstat_snapshot snapshot = snapshot_now();
	ck_assert_int_eq((int64_t)snapshot.alloc, live);
	ck_assert_uint_ge(snapshot.total_alloc, snapshot.alloc);
	objects_free();
}
END_TEST

/* What one thread allocates another frees, for ever. */
static void *passed;
static int freed_count;
static bool stop;

static void *make_objects(void *argument)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *object = alloc_surely(random_below(10) == 0 ? 100000 : 3000);
		void *nothing = NULL;
		while (!__atomic_compare_exchange_n(&passed, &nothing, object, false,
			       __ATOMIC_RELEASE, __ATOMIC_RELAXED) &&
			!__atomic_load_n(&stop, __ATOMIC_RELAXED))
			nothing = NULL;
		if (nothing != NULL)
			heap_free(object);
	}
	cache_detach();
	return argument;
}

static void *free_objects(void *argument)
{
	struct mstat_thread_snapshot *figures = argument;

	attach_surely();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *object = __atomic_exchange_n(&passed, NULL, __ATOMIC_ACQUIRE);
		heap_free(object);
		if (object != NULL)
			__atomic_fetch_add(&freed_count, 1, __ATOMIC_RELAXED);
	}
	heap_free(__atomic_exchange_n(&passed, NULL, __ATOMIC_ACQUIRE));
	heap_thread_snapshot(0, figures);
	cache_detach();
	return NULL;
}

static void nothing_is_wrapped(void)
{
	static const uint64_t most = (uint64_t)1 << 48;
	struct mstat_snapshot now;
	struct source_class row;

	heap_snapshot(&now);
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++) {
		uint64_t value = *(const uint64_t *)((const char *)&now + field->offset);
		if (value >= most)
			ck_abort_msg("%s reads %ld", field->name, (long)value);
	}
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		heap_source.size_class(class, &row);
		if (now.by_size[class].nfree >= most || row.nfree >= most ||
			row.live_objects >= most || row.span_free_objects >= most)
			ck_abort_msg("class %u is wrapped", class);
	}
}

START_TEST(test_s13_a_threads_figures_are_signed_and_none_is_wrapped)
{
	struct mstat_thread_snapshot figures = {0};
	pthread_t maker, freer;

	ck_assert_int_eq(pthread_create(&maker, NULL, make_objects, NULL), 0);
	ck_assert_int_eq(pthread_create(&freer, NULL, free_objects, &figures), 0);
	for (int i = 0; i < 3000 || __atomic_load_n(&freed_count, __ATOMIC_RELAXED) == 0; i++)
		nothing_is_wrapped();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(maker, NULL);
	pthread_join(freer, NULL);
	heap_free(passed);
	ck_assert_int_lt(figures.alloc, 0);
	ck_assert_uint_eq(figures.nmalloc, 0);
	ck_assert_uint_gt(figures.nfree, 0);
	ck_assert_uint_eq(snapshot_now().alloc, 0);
}
END_TEST

static struct cache *left_cache;

/* Ends with some magazines empty and some not, at no event. */
static void *use_and_leave(void *argument)
{
	size_t bytes = *(size_t *)argument;
	uint32_t class = size_class_of(bytes);

	attach_surely();
	for (int i = 0; i < 10; i++)
		objects[i] = alloc_surely(bytes);
	left_cache = cache_self;
	for (int i = 10; cache_held(cache_self, class) > 0; i++)
		objects[i] = heap_alloc(bytes);
	heap_free(alloc_surely(5000));
	heap_free(alloc_surely(100000));
	cache_detach();
	return NULL;
}

START_TEST(test_s14_a_thread_that_exits_purges_all_its_figures)
{
	for (size_t bytes = 16; bytes < 1000; bytes += 100) {
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, use_and_leave, &bytes), 0);
		pthread_join(thread, NULL);
		for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++)
			ck_assert_msg(is_published(left_cache, class),
				"%zu bytes: class %u is behind", bytes, class);
		const struct box_thread *there = box_file_payload(&file, BOX_SECTION_THREADS,
			left_cache->index);
		ck_assert_int_eq(there->state, BOX_THREAD_ENDED);
		ck_assert_uint_eq(there->large_nmalloc, left_cache->large_nmalloc);
		ck_assert_uint_eq(there->large_nfree, left_cache->large_nfree);
		objects_free();
	}
}
END_TEST

static void *leave_and_free(void *object)
{
	attach_surely();
	cache_detach();
	heap_free(object);
	return NULL;
}

/* As destructors do that run after a thread's cache was given up. */
START_TEST(test_s14_what_a_thread_does_after_its_end_is_published_too)
{
	uint32_t class = size_class_of(700);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, leave_and_free, alloc_surely(700)), 0);
	pthread_join(thread, NULL);
	const struct box_thread *there = box_file_payload(&file, BOX_SECTION_THREADS, CACHE_SHARED);
	ck_assert_ptr_nonnull(there);
	ck_assert_int_eq(there->state, BOX_THREAD_LIVE);
	ck_assert_int_eq(there->tid, 0);
	ck_assert_int_eq(cache_read_row(cache_at(CACHE_SHARED), class).live_objects, -1);
	ck_assert(is_published(cache_at(CACHE_SHARED), class));
}
END_TEST

static uint64_t alloc_now(void)
{
	struct mstat_snapshot snapshot;

	heap_snapshot(&snapshot);
	return snapshot.alloc;
}

/* Each size once: after each free the books are where they were. */
START_TEST(test_s15_mallocrep_every_size_leaves_no_trace)
{
	uint64_t before = alloc_now();

	for (size_t bytes = 0; bytes <= 1 << 22; bytes += 1 + bytes / 1024 * 16) {
		void *object = alloc_surely(bytes);
		uint64_t usable = heap_usable_bytes(object, NULL), during = alloc_now();
		heap_free(object);
		uint64_t after = alloc_now();
		if (during != before + usable || after != before)
			ck_abort_msg("%zu bytes: %lu, %lu, %lu", bytes, before, during, after);
	}
	snapshot_now();
}
END_TEST

static void allocate_and_free(size_t bytes, uint32_t count, bool is_reversed)
{
	struct mstat_snapshot start = snapshot_now();
	uint64_t alloc = start.alloc;

	for (uint32_t i = 0; i < count; i++) {
		void *base;
		size_t found;
		objects[i] = alloc_surely(bytes);
		ck_assert(heap_lookup(objects[i], &base, &found));
		ck_assert_ptr_eq(base, objects[i]);
		ck_assert_uint_ge(found, bytes);
		alloc += found;
		ck_assert_uint_eq(snapshot_now().alloc, alloc);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t which = is_reversed ? count - 1 - i : i;
		alloc -= heap_usable_bytes(objects[which], NULL);
		heap_free(objects[which]);
		objects[which] = NULL;
		ck_assert_uint_eq(snapshot_now().alloc, alloc);
	}
	struct mstat_snapshot finish = snapshot_now();
	ck_assert_uint_eq(finish.alloc, start.alloc);
	ck_assert_uint_eq(finish.nmalloc - finish.nfree, start.nmalloc - start.nfree);
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++)
		ck_assert_uint_eq(finish.by_size[class].nmalloc - finish.by_size[class].nfree,
			start.by_size[class].nmalloc - start.by_size[class].nfree);
}

/* Many of each size at one time, freed in either order. */
START_TEST(test_s15_mallocrep1_every_count_comes_back)
{
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class += 4)
		for (size_t more = 0; more < 2; more++)
			allocate_and_free(size_classes[class].object_bytes + more,
				1 + (uint32_t)random_below(40), random_below(2) == 0);
	for (size_t bytes = SMALL_MAX_BYTES; bytes < 4 << 20; bytes *= 2)
		allocate_and_free(bytes + 1, 1 + (uint32_t)random_below(5), random_below(2) == 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/statistics", begin, end);

	tcase_add_test(tests, test_s1_malloc_counts_one_in_the_threads_own_cache);
	tcase_add_test(tests, test_s2_a_small_object_counts_its_class);
	tcase_add_test(tests, test_s3_a_large_object_counts_whole_pages_and_no_row);
	tcase_add_test(tests, test_s4_free_takes_away_what_malloc_counted);
	tcase_add_test(tests, test_s5_what_a_cache_takes_and_gives_is_counted_apart);
	tcase_add_test(tests, test_s6_a_lookup_counts_and_finds_the_base_if_asked);
	tcase_add_test(tests, test_s7_a_purge_publishes_the_whole_row);
	tcase_add_test(tests, test_s8_a_thread_purges_when_it_takes_or_gives_pages);
	tcase_add_test(tests, test_s9_a_full_collection_visits_every_thread_and_assigns_the_stacks);
	tcase_add_test(tests, test_s11_a_stack_touches_no_count);
	tcase_add_test(tests, test_s12_between_purges_the_books_are_behind_by_a_bound);
	tcase_add_test(tests, test_s13_a_threads_figures_are_signed_and_none_is_wrapped);
	tcase_add_test(tests, test_s14_a_thread_that_exits_purges_all_its_figures);
	tcase_add_test(tests, test_s14_what_a_thread_does_after_its_end_is_published_too);
	tcase_add_test(tests, test_s15_mallocrep_every_size_leaves_no_trace);
	tcase_add_test(tests, test_s15_mallocrep1_every_count_comes_back);
	return suite_end();
}
