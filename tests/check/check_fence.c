/*
 * check_fence.c - check/fence.h.
 *
 * Proves: wherever an object is placed, of any size, alignment and side, it is aligned, within its
 * span, found by its address, and its end or begin is as near to its fence as the alignment
 * allows; of a fenced object each byte may be touched, those behind the fences may not; closed, none
 * may; opened, all may, and read zero.
 */
#include "check/fence.h"

#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/arena.h"
#include "heap/large.h"
#include "heap/span.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

static const size_t sizes[] = {1, 8, 15, 16, 17, 100, 1000, 4080, 4095, 4096, 4097, 8191, 8192, 8193,
	12288, 20000, 32768, 65536, 100000, 131072, 262144, 1000000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), ALIGN_SHIFTS = 21 };

static size_t span_bytes(const struct large_place *place)
{
	return place->pages << PAGE_SHIFT;
}

static void look_at_place(size_t bytes, size_t align, bool with_before, bool is_left)
{
	struct large_place place = fence_place(bytes, align, with_before, is_left);
	size_t unit = os_page_bytes(), end = place.offset + bytes;
	size_t step = max_bytes(align, 16);

	/* The span begins at a multiple of align_pages. */
	ck_assert_uint_eq(place.offset % min_bytes(step, place.align_pages << PAGE_SHIFT), 0);
	ck_assert(align <= place.align_pages << PAGE_SHIFT || align <= 16);
	ck_assert_uint_eq((place.align_pages << PAGE_SHIFT) % unit, 0);
	ck_assert_uint_eq(span_bytes(&place) % unit, 0);
	ck_assert_uint_lt(place.offset, 3 * unit + (unit == 4096 ? 0 : PAGE_BYTES));
	/* There is a page of the OS's behind it, and before it if there is to be one. */
	ck_assert_uint_ge(span_bytes(&place), bits_round_up(end, unit) + unit);
	if (with_before && align <= PAGE_BYTES)
		ck_assert_uint_ge(place.offset, unit);
	if (is_left && align <= PAGE_BYTES)
		ck_assert_uint_eq(place.offset % unit, 0);
	else if (align <= unit)
		ck_assert_uint_lt(bits_round_up(end, unit) - end, step);
}

START_TEST(test_an_object_is_placed_at_its_fence)
{
	size_t align = (size_t)1 << _i;

	for (int i = 0; i < SIZES; i++) {
		look_at_place(sizes[i], align, false, false);
		look_at_place(sizes[i], align, true, false);
		look_at_place(sizes[i], align, true, true);
	}
}
END_TEST

static struct span *placed(size_t bytes, bool with_before, bool is_left)
{
	struct large_place place = fence_place(bytes, 1, with_before, is_left);
	void *object;

	do
		object = large_alloc_placed(&place, bytes, false, false);
	while (object == NULL && is_excused());
	struct span *span = span_of_large(object);
	ck_assert_ptr_ne(span, NULL);
	ck_assert_ptr_eq(span_object(span), object);
	return span;
}

static void look_at_fences(size_t bytes, bool with_before, bool is_left)
{
	size_t unit = os_page_bytes();
	struct span *span = placed(bytes, with_before, is_left);
	char *object = span_object(span), *begin = span_address(span);
	char *end = begin + (span->page_count << PAGE_SHIFT);
	char *first = (char *)bits_round_down((uintptr_t)object, unit);
	char *behind = (char *)bits_round_up((uintptr_t)object + bytes, unit);

	fence_set(span);
	memset(object, 'x', bytes);
	ck_assert_int_ne(span->fences & SPAN_FENCE_BEHIND, 0);
	for (char *page = behind; page < end; page += unit)
		ck_assert(!os_can_read(page));
	ck_assert_int_eq((span->fences & SPAN_FENCE_BEFORE) != 0, first != begin);
	for (char *page = begin; page < first; page += unit)
		ck_assert(!os_can_read(page));
	struct span *retired = large_retire(object);
	ck_assert_ptr_eq(retired, span);
	fence_close(span);
	for (char *page = begin; page < end; page += unit)
		ck_assert(!os_can_read(page));
	ck_assert(fence_open(span));
	for (char *at = begin; at < end; at++)
		ck_assert_int_eq(*at, 0);
	large_bury(span);
}

START_TEST(test_nobody_may_touch_a_fence)
{
	look_at_fences(sizes[_i], false, false);
	look_at_fences(sizes[_i], true, false);
	look_at_fences(sizes[_i], true, true);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("check/fence", world_begin, world_end);

	tcase_add_loop_test(tests, test_an_object_is_placed_at_its_fence, 0, ALIGN_SHIFTS);
	tcase_add_loop_test(tests, test_nobody_may_touch_a_fence, 0, SIZES);
	return suite_end();
}
