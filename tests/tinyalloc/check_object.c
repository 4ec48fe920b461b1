/*
 * check_object.c - tinyalloc/object.c.
 *
 * Proves: whatever kind an object is of, plain, hinted, combined or large, free, realloc,
 * usable size and lookup do right by it, and what was hinted stays hinted; the address
 * of no bytes may be given to each of them, any number of times.
 */
#include "tinyalloc/object.h"

#include <string.h>

#include "heap/heap.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"

enum { STEPS = 20000, OBJECTS = 500, LARGEST_BYTES = 600000 };

static void *resize_surely(void *ptr, size_t bytes)
{
	void *moved;

	while ((moved = object_realloc(ptr, bytes, NULL)) == NULL)
		ck_assert(is_excused());
	return moved;
}

struct object {
	char *ptr;
	size_t bytes;
	uint64_t tag;
	bool is_hinted;
};

static void object_make(struct object *object)
{
	size_t most = random_below(3) == 0 ? LARGEST_BYTES : random_below(2) == 0 ? 15 : 200;

	object->bytes = random_size(most);
	object->is_hinted = random_below(2) == 0;
	object->ptr = object->is_hinted ? chars_surely(object->bytes) : alloc_surely(object->bytes);
	object->tag = random_number();
	fill(object->ptr, object->bytes, object->tag);
}

static void object_check(const struct object *object)
{
	size_t size_bytes, usable = object_usable_bytes(object->ptr, NULL);
	size_t at = random_below(object->bytes);
	void *base;

	ck_assert_uint_eq(filled(object->ptr, object->bytes, object->bytes, object->tag),
		object->bytes);
	ck_assert_uint_ge(usable, object->bytes);
	ck_assert(object_lookup(object->ptr + at, &base, &size_bytes));
	ck_assert_ptr_eq(base, object->ptr);
	ck_assert_uint_eq(size_bytes, usable);
	ck_assert(object_lookup(object->ptr + at, NULL, NULL));
	ck_assert(object_is_noscan(object->ptr) == object->is_hinted);
}

static void object_resize(struct object *object)
{
	size_t bytes = random_size(random_below(2) == 0 ? 40 : LARGEST_BYTES);
	size_t kept = bytes < object->bytes ? bytes : object->bytes;

	object->ptr = resize_surely(object->ptr, bytes);
	ck_assert_uint_eq(filled(object->ptr, object->bytes, kept, object->tag), kept);
	object->bytes = bytes;
	fill(object->ptr, bytes, object->tag);
}

START_TEST(test_a_random_program_of_every_kind)
{
	static struct object objects[OBJECTS];
	struct mstat_snapshot before, after;

	heap_snapshot(&before);
	for (int i = 0; i < STEPS; i++) {
		struct object *object = &objects[random_below(OBJECTS)];
		if (object->ptr == NULL) {
			object_make(object);
			continue;
		}
		object_check(object);
		if (random_below(2) == 0) {
			object_resize(object);
		} else {
			object_free(object->ptr);
			object->ptr = NULL;
		}
	}
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i].ptr != NULL)
			object_free_for(objects[i].ptr, NULL);
	heap_snapshot(&after);
	tally_check_sums(&after);
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.noscan_alloc, 0);
	ck_assert_uint_eq(after.tiny_nmalloc, after.tiny_nfree);
}
END_TEST

START_TEST(test_no_bytes_are_one_address_for_all)
{
	char *ptr = object_alloc_noscan(0, 1);
	size_t size_bytes;
	void *base;

	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_eq(object_alloc_noscan(0, 1), ptr);
		ck_assert_uint_eq(object_usable_bytes(ptr, NULL), 0);
		object_free(ptr);
		object_free_for(ptr, NULL);
	}
	ck_assert(object_is_noscan(ptr));
	ck_assert(!object_lookup(ptr, &base, &size_bytes)); /* the heap's it is not */
	char *grown = resize_surely(ptr, 5);
	ck_assert_ptr_ne(grown, ptr);
	ck_assert(object_is_noscan(grown));
	object_free(grown);
	object_free(NULL);
}
END_TEST

START_TEST(test_what_is_left_of_a_block_is_no_object)
{
	char *ptr = chars_surely(3);
	void *base;

	ck_assert(object_lookup(ptr + 2, &base, NULL));
	ck_assert_ptr_eq(base, ptr);
	ck_assert(!object_lookup(ptr + 3, NULL, NULL));
	ck_assert(!object_lookup(ptr + 15, NULL, NULL));
	object_free(ptr);
	size_t size_bytes; /* a free one is found, as every free object is */
	ck_assert(object_lookup(ptr + 15, &base, &size_bytes));
	ck_assert_ptr_eq(base, ptr);
	ck_assert_uint_eq(size_bytes, 16);
}
END_TEST

START_TEST(test_what_cannot_be_is_refused_and_loses_nothing)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, (size_t)PTRDIFF_MAX + 1};
	char *ptr = chars_surely(7);

	memcpy(ptr, "abcdef", 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_ptr_null(object_alloc_noscan(sizes[i], 8));
		ck_assert_ptr_null(object_realloc(ptr, sizes[i], NULL));
		ck_assert_str_eq(ptr, "abcdef");
	}
	object_free(ptr);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/object", hinted_begin, world_end);

	tcase_add_test(tests, test_a_random_program_of_every_kind);
	tcase_add_test(tests, test_no_bytes_are_one_address_for_all);
	tcase_add_test(tests, test_what_is_left_of_a_block_is_no_object);
	tcase_add_test(tests, test_what_cannot_be_is_refused_and_loses_nothing);
	return suite_end();
}
