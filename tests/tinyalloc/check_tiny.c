/*
 * check_tiny.c - tinyalloc/tiny.c.
 *
 * Proves: a random program of several threads, which hand objects to each other, finds
 * in each what it wrote, aligned and overlapping no other, every double free of one
 * caught; books and blocks come out even, whoever frees and whatever thread has ended.
 * The same where the program has so many that they have classes of their own.
 */
#include "tinyalloc/tiny.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "heap/central.h"
#include "heap/heap.h"
#include "heap/magazine.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"

enum { THREADS = 8, OBJECTS = 3000, STEPS = 100000, SHARED = 512 };

struct object {
	unsigned char *ptr;
	size_t bytes;
	unsigned char tag;
};

static void object_make(struct object *object, size_t bytes)
{
	object->bytes = bytes;
	object->tag = (unsigned char)random_number();
	object->ptr = hinted_surely(bytes);
	bool is_block = span_of_small(object->ptr)->class == SIZE_CLASS_TINY;
	if ((is_block && !is_zero(object->ptr, bytes)) ||
		((uintptr_t)object->ptr & (tiny_align_of(bytes) - 1)) != 0 ||
		object_usable_bytes(object->ptr, NULL) < bytes)
		ck_abort_msg("%p of %zu bytes", (void *)object->ptr, bytes);
	memset(object->ptr, object->tag, bytes);
}

static void object_end(struct object *object)
{
	for (size_t i = 0; i < object->bytes; i++)
		if (object->ptr[i] != object->tag)
			ck_abort_msg("byte %zu of %p is another's", i, (void *)object->ptr);
	memset(object->ptr, (unsigned char)~object->tag, object->bytes);
	object_free(object->ptr);
	object->ptr = NULL;
}

/* A thread turns to the fine classes with its first block, if it is to. */
static void combine(bool with_fine_classes)
{
	if (with_fine_classes)
		tiny_most_spans = 0;
}

START_TEST(test_what_is_freed_comes_back)
{
	static struct object objects[OBJECTS];
	struct mstat_snapshot before = snapshot_now();

	combine(_i);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < OBJECTS; i++)
			object_make(&objects[i], 1 + random_below(15));
		struct mstat_snapshot full = snapshot_now();
		ck_assert_uint_eq(full.tiny_nmalloc - full.tiny_nfree, OBJECTS);
		ck_assert_uint_eq(full.tiny_saved_bytes,
			OBJECTS * 16 - (full.alloc - before.alloc));
		for (int i = OBJECTS - 1; i > 0; i--) {
			size_t other = random_below((size_t)i + 1);
			struct object swapped = objects[i];
			objects[i] = objects[other];
			objects[other] = swapped;
		}
		for (int i = 0; i < OBJECTS; i++)
			object_end(&objects[i]);
		struct mstat_snapshot after = snapshot_now();
		ck_assert_uint_eq(after.alloc, before.alloc);
		ck_assert_uint_eq(after.tiny_alloc, 0);
		ck_assert_uint_eq(after.tiny_saved_bytes, 0);
		ck_assert_uint_eq(after.tiny_nfree, after.tiny_nmalloc);
	}
}
END_TEST

/* Where threads meet: each puts one in and takes another's out. */
static struct object *shared[SHARED];

static void exchange(struct object *object)
{
	struct object *mine = malloc(sizeof(*mine));

	*mine = *object;
	object->ptr = NULL;
	struct object *other = __atomic_exchange_n(&shared[random_below(SHARED)], mine,
		__ATOMIC_ACQ_REL);
	if (other != NULL)
		object_end(other);
	free(other);
}

static void *act(void *index)
{
	static THREAD_LOCAL struct object objects[OBJECTS];

	random_start((uintptr_t)index);
	for (int i = 0; i < STEPS; i++) {
		struct object *object = &objects[random_below(OBJECTS)];
		if (object->ptr == NULL)
			object_make(object, 1 + random_below(15));
		else if (random_below(4) == 0)
			exchange(object);
		else
			object_end(object);
	}
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i].ptr != NULL)
			exchange(&objects[i]);
	cache_detach();
	return NULL;
}

START_TEST(test_threads_that_hand_objects_to_each_other)
{
	pthread_t threads[THREADS];
	struct mstat_snapshot before = snapshot_now();

	combine(_i);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, act, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SHARED; i++)
		if (shared[i] != NULL)
			object_end(shared[i]);
	struct mstat_snapshot after = snapshot_now();
	ck_assert_uint_eq(after.tiny_nmalloc, after.tiny_nfree);
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.tiny_alloc, 0);
}
END_TEST

static void free_it(void *ptr)
{
	object_free(ptr);
}

static void *free_in_thread(void *ptr)
{
	object_free(ptr);
	cache_detach();
	return NULL;
}

static void free_elsewhere(void *ptr)
{
	pthread_t thread;

	pthread_create(&thread, NULL, free_in_thread, ptr);
	pthread_join(thread, NULL);
}

static void ask_its_size(void *ptr)
{
	object_usable_bytes(ptr, NULL);
}

static void resize_it(void *ptr)
{
	object_realloc(ptr, 100, NULL);
}

static void misused_everywhere(void *ptr, const char *sentence)
{
	dies_saying(free_it, ptr, sentence);
	dies_saying(free_elsewhere, ptr, sentence);
	dies_saying(ask_its_size, ptr, sentence);
	dies_saying(resize_it, ptr, sentence);
}

/* Blocks of every cut, some still open: each object freed once by either thread, and
   then again; each byte that no object begins at. */
START_TEST(test_a_second_free_is_caught_and_one_inside)
{
	static const char again[] = "double free: the object was freed before";

	for (int round = 0; round < 12; round++) {
		struct object objects[6];
		size_t count = 1 + random_below(6), freed = random_below(count);
		for (size_t i = 0; i < count; i++)
			object_make(&objects[i], 1 + random_below(7));
		char *ptr = (char *)objects[freed].ptr;
		if (objects[freed].bytes > 1)
			misused_everywhere(ptr + 1, "not the start of an object");
		if (random_below(2) == 0)
			object_free(ptr);
		else
			free_elsewhere(ptr);
		misused_everywhere(ptr, again);
		for (size_t i = 0; i < count; i++)
			if (i != freed)
				object_end(&objects[i]);
	}
}
END_TEST

START_TEST(test_what_was_never_handed_out_is_no_object)
{
	char *ptr = hinted_surely(8);
	struct span *span = span_of_small(ptr);

	misused_everywhere(span_records(span), "not the start of an object");
	misused_everywhere(span_records(span) - TINY_BLOCK_BYTES, "not the start of an object");
	misused_everywhere(ptr + 8, "not the start of an object"); /* the rest of its block */
	object_free(ptr);
}
END_TEST

static void *take_one(void *slot)
{
	*(void **)slot = hinted_surely(3);
	cache_detach();
	return NULL;
}

START_TEST(test_a_thread_that_ends_leaves_no_open_block)
{
	pthread_t thread;
	void *ptr;

	ck_assert_int_eq(pthread_create(&thread, NULL, take_one, &ptr), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(object_usable_bytes(ptr, NULL), 16); /* it took the rest */
	ck_assert(is_excused() || snapshot_now().tiny_alloc == 16);
	object_free(ptr);
	ck_assert_uint_eq(snapshot_now().tiny_alloc, 0);
}
END_TEST

static void *use_after_leaving(void *argument)
{
	cache_detach();
	for (size_t bytes = 1; bytes < 16; bytes++) {
		char *ptr;
		while ((ptr = tiny_alloc(bytes, 1)) == NULL)
			ck_assert(is_excused());
		ck_assert(is_zero(ptr, bytes));
		ck_assert_uint_eq(object_usable_bytes(ptr, NULL), 16); /* a block of its own */
		memset(ptr, 1, bytes);
		object_free(ptr);
	}
	object_free(argument);
	return NULL;
}

START_TEST(test_a_thread_at_its_end_combines_nothing)
{
	pthread_t thread;
	void *ptr = hinted_surely(8);

	ck_assert_int_eq(pthread_create(&thread, NULL, use_after_leaving, ptr), 0);
	pthread_join(thread, NULL);
	struct mstat_snapshot now = snapshot_now();
	ck_assert_uint_eq(now.tiny_nmalloc, 16);
	ck_assert_uint_eq(now.tiny_nfree, 16);
	/* Freed by another thread, the block is this one's until it turns to the next. */
	ck_assert_uint_eq(now.tiny_alloc, 16);
	object_free(hinted_surely(8));
	ck_assert_uint_eq(snapshot_now().tiny_alloc, 0);
}
END_TEST

/* Blocks go back to their spans, the spans to the page heap, and their pages are used
   by others; nothing of it is taken for a block any more. */
START_TEST(test_spans_of_blocks_come_and_go)
{
	static void *objects[50000];
	size_t count = sizeof(objects) / sizeof(objects[0]);

	combine(_i);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < count; i++)
			objects[i] = hinted_surely(1 + i % 15);
		pools_cool();
		for (size_t i = 0; i < count; i++)
			object_free(objects[i]);
		heap_trim(0);
		for (uint32_t class = SIZE_CLASS_TINY; class < SIZE_CLASS_COUNT; class++)
			ck_assert_uint_eq(centrals[class].span_count, 0);
		void *large = large_surely((size_t)1 << 20);
		memset(large, 0xff, (size_t)1 << 20);
		heap_free(large);
	}
}
END_TEST

/* One object in five hundred blocks stays: what can go of its span goes, its record
   stays, or the bit that says that it is not home. */
START_TEST(test_a_span_that_cools_keeps_its_records)
{
	static struct object objects[20000];
	size_t count = sizeof(objects) / sizeof(objects[0]);
	uint32_t class = _i != 0 ? size_class_fitted[8] : SIZE_CLASS_TINY;

	combine(_i);
	for (size_t i = 0; i < count; i++)
		object_make(&objects[i], 8);
	for (size_t i = 0; i < count; i++)
		if (i % 1000 != 0)
			object_end(&objects[i]);
	magazine_empty(cache_self, class);
	pools_cool();
	if (!is_excused())
		ck_assert_uint_gt(centrals[class].released_bytes, 0);
	for (size_t i = 0; i < count; i += 1000) {
		ck_assert_uint_ge(object_usable_bytes(objects[i].ptr, NULL), 8);
		object_end(&objects[i]);
	}
	ck_assert_uint_eq(snapshot_now().tiny_alloc, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/tiny", hinted_begin, world_end);

	tcase_add_loop_test(tests, test_what_is_freed_comes_back, 0, 2);
	tcase_add_loop_test(tests, test_threads_that_hand_objects_to_each_other, 0, 2);
	tcase_add_test(tests, test_a_second_free_is_caught_and_one_inside);
	tcase_add_test(tests, test_what_was_never_handed_out_is_no_object);
	tcase_add_test(tests, test_a_thread_that_ends_leaves_no_open_block);
	tcase_add_test(tests, test_a_thread_at_its_end_combines_nothing);
	tcase_add_loop_test(tests, test_spans_of_blocks_come_and_go, 0, 2);
	tcase_add_loop_test(tests, test_a_span_that_cools_keeps_its_records, 0, 2);
	return suite_end();
}
