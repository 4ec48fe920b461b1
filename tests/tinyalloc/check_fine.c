/*
 * check_fine.c - the fine classes, of 2 to 14 bytes.
 *
 * Proves: the tables fit the spans; a thread turns to the fine classes when there are many
 * blocks, and not before; what the objects say of themselves is right - size, books, finalizers
 * on inner bytes - and misuse is caught as with any class; a child of fork goes on with them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "heap/central.h"
#include "heap/heap.h"
#include "heap/snapshot.h"
#include "profile/collect.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

enum { FINE_FIRST = SIZE_CLASS_TINY + 1 };

/* From now on this thread's objects are of fine classes. */
static void fine_begin(void)
{
	tiny_most_spans = 0;
	while (cache_self->fitted_max_bytes == 0)
		object_free(hinted_surely(14));
}

START_TEST(test_objects_and_bits_fill_a_span)
{
	uint32_t class = FINE_FIRST + (uint32_t)_i;
	const struct size_class *row = &size_classes[class];
	size_t bytes = row->object_bytes, span_bytes = (size_t)row->span_pages << PAGE_SHIFT;
	size_t objects = row->span_objects;

	ck_assert(size_class_is_fine(class) && size_class_has_tail(class));
	ck_assert_uint_eq(bytes, ((size_t)_i + 1) * FINE_STEP_BYTES);
	ck_assert_uint_le(objects * bytes + (objects + 63) / 64 * 8, span_bytes);
	objects++;
	ck_assert_uint_gt(objects * bytes + (objects + 63) / 64 * 8, span_bytes);
	for (size_t offset = 0; offset < span_bytes; offset++)
		if (size_class_index(class, offset) != offset / bytes)
			ck_abort_msg("byte %zu", offset);
}
END_TEST

START_TEST(test_a_short_span_has_room_for_its_bits)
{
	for (uint32_t class = FINE_FIRST; class < SIZE_CLASS_COUNT; class++)
		for (uint32_t pages = 1; pages < size_classes[class].span_pages; pages++) {
			struct span span = {.class = (uint8_t)class, .page_count = pages};
			size_t objects = span_objects(&span);
			ck_assert_uint_le(objects * size_classes[class].object_bytes +
				span_bit_words(&span) * 8, (size_t)pages << PAGE_SHIFT);
		}
}
END_TEST

START_TEST(test_the_fitted_class_is_the_smallest)
{
	for (size_t bytes = 1; bytes <= FITTED_MAX_BYTES; bytes++) {
		uint32_t class = size_class_fitted[bytes], below = class - 1;
		if (bytes == 15) {
			ck_assert_uint_eq(class, 0);
			continue;
		}
		ck_assert_uint_ge(size_classes[class].object_bytes, bytes);
		ck_assert_uint_ge(class, SIZED_CLASS_COUNT);
		ck_assert((bytes < 16) == size_class_is_fine(class));
		if (bytes > 2)
			ck_assert_uint_lt(size_classes[below].object_bytes % 16384, bytes);
	}
	ck_assert_uint_eq(size_class_fitted[0], 0);
}
END_TEST

/* No object's address has a bit of its class's mask, and each bit of it an object could have
   if the mask were longer. */
START_TEST(test_objects_are_aligned_as_their_mask_says)
{
	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++) {
		size_t bytes = size_classes[class].object_bytes, mask = size_class_align_mask[class];
		if (class == SIZE_CLASS_TINY)
			ck_assert_uint_eq(mask, 0);
		else
			ck_assert_uint_eq(mask, min_bytes(bytes & -bytes, 256) - 1);
	}
	ck_assert_uint_eq(size_class_align_mask[CLASS_MAP_TINY], 0);
}
END_TEST

START_TEST(test_blocks_come_first)
{
	static void *objects[200000];
	size_t count = 0;

	for (; cache_self->fitted_max_bytes == 0; count++)
		objects[count] = hinted_surely(1 + count % 14);
	ck_assert_uint_eq(centrals[SIZE_CLASS_TINY].span_count, tiny_most_spans + 1);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(span_of_small(objects[i])->class, SIZE_CLASS_TINY);
	void *fine = hinted_surely(5);
	ck_assert_uint_eq(size_classes[span_of_small(fine)->class].object_bytes, 6);
	object_free(fine);
	for (size_t i = 0; i < count; i++)
		object_free(objects[i]);
	ck_assert_uint_eq(snapshot_now().tiny_alloc, 0);
}
END_TEST

START_TEST(test_the_books_have_a_row_for_each)
{
	static void *objects[15][100];
	struct mstat_snapshot before, now;

	fine_begin();
	before = snapshot_now();
	for (size_t bytes = 1; bytes < 15; bytes++)
		for (size_t i = 0; i < bytes * 5; i++)
			objects[bytes][i] = hinted_surely(bytes);
	now = snapshot_now();
	uint64_t live = 0, made = 0;
	for (int row = 1; row <= FINE_CLASS_COUNT; row++) {
		uint64_t nmalloc = now.by_fine_size[row].nmalloc - before.by_fine_size[row].nmalloc;
		ck_assert_uint_eq(now.by_fine_size[row].size_bytes, row * 2);
		ck_assert_uint_eq(nmalloc, (2 * row - 1) * 5 + 2 * row * 5);
		ck_assert_uint_eq(now.by_fine_size[row].nfree, before.by_fine_size[row].nfree);
		live += nmalloc * row * 2;
		made += nmalloc;
	}
	ck_assert_uint_eq(now.alloc - before.alloc, live);
	ck_assert_uint_eq(now.tiny_alloc - before.tiny_alloc, live);
	ck_assert_uint_eq(now.noscan_alloc - before.noscan_alloc, live);
	ck_assert_uint_eq(now.nmalloc - before.nmalloc, made);
	ck_assert_uint_eq(now.tiny_nmalloc - before.tiny_nmalloc, made);
	ck_assert_uint_eq(now.tiny_saved_bytes - before.tiny_saved_bytes, made * 16 - live);
	for (size_t bytes = 1; bytes < 15; bytes++)
		for (size_t i = 0; i < bytes * 5; i++)
			object_free(objects[bytes][i]);
	now = snapshot_now();
	ck_assert_uint_eq(now.alloc, before.alloc);
	ck_assert_uint_eq(now.tiny_nfree - before.tiny_nfree, made);
}
END_TEST

START_TEST(test_size_and_realloc_are_right)
{
	fine_begin();
	for (size_t bytes = 1; bytes < 15; bytes++) {
		char *ptr = hinted_surely(bytes), *more;
		size_t usable = object_usable_bytes(ptr, NULL);
		ck_assert_uint_eq(usable, (bytes + 1) / 2 * 2);
		ck_assert(object_is_noscan(ptr));
		memset(ptr, 7, usable);
		for (size_t to = 1; to < 40; to++) {
			while ((more = object_realloc(ptr, to, NULL)) == NULL)
				ck_assert(is_excused());
			ck_assert(object_is_noscan(more));
			ck_assert_uint_ge(object_usable_bytes(more, NULL), to);
			ck_assert_int_eq(more[0], 7);
			ptr = more;
		}
		object_free(ptr);
	}
}
END_TEST

static void free_it(void *ptr)
{
	object_free(ptr);
}

static void free_twice(void *ptr)
{
	object_free(ptr);
	object_free(ptr);
}

/* Once all magazines are empty. */
static void free_once_more(void *ptr)
{
	object_free(ptr);
	heap_trim(0);
	object_free(ptr);
	heap_trim(0);
}

START_TEST(test_misuse_is_caught)
{
	fine_begin();
	for (size_t bytes = 1; bytes < 15; bytes++) {
		char *ptr = hinted_surely(bytes), *neighbour = hinted_surely(bytes);
		dies_saying(free_twice, ptr, "double free: the object was freed before");
		dies_saying(free_once_more, ptr, "double free: the object was freed before");
		dies_saying(free_it, ptr + 1, "not the start of an object");
		object_free(ptr);
		object_free(neighbour);
	}
}
END_TEST

static int finalized;
static void *finalized_at;

static void note(void *ptr, void *arg)
{
	finalized += *(int *)arg;
	finalized_at = ptr;
}

START_TEST(test_a_finalizer_on_any_byte)
{
	int one = 1;

	fine_begin();
	for (size_t bytes = 1; bytes < 15; bytes++)
		for (size_t inner = 0; inner < bytes; inner++) {
			char *ptr = hinted_surely(bytes), *next = hinted_surely(bytes);
			finalized = 0;
			ck_assert_int_eq(special_set_finalizer(ptr + inner, note, &one), 0);
			object_free(next); /* now class 0: the slow way */
			ck_assert_int_eq(finalized, 0);
			object_free(ptr);
			ck_assert_int_eq(finalized, 1);
			ck_assert_ptr_eq(finalized_at, ptr + inner);
		}
	ck_assert_uint_eq(snapshot_now().tiny_alloc, 0);
}
END_TEST

START_TEST(test_a_child_of_fork_goes_on)
{
	static void *objects[3000];
	int status;

	fine_begin();
	for (int i = 0; i < 3000; i++)
		objects[i] = memset(hinted_surely(1 + (size_t)i % 14), i % 100, 1 + (size_t)i % 14);
	heap_fork_prepare();
	pid_t child = fork();
	if (child == 0) {
		heap_fork_child();
		for (int i = 0; i < 3000; i++) {
			if (*(char *)objects[i] != i % 100)
				_exit(1);
			object_free(objects[i]);
			object_free(hinted_surely(1 + (size_t)i % 14));
		}
		heap_trim(0);
		heap_audit();
		_exit(snapshot_now().tiny_alloc != 0);
	}
	heap_fork_parent();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	for (int i = 0; i < 3000; i++)
		object_free(objects[i]);
	heap_audit();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/fine", hinted_begin, world_end);

	tcase_add_loop_test(tests, test_objects_and_bits_fill_a_span, 0, FINE_CLASS_COUNT);
	tcase_add_test(tests, test_a_short_span_has_room_for_its_bits);
	tcase_add_test(tests, test_the_fitted_class_is_the_smallest);
	tcase_add_test(tests, test_objects_are_aligned_as_their_mask_says);
	tcase_add_test(tests, test_blocks_come_first);
	tcase_add_test(tests, test_the_books_have_a_row_for_each);
	tcase_add_test(tests, test_size_and_realloc_are_right);
	tcase_add_test(tests, test_misuse_is_caught);
	tcase_add_test(tests, test_a_finalizer_on_any_byte);
	tcase_add_test(tests, test_a_child_of_fork_goes_on);
	return suite_end();
}
