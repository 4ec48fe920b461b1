/*
 * check_size_class.c - heap/size_class.c: the tables against what they state.
 *
 * Proves: the invariants of heap/size_class.h for every size and every power of
 * two; what a span leaves over; the reciprocal on every offset of every span.
 */
#include "heap/size_class.h"

#include "heap/arena.h"
#include "tests/suite.h"

START_TEST(test_classes_rise_by_multiples_of_16)
{
	ck_assert_uint_eq(size_classes[0].object_bytes, 0);
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		ck_assert_uint_gt(size_classes[class].object_bytes, size_classes[class - 1].object_bytes);
		ck_assert_uint_eq(size_classes[class].object_bytes % SIZE_GRANULE_BYTES, 0);
	}
	ck_assert_uint_eq(size_classes[SIZED_CLASS_COUNT - 1].object_bytes, SMALL_MAX_BYTES);
}
END_TEST

START_TEST(test_every_size_has_the_smallest_class_that_holds_it)
{
	ck_assert_uint_eq(size_class_of(0), 1); /* as 1 byte */
	for (size_t bytes = 1; bytes <= SMALL_MAX_BYTES; bytes++) {
		uint32_t class = size_class_of(bytes);
		if (class == 0 || size_classes[class].object_bytes < bytes ||
			size_classes[class - 1].object_bytes >= bytes)
			ck_abort_msg("%zu bytes are of class %u", bytes, class);
	}
}
END_TEST

START_TEST(test_rounding_up_wastes_at_most_a_ninth_above_256_bytes)
{
	for (uint32_t class = size_class_of(256) + 1; class < SIZED_CLASS_COUNT; class++) {
		uint32_t bytes = size_classes[class].object_bytes;
		uint32_t least = size_classes[class - 1].object_bytes + 1;
		/* or a page, where an object is a span */
		ck_assert((bytes - least) * 9 <= bytes || bytes - least < PAGE_BYTES);
	}
}
END_TEST

START_TEST(test_a_multiple_of_a_power_of_two_has_a_class_that_is_one)
{
	for (size_t align = 16; align <= PAGE_BYTES; align *= 2)
		for (size_t bytes = align; bytes <= SMALL_MAX_BYTES; bytes += align)
			ck_assert_uint_eq(size_classes[size_class_of(bytes)].object_bytes % align, 0);
}
END_TEST

START_TEST(test_a_span_leaves_at_most_a_64th_over)
{
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		const struct size_class *row = &size_classes[class];
		uint32_t span_bytes = row->span_pages * PAGE_BYTES;
		ck_assert_uint_le(row->span_pages, SIZE_CLASS_MAX_PAGES);
		ck_assert_uint_le(row->span_pages, PAGE_BACK_MASK + 1);
		ck_assert_uint_eq(row->span_objects, span_bytes / row->object_bytes);
		ck_assert_uint_le((span_bytes % row->object_bytes) * 64, span_bytes);
		ck_assert_uint_le(row->span_objects, row->span_pages * HOME_WORDS_PER_PAGE * 64);
	}
}
END_TEST

START_TEST(test_every_offset_finds_its_object)            /* _i: every class in turn */
{
	size_t span_bytes = (size_t)size_classes[_i].span_pages * PAGE_BYTES;

	for (size_t offset = 0; offset < span_bytes; offset++)
		if (size_class_index((uint32_t)_i, offset) != offset / size_classes[_i].object_bytes)
			ck_abort_msg("offset %zu is said to be in another object", offset);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/size_class", NULL, NULL);

	tcase_add_test(tests, test_classes_rise_by_multiples_of_16);
	tcase_add_test(tests, test_every_size_has_the_smallest_class_that_holds_it);
	tcase_add_test(tests, test_rounding_up_wastes_at_most_a_ninth_above_256_bytes);
	tcase_add_test(tests, test_a_multiple_of_a_power_of_two_has_a_class_that_is_one);
	tcase_add_test(tests, test_a_span_leaves_at_most_a_64th_over);
	tcase_add_loop_test(tests, test_every_offset_finds_its_object, 1, SIZE_CLASS_COUNT);
	return suite_end();
}
