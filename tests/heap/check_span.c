/*
 * check_span.c - heap/span.c.
 *
 * Proves: a span hands out each object once, what is home before what was never
 * handed out; only the start of an object that is out can come home; every page
 * leads to its span; what is not carved has no memory behind it.
 */
#include "heap/span.h"

#include "heap/page_heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { OBJECTS_MAX = 16384 };

static void *objects[OBJECTS_MAX];

static struct span *span_surely(uint32_t class)
{
	struct span *span;
	bool zero;

	lock_acquire(&page_heap_lock);
	while ((span = page_heap_take(size_classes[class].span_pages, 1, &zero)) == NULL)
		ck_assert(is_excused());
	span_open_small(span, class, SPAN_ORDINARY);
	lock_release(&page_heap_lock);
	return span;
}

static void span_end(struct span *span)
{
	lock_acquire(&page_heap_lock);
	span_close_small(span);
	page_heap_give(span);
	lock_release(&page_heap_lock);
}

START_TEST(test_each_object_is_handed_out_once)           /* _i: every class in turn */
{
	struct span *span = span_surely((uint32_t)_i);
	uint32_t count = size_classes[_i].span_objects, got = 0;
	char *end = span_address(span) + ((size_t)span->page_count << PAGE_SHIFT);

	while (got < count) {
		uint32_t want = 1 + (uint32_t)random_below(32);
		ck_assert_uint_eq(span_free_objects(span), count - got);
		uint32_t taken = span_take_objects(span, objects + got, want);
		ck_assert_uint_eq(taken, want < count - got ? want : count - got);
		for (uint32_t i = 1; i < taken; i++) /* a stack hands them out rising */
			ck_assert_ptr_eq((char *)objects[got + i] + size_classes[_i].object_bytes,
				objects[got + i - 1]);
		got += taken;
		ck_assert((char *)objects[got - taken] + size_classes[_i].object_bytes <= end);
	}
	ck_assert_uint_eq(span_take_objects(span, objects, 1), 0);
	span_end(span);
}
END_TEST

START_TEST(test_what_comes_home_goes_out_again_before_new_ones)
{
	struct span *span = span_surely(5);

	ck_assert_uint_eq(span_take_objects(span, objects, 100), 100);
	for (int i = 10; i < 20; i++)
		ck_assert_uint_eq(span_put_objects(span, objects + i, 1), 1);
	ck_assert_uint_eq(span->home_count, 10);
	ck_assert_uint_eq(span_take_objects(span, objects + 100, 12), 12);
	ck_assert_uint_eq(span->home_count, 0);
	ck_assert_uint_eq(span->carved_count, 102);
	span_end(span);
}
END_TEST

static bool is_refused(struct span *span, void *object, bool as_home)
{
	return span_put_objects(span, &object, 1) == 0 && span_is_home(span, object) == as_home;
}

START_TEST(test_an_object_comes_home_once)
{
	struct span *span = span_surely(7);

	span_take_objects(span, objects, 70);
	for (int i = 0; i < 70; i++)
		ck_assert_uint_eq(span_put_objects(span, objects + i, 1), 1);
	for (int i = 0; i < 70; i++)
		ck_assert(is_refused(span, objects[i], true));
	ck_assert_uint_eq(span->home_count, 70);
	span_end(span);
}
END_TEST

START_TEST(test_only_an_objects_start_comes_home)         /* _i: every class in turn */
{
	struct span *span = span_surely((uint32_t)_i);
	uint32_t bytes = size_classes[_i].object_bytes;
	uint32_t out = 1 + size_classes[_i].span_objects / 2;
	char *start = span_address(span);

	ck_assert_uint_eq(span_take_objects(span, objects, out), out);
	for (size_t at = 1; at < (size_t)out * bytes; at++)
		if (at % bytes != 0 && !is_refused(span, start + at, false))
			ck_abort_msg("byte %zu of %u came home", at % bytes, bytes);
	/* What was never handed out, and what carving left over. */
	size_t span_bytes = (size_t)span->page_count << PAGE_SHIFT;
	for (size_t at = (size_t)out * bytes; at < span_bytes; at += 16)
		if (!is_refused(span, start + at, false))
			ck_abort_msg("byte %zu came home, which was never out", at);
	ck_assert_uint_eq(span->home_count, 0);
	span_end(span);
}
END_TEST

START_TEST(test_every_page_leads_to_its_span)             /* _i: every class in turn */
{
	struct span *span = span_surely((uint32_t)_i);
	char *start = span_address(span);
	size_t bytes = (size_t)span->page_count << PAGE_SHIFT;

	for (size_t at = 0; at < bytes; at += PAGE_BYTES / 4) {
		ck_assert_ptr_eq(span_of_small(start + at), span);
		ck_assert_ptr_eq(span_containing(start + at), span);
	}
	ck_assert_ptr_ne(span_of_small(start + bytes), span);
	ck_assert_ptr_ne(span_containing(start - 1), span);
	span_end(span);
	ck_assert_ptr_null(span_of_small(start));
	ck_assert_ptr_null(span_containing(start + bytes / 2));
}
END_TEST

START_TEST(test_memory_stands_behind_what_is_carved_and_no_more)
{
	struct span *span = span_surely(1);
	size_t page = span_page(span), objects_a_page = PAGE_BYTES / 16;

	span_take_objects(span, objects, (uint32_t)objects_a_page);
	ck_assert_uint_ne(arena.page_info[page] & PAGE_IS_DIRTY, 0);
	ck_assert_uint_eq(arena.page_info[page + 1] & PAGE_IS_DIRTY, 0);
	span_take_objects(span, objects, 1);
	ck_assert_uint_ne(arena.page_info[page + 1] & PAGE_IS_DIRTY, 0);
	size_t dirty = page_heap.dirty_pages;
	span_end(span);
	ck_assert_uint_eq(page_heap.dirty_pages, dirty + 2);
}
END_TEST

START_TEST(test_a_list_loses_any_of_its_spans)            /* _i: which one of three */
{
	struct span spans[3] = {0}, *head = NULL;
	int left = 0;

	for (int i = 0; i < 3; i++)
		span_list_push(&head, &spans[i]);
	span_list_remove(&spans[_i]);
	ck_assert_ptr_null(spans[_i].next);
	for (struct span *span = head; span != NULL; span = span->next, left++) {
		ck_assert_ptr_ne(span, &spans[_i]);
		ck_assert_ptr_eq(*span->link, span);
	}
	ck_assert_int_eq(left, 2);
}
END_TEST

START_TEST(test_random_traffic_keeps_bitmap_and_count_equal)
{
	struct span *span = span_surely(20);
	uint32_t out = 0;

	for (int step = 0; step < 5000; step++) {
		if (out > 0 && random_below(2) == 0) {
			uint32_t which = (uint32_t)random_below(out);
			ck_assert_uint_eq(span_put_objects(span, objects + which, 1), 1);
			objects[which] = objects[--out];
		} else {
			out += span_take_objects(span, objects + out, 1 + (uint32_t)random_below(4));
		}
		uint32_t home = 0;
		for (int word = 0; word < 2; word++)
			home += (uint32_t)__builtin_popcountll(span_home_words(span)[word]);
		if (home != span->home_count || span->carved_count != home + out)
			ck_abort_msg("%u home, %u out of %u", home, out, span->carved_count);
	}
	span_end(span);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/span", world_begin, world_end);

	tcase_add_loop_test(tests, test_each_object_is_handed_out_once, 1, SIZE_CLASS_COUNT);
	tcase_add_test(tests, test_what_comes_home_goes_out_again_before_new_ones);
	tcase_add_test(tests, test_an_object_comes_home_once);
	tcase_add_loop_test(tests, test_only_an_objects_start_comes_home, 1, SIZE_CLASS_COUNT);
	tcase_add_loop_test(tests, test_every_page_leads_to_its_span, 1, SIZE_CLASS_COUNT);
	tcase_add_test(tests, test_memory_stands_behind_what_is_carved_and_no_more);
	tcase_add_loop_test(tests, test_a_list_loses_any_of_its_spans, 0, 3);
	tcase_add_test(tests, test_random_traffic_keeps_bitmap_and_count_equal);
	return suite_end();
}
