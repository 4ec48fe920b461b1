/*
 * check_record.c - tinyalloc/record.h.
 *
 * Proves: whatever objects a block is cut into, open or closed, each byte of it leads to
 * the one that it lies in, and what is left of it to none; a record belongs to one block,
 * and none reaches beyond its page; what was taken off a record is told, with one thread
 * and with several.
 */
#include "tinyalloc/record.h"

#include <pthread.h>

#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/span.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { ROUNDS = 20000, OBJECTS_MAX = 16 };

/* A block as it is cut up: where its objects begin, and what was asked for. */
struct cut {
	uint32_t begin[OBJECTS_MAX + 1];
	uint32_t count;
	uint32_t end; /* of the last one */
	uint32_t freed;
};

static void cut_check(const struct cut *cut, union record *record, uint32_t end)
{
	struct record_view view = record_view(record_read(record));
	uint32_t starts = 0;

	for (uint32_t i = 0; i < cut->count; i++) {
		uint32_t last = i + 1 < cut->count ? cut->begin[i + 1] : end;
		starts |= 1u << cut->begin[i];
		for (uint32_t at = cut->begin[i]; at < last; at++)
			if (record_begin(&view, at) != cut->begin[i] || record_end(&view, at) != last)
				ck_abort_msg("byte %u of %x", at, record->word);
	}
	ck_assert_uint_eq(view.starts, starts);
	ck_assert_uint_eq(view.live, starts & ~cut->freed);
	ck_assert_uint_eq(view.end, end);
}

static void cut_begin(struct cut *cut, uint32_t begin, uint32_t bytes)
{
	cut->begin[cut->count++] = begin;
	cut->end = begin + bytes;
}

/* Some of the objects are freed while others are still to come. */
static void cut_free_some(struct cut *cut, union record *record)
{
	uint32_t bit = 1u << cut->begin[random_below(cut->count)];

	if ((cut->freed & bit) != 0)
		return;
	cut->freed |= bit;
	record_free(record, bit);
}

START_TEST(test_each_byte_leads_to_its_object)
{
	for (int round = 0; round < ROUNDS; round++) {
		union record record = {.word = 0};
		struct cut cut = {.count = 0};
		cut_begin(&cut, 0, 1 + (uint32_t)random_below(16));
		record_open(&record, cut.end);
		cut_check(&cut, &record, cut.end);
		while (cut.end < 16 && random_below(8) != 0) {
			uint32_t at = cut.end, begin = at + (uint32_t)random_below(16 - at);
			cut_begin(&cut, begin, 1 + (uint32_t)random_below(16 - begin));
			record_cut(&record, at, begin, cut.end);
			if (random_below(2) == 0)
				cut_free_some(&cut, &record);
			cut_check(&cut, &record, cut.end);
		}
		if (cut.end < 16)
			ck_assert_uint_eq(record_close(&record, cut.end).starts & RECORD_CLOSED, 0);
		cut_check(&cut, &record, 16);
		ck_assert_uint_eq(record.starts & RECORD_CLOSED, RECORD_CLOSED);
	}
}
END_TEST

START_TEST(test_a_block_that_was_never_used_has_no_object)
{
	struct record_view view = record_view((struct record_halves){0, 0});

	ck_assert_uint_eq(view.starts | view.live, 0);
	ck_assert_uint_eq(view.end, 16);
}
END_TEST

START_TEST(test_each_block_has_a_record)
{
	static union record *last;
	void *block;

	attach_surely();
	while (!cache_open_hinted(cache_self))
		ck_assert(is_excused());
	for (int i = 0; i < 2 * TINY_BLOCKS; i++) {
		central_lock(SIZE_CLASS_TINY);
		while (central_take(SIZE_CLASS_TINY, &block, 1) == 0)
			ck_assert(is_excused());
		central_unlock(SIZE_CLASS_TINY);
		const struct span *span = span_of_small(block);
		char *start = span_address(span), *end = start + (span->page_count << PAGE_SHIFT);
		union record *record = record_of(block);
		if (record != (union record *)span_records(span) + ((char *)block - start) / 16 ||
			record_of((char *)block + 15) != record ||
			record == last)
			ck_abort_msg("another block's record");
		if ((char *)record < span_records(span) || (char *)(record + 1) > end || record->word != 0)
			ck_abort_msg("no place for a record, or one that was used");
		if (!record_is_there((char *)block + 15) || record_is_there(record) ||
			record_is_there(end - 1) || arena.class_map[arena_page_of(block)] != CLASS_MAP_TINY)
			ck_abort_msg("a block is told from what is none");
		record->word = ~0u; /* the next user of the pages must not find it */
		last = record;
	}
}
END_TEST

static void *free_some(void *record)
{
	for (uint32_t i = 0; i < 4; i++)
		record_free(record, 1u << i);
	return NULL;
}

START_TEST(test_what_is_taken_off_is_told)
{
	union record record;
	pthread_t thread;

	/* With one thread, and with two. */
	for (int threads = 1; threads <= 2; threads++) {
		record_open(&record, 3);
		record_cut(&record, 3, 4, 9);
		struct record_halves before = record_free(&record, 1u << 4);
		ck_assert_uint_eq(before.live, 0xffff);
		ck_assert_uint_eq(before.starts, 1u << 4 | 1u << 9);
		before = record_close(&record, 9);
		ck_assert_uint_eq(before.live, 0xffef);
		ck_assert_uint_eq(before.starts, 1u << 4 | 1u << 9);
		ck_assert_uint_eq(record.starts, 1u << 4 | RECORD_CLOSED);
		ck_assert_uint_eq(record_free(&record, 1u << 15).starts, 1u << 4 | RECORD_CLOSED);
		ck_assert_int_eq(pthread_create(&thread, NULL, free_some, &record), 0);
		pthread_join(thread, NULL);
		ck_assert_uint_eq(record.live, 0x7fe0);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/record", world_begin, NULL);

	tcase_add_test(tests, test_each_byte_leads_to_its_object);
	tcase_add_test(tests, test_a_block_that_was_never_used_has_no_object);
	tcase_add_test(tests, test_each_block_has_a_record);
	tcase_add_test(tests, test_what_is_taken_off_is_told);
	return suite_end();
}
