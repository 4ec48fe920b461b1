/*
 * check_sized.c - tinyalloc/sized.c and the comparison that comes before it,
 * heap_is_of_size().
 *
 * Proves: whatever size and alignment an object was asked for with is right, of all
 * classes, large and tiny, and after any number of reallocs; the sizes of the next classes
 * are wrong, and so is any other number of pages; nothing is said of what is no object.
 * (What is said to a program: tests/misuse.)
 */
#include "tinyalloc/sized.h"

#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/page_heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tinyalloc/object.h"

enum { STEPS = 20000, OBJECTS = 64, MOST_BYTES = 3 << 20 };

struct said {
	const void *ptr;
	size_t bytes, align_bytes;
};

static void expect(void *said_of)
{
	const struct said *said = said_of;

	sized_expect(said->ptr, said->bytes, said->align_bytes, "delete", NULL);
}

static void expect_resized(void *said_of)
{
	const struct said *said = said_of;

	sized_expect_resized(said->ptr, said->bytes, "free_sized", NULL);
}

static void expect_aligned(void *said_of)
{
	const struct said *said = said_of;

	sized_expect_aligned(said->ptr, said->align_bytes, "delete", NULL);
}

/* A size that is near a class's, or any. */
static size_t some_size(void)
{
	if (random_below(2) == 0)
		return random_size(MOST_BYTES);
	return size_classes[1 + random_below(SIZED_CLASS_COUNT - 1)].object_bytes - 1 +
		random_below(3);
}

START_TEST(test_what_was_asked_for_is_right)
{
	for (int i = 0; i < STEPS / 10; i++) {
		size_t bytes = some_size();
		void *object = alloc_surely(bytes);
		ck_assert(bytes > SMALL_MAX_BYTES || heap_is_of_size(object, bytes));
		sized_expect(object, bytes, 1, "delete", NULL);
		sized_expect_resized(object, bytes, "free_sized", NULL);
		heap_free(object);
	}
	void *nothing = alloc_surely(0);
	sized_expect(nothing, 0, 1, "delete", NULL);
	ck_assert(heap_is_of_size(nothing, 0));
}
END_TEST

START_TEST(test_so_is_an_alignment)
{
	for (int i = 0; i < STEPS / 10; i++) {
		size_t align_bytes = (size_t)1 << random_below(21);
		size_t bytes = random_below(20) == 0 ? 0 : some_size();
		void *object = aligned_surely(align_bytes, bytes);
		sized_expect(object, bytes, align_bytes, "delete", NULL);
		sized_expect_aligned(object, align_bytes, "delete", NULL);
		heap_free(object);
	}
}
END_TEST

START_TEST(test_what_realloc_made_is_what_it_was_asked_for)
{
	struct said said[OBJECTS] = {{NULL, 0, 0}};

	for (int i = 0; i < STEPS; i++) {
		struct said *one = &said[random_below(OBJECTS)];
		one->bytes = some_size();
		one->ptr = one->ptr == NULL ? alloc_surely(one->bytes)
					    : realloc_surely((void *)one->ptr, one->bytes);
		sized_expect_resized(one->ptr, one->bytes, "free_sized", NULL);
	}
	for (int i = 0; i < OBJECTS; i++)
		heap_free((void *)said[i].ptr);
}
END_TEST

START_TEST(test_the_next_classes_sizes_are_wrong)        /* _i: every class in turn */
{
	size_t bytes = size_classes[_i].object_bytes;
	void *object = alloc_surely(bytes);
	struct said larger = {object, bytes + 1, 1}, smaller = {object, size_classes[_i - 1].object_bytes, 1};

	ck_assert(!heap_is_of_size(object, bytes + 1));
	dies_saying(expect, &larger, "wrong size: ");
	dies_saying(expect_resized, &larger, "wrong size: ");
	if (_i > 1) {
		ck_assert(!heap_is_of_size(object, smaller.bytes));
		dies_saying(expect, &smaller, "wrong size: ");
	}
	heap_free(object);
}
END_TEST

START_TEST(test_another_number_of_pages_is_wrong)
{
	void *object = large_surely(MOST_BYTES);
	struct said larger = {object, MOST_BYTES + 1, 1},
		    smaller = {object, MOST_BYTES - PAGE_BYTES, 1},
		    half = {object, MOST_BYTES / 2, 1}, endless = {object, SIZE_MAX, 64};

	sized_expect(object, MOST_BYTES - PAGE_BYTES + 1, 1, "delete", NULL);
	dies_saying(expect, &larger, "bytes were given, the object has 3145728");
	dies_saying(expect, &smaller, "wrong size: ");
	dies_saying(expect_resized, &larger, "wrong size: ");
	page_heap.out_of_memory_count = 0; /* once it was refused, realloc() may have left so much */
	dies_saying(expect_resized, &half, "wrong size: ");
	page_heap.out_of_memory_count = 1;
	sized_expect_resized(object, MOST_BYTES / 2, "free_sized", NULL);
	dies_saying(expect, &endless, "wrong size: ");
	heap_free(object);
}
END_TEST

START_TEST(test_what_is_not_aligned_so_is_wrong)
{
	char *object = aligned_surely(4096, 4096);
	struct said most = {object, 4096, (size_t)1 << 62}, none = {object, 4096, 0},
		    odd = {object, 4096, 48};

	dies_saying(expect, &most, "wrong alignment: 4611686018427387904 bytes were given");
	dies_saying(expect_aligned, &most, "wrong alignment: ");
	dies_saying(expect_aligned, &none, "wrong alignment: ");
	dies_saying(expect, &odd, "wrong alignment: ");
	heap_free(object);
}
END_TEST

START_TEST(test_tiny_objects_are_at_most_as_large_as_their_share)
{
	void *object = NULL, *next = NULL;

	tiny_init();
	while (object == NULL || next == NULL || object_usable_bytes(object, NULL) > 8) {
		object = object_alloc_noscan(5, 1);
		next = object_alloc_noscan(5, 1);
	}
	struct said larger = {object, 16, 1};
	sized_expect(object, 5, 1, "delete", NULL);
	sized_expect_resized(object, 5, "free_sized", NULL);
	dies_saying(expect, &larger, "wrong size: 16 bytes were given, size class 16");
	dies_saying(expect_resized, &larger, "wrong size: ");
}
END_TEST

START_TEST(test_nothing_is_said_of_what_is_no_object_nor_when_it_is_not_wanted)
{
	static char not_ours[64];
	char *large = large_surely(MOST_BYTES);
	void *object = alloc_surely(100);

	sized_expect(NULL, 100, 1, "delete", NULL);
	sized_expect(not_ours, 100, 1, "delete", NULL);
	sized_expect(large + PAGE_BYTES, 100, 1, "delete", NULL);
	sized_expect_resized(not_ours, 100, "free_sized", NULL);
	sized_expect_aligned(not_ours + 1, 64, "delete", NULL);
	sized_is_checked = false;
	sized_expect(object, 4000, 64, "delete", NULL);
	sized_expect_resized(object, 4000, "free_sized", NULL);
	sized_expect_aligned(object, 1 << 30, "delete", NULL);
	heap_free(object);
	heap_free(large);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/sized", world_begin, world_end);

	tcase_add_test(tests, test_what_was_asked_for_is_right);
	tcase_add_test(tests, test_so_is_an_alignment);
	tcase_add_test(tests, test_what_realloc_made_is_what_it_was_asked_for);
	tcase_add_loop_test(tests, test_the_next_classes_sizes_are_wrong, 1, SIZED_CLASS_COUNT);
	tcase_add_test(tests, test_another_number_of_pages_is_wrong);
	tcase_add_test(tests, test_what_is_not_aligned_so_is_wrong);
	tcase_add_test(tests, test_nothing_is_said_of_what_is_no_object_nor_when_it_is_not_wanted);

	TCase *tiny = suite_case("tiny", world_begin, NULL);
	tcase_add_test(tiny, test_tiny_objects_are_at_most_as_large_as_their_share);
	return suite_end();
}
