/*
 * check_cooling.c - heap/cooling.c.
 *
 * Proves: the free pages of a span that was left alone go back, and no live
 * byte with them; a span in use keeps its pages; a page whose object is handed
 * out again counts as used; of a span that empties, the page heap knows which
 * pages have no memory; one call looks at so many spans and the next goes on from
 * there; a random program never loses a byte.
 */
#include "heap/cooling.h"

#include <string.h>
#include <sys/mman.h>

#include "base/os.h"
#include "heap/fastpath.h"
#include "heap/page_heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum {
	CLASS = 24, /* 512 bytes, 64 a span, 8 in 4 KiB */
	SPAN_OBJECTS = 64
};

static void *objects[SPAN_OBJECTS];
static uint32_t unit_objects;

static void span_take_all(void)
{
	size_t bytes = size_classes[CLASS].object_bytes;

	ck_assert_uint_eq(size_classes[CLASS].span_objects, SPAN_OBJECTS);
	unit_objects = (uint32_t)(os_page_bytes() / bytes);
	central_lock(CLASS);
	for (uint32_t got = 0; got < SPAN_OBJECTS;) {
		uint32_t now = central_take(CLASS, objects + got, SPAN_OBJECTS - got);
		ck_assert(now > 0 || is_excused());
		got += now;
	}
	central_unlock(CLASS);
	const struct span *span = span_of_small(objects[0]);
	for (uint32_t i = 0; i < SPAN_OBJECTS; i++) {
		/* In the order of their addresses. */
		objects[i] = span_address(span) + i * bytes;
		ck_assert_ptr_eq(span_of_small(objects[i]), span);
	}
}

static void span_fill(void)
{
	for (uint32_t i = 0; i < SPAN_OBJECTS; i++)
		fill(objects[i], size_classes[CLASS].object_bytes, i);
}

static void give_home(uint32_t from, uint32_t count)
{
	central_lock(CLASS);
	central_give(CLASS, objects + from, count, NULL);
	central_drain_all(CLASS);
	central_audit(CLASS);
	central_unlock(CLASS);
}

static uint32_t release(void)
{
	central_lock(CLASS);
	uint32_t spans = cooling_release(CLASS, 1000);
	central_audit(CLASS);
	central_unlock(CLASS);
	return spans;
}

static void cool(void)
{
	cooling_advance();
	cooling_advance();
}

static bool is_resident(void *address)
{
	unsigned char state = 0;

	ck_assert_int_eq(mincore(address, os_page_bytes(), &state), 0);
	return (state & 1) != 0;
}

static void expect_kept(uint32_t from, uint32_t count)
{
	size_t bytes = size_classes[CLASS].object_bytes;

	for (uint32_t i = from; i < from + count; i++)
		ck_assert_uint_eq(filled(objects[i], bytes, bytes, i), bytes);
}

START_TEST(test_free_pages_of_a_span_left_alone_go_back)
{
	span_take_all();
	span_fill();
	give_home(2 * unit_objects, 2 * unit_objects);
	give_home(5 * unit_objects, unit_objects - 1); /* all but one of a page */
	cool();
	ck_assert_uint_eq(release(), 1);
	ck_assert_uint_eq(centrals[CLASS].released_bytes, 2 * os_page_bytes());
	ck_assert(!is_resident(objects[2 * unit_objects]));
	ck_assert(!is_resident(objects[3 * unit_objects]));
	ck_assert(is_resident(objects[5 * unit_objects]));
	expect_kept(0, 2 * unit_objects);
	expect_kept(4 * unit_objects, unit_objects);
	expect_kept(6 * unit_objects - 1, 2 * unit_objects + 1);
	ck_assert_uint_eq(release(), 0);
}
END_TEST

START_TEST(test_a_span_in_use_keeps_its_pages)
{
	span_take_all();
	span_fill();
	give_home(0, 2 * unit_objects);
	ck_assert_uint_eq(release(), 0);
	cooling_advance();
	ck_assert_uint_eq(release(), 0);
	give_home(2 * unit_objects, unit_objects);
	cooling_advance();
	ck_assert_uint_eq(release(), 0);
	ck_assert_uint_eq(centrals[CLASS].released_bytes, 0);
}
END_TEST

START_TEST(test_a_page_that_is_handed_out_again_counts_as_used)
{
	void *again[SPAN_OBJECTS];

	span_take_all();
	span_fill();
	give_home(2 * unit_objects, 2 * unit_objects);
	cool();
	ck_assert_uint_eq(release(), 1);
	central_lock(CLASS);
	ck_assert_uint_eq(central_take(CLASS, again, 1), 1);
	ck_assert_uint_eq(centrals[CLASS].released_bytes, os_page_bytes());
	ck_assert_uint_eq(central_take(CLASS, again + 1, 2 * unit_objects - 1),
		2 * unit_objects - 1);
	ck_assert_uint_eq(centrals[CLASS].released_bytes, 0);
	central_audit(CLASS);
	central_unlock(CLASS);
	expect_kept(0, 2 * unit_objects);
}
END_TEST

START_TEST(test_the_page_heap_knows_what_an_emptied_span_gave_back)
{
	span_take_all();
	span_fill();
	const struct span *span = span_of_small(objects[0]);
	size_t page = span_page(span);
	give_home(0, 4 * unit_objects);
	cool();
	ck_assert_uint_eq(release(), 1);
	give_home(4 * unit_objects, SPAN_OBJECTS - 4 * unit_objects);
	ck_assert_uint_eq(centrals[CLASS].released_bytes, 0);
	ck_assert_uint_eq(arena.class_map[page], 0);
	if (os_page_bytes() <= PAGE_BYTES)
		ck_assert_uint_eq(arena.page_info[page] & PAGE_IS_DIRTY, 0);
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
}
END_TEST

/* What one call does is done under the class's lock. */
START_TEST(test_one_call_looks_at_so_many_spans_and_the_next_goes_on)
{
	enum { SPANS = COOLING_LOOKS + 100 };
	static void *firsts[SPANS];

	/* All of each span is taken; then the first object of each comes home. */
	for (uint32_t i = 0; i < SPANS; i++) {
		span_take_all();
		firsts[i] = objects[0];
	}
	central_lock(CLASS);
	for (uint32_t i = 0; i < SPANS; i++)
		central_give_home(CLASS, firsts[i], NULL);
	central_unlock(CLASS);
	give_home(1, unit_objects - 1); /* the last of them has a free page: with its first */
	/* Warm: each goes behind the others, and nothing is given back. */
	ck_assert_uint_eq(release(), 0);
	ck_assert_uint_eq(centrals[CLASS].cooling_last,
		span_page(span_of_small(firsts[COOLING_LOOKS - 1])) + 1);
	cool();
	ck_assert_uint_eq(release(), 1);
	ck_assert_uint_ne(centrals[CLASS].cooling_first, 0);
	ck_assert_uint_eq(release(), 0);
	ck_assert_uint_eq(centrals[CLASS].cooling_first, 0);
}
END_TEST

START_TEST(test_no_live_byte_is_lost)   /* _i: another seed */
{
	enum { LIVE = 4000, STEPS = 40000 };
	static struct { char *object; size_t bytes; } live[LIVE];

	random_start((uint64_t)_i);
	for (int step = 0; step < STEPS; step++) {
		size_t at = random_below(LIVE);
		if (live[at].object != NULL) {
			ck_assert_uint_eq(filled(live[at].object, live[at].bytes, live[at].bytes, at),
				live[at].bytes);
			heap_free(live[at].object);
			live[at].object = NULL;
		}
		if (random_below(4) != 0) {
			live[at].bytes = 1 + random_below(6000);
			live[at].object = alloc_surely(live[at].bytes);
			fill(live[at].object, live[at].bytes, at);
		}
		if (random_below(500) == 0)
			pools_cool();
	}
	for (size_t at = 0; at < LIVE; at++)
		if (live[at].object != NULL)
			heap_free(live[at].object);
	memset(live, 0, sizeof(live));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/cooling", world_begin, world_end_pools);

	tcase_add_test(tests, test_free_pages_of_a_span_left_alone_go_back);
	tcase_add_test(tests, test_a_span_in_use_keeps_its_pages);
	tcase_add_test(tests, test_a_page_that_is_handed_out_again_counts_as_used);
	tcase_add_test(tests, test_the_page_heap_knows_what_an_emptied_span_gave_back);
	tcase_add_test(tests, test_one_call_looks_at_so_many_spans_and_the_next_goes_on);
	tcase_add_loop_test(tests, test_no_live_byte_is_lost, 0, 4);
	return suite_end();
}
