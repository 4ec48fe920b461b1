/*
 * check_record.c - tinyalloc/record.h.
 *
 * Proves: whatever objects a block was cut into, open or closed, each byte of it leads
 * to the one that it lies in; a record belongs to one block, and only to one that was
 * handed out.
 */
#include "tinyalloc/record.h"

#include "heap/central.h"
#include "heap/fastpath.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { ROUNDS = 20000, OBJECTS_MAX = 16 };

/* A block cut by hand. */
struct cut {
	size_t at[OBJECTS_MAX + 1]; /* and where the last one ends */
	size_t count;
	uint32_t starts;
};

static struct cut cut_make(bool is_open)
{
	struct cut cut = {.count = 0};
	size_t end = is_open ? 1 + random_below(15) : 16, at = 0;

	while (at < end) {
		cut.at[cut.count++] = at;
		if (at != 0)
			cut.starts |= 1u << (16 - at);
		at += 1 + random_below(end - at);
	}
	cut.at[cut.count] = end;
	if (is_open)
		cut.starts |= RECORD_OPEN | 1u << (16 - end);
	return cut;
}

START_TEST(test_each_byte_leads_to_its_object)   /* _i: open or not */
{
	for (int round = 0; round < ROUNDS; round++) {
		struct cut cut = cut_make(_i == 1);
		for (size_t i = 0; i < cut.count; i++) {
			for (size_t at = cut.at[i]; at < cut.at[i + 1]; at++) {
				ck_assert_uint_eq(record_left_from(cut.starts, at), 16 - cut.at[i]);
				ck_assert_uint_eq(record_left_behind(cut.starts, at), 16 - cut.at[i + 1]);
			}
		}
	}
}
END_TEST

START_TEST(test_the_objects_are_those_that_were_cut)   /* _i: open or not */
{
	char block[16] __attribute__((aligned(16)));

	for (int round = 0; round < ROUNDS; round++) {
		struct cut cut = cut_make(_i == 1);
		uint32_t bits = 0;
		for (size_t i = 0; i < cut.count; i++)
			bits |= record_bit(block + cut.at[i]);
		ck_assert_uint_eq(record_objects(cut.starts), bits);
	}
}
END_TEST

START_TEST(test_only_blocks_that_were_handed_out_have_a_record)
{
	void *block;

	attach_surely();
	while (!cache_open_hinted(cache_self))
		ck_assert(is_excused());
	central_lock(SIZE_CLASS_TINY);
	while (central_take(SIZE_CLASS_TINY, &block, 1) == 0)
		ck_assert(is_excused());
	central_unlock(SIZE_CLASS_TINY);
	const struct span *span = span_of_small(block);
	char *end = span_address(span) + (span->page_count << PAGE_SHIFT);
	union record *first = record_of(span, block);

	ck_assert_ptr_eq(first, span_records(span));
	ck_assert_ptr_eq(record_of(span, (char *)block + 15), first);
	ck_assert_ptr_null(record_of(span, (char *)block + 16));
	ck_assert_ptr_null(record_of(span, first));
	ck_assert_ptr_null(record_of(span, end - 1));
	/* Each block of a span has one, and none reaches beyond it. */
	ck_assert((char *)(first + size_classes[SIZE_CLASS_TINY].span_objects) <= end);
	ck_assert_uint_eq(arena.class_map[arena_page_of(block)], 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/record", world_begin, NULL);

	tcase_add_loop_test(tests, test_each_byte_leads_to_its_object, 0, 2);
	tcase_add_loop_test(tests, test_the_objects_are_those_that_were_cut, 0, 2);
	tcase_add_test(tests, test_only_blocks_that_were_handed_out_have_a_record);
	return suite_end();
}
