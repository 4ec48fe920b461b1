/*
 * check_record.c - tinyalloc/record.h.
 *
 * Proves: whatever objects a block was cut into, each byte of it leads to the one that it
 * lies in; a record belongs to one block, and none reaches beyond its span; what was
 * taken off a record is told, with one thread and with several.
 */
#include "tinyalloc/record.h"

#include <pthread.h>

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

static struct cut cut_make(void)
{
	struct cut cut = {.count = 0};

	for (size_t at = 0; at < 16; at += 1 + random_below(16 - at)) {
		cut.at[cut.count++] = at;
		cut.starts |= 1u << at;
	}
	cut.at[cut.count] = 16;
	return cut;
}

START_TEST(test_each_byte_leads_to_its_object)
{
	char block[16] __attribute__((aligned(16)));

	for (int round = 0; round < ROUNDS; round++) {
		struct cut cut = cut_make();
		for (size_t i = 0; i < cut.count; i++) {
			if ((cut.starts & record_bit(block + cut.at[i])) == 0)
				ck_abort_msg("an object has no bit");
			for (size_t at = cut.at[i]; at < cut.at[i + 1]; at++)
				if (record_begin(cut.starts, at) != cut.at[i] ||
					record_end(cut.starts, at) != cut.at[i + 1])
					ck_abort_msg("byte %zu of %x", at, cut.starts);
		}
	}
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
			record == last || record_of((char *)block + 15) != record)
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

static void *subtract_some(void *record)
{
	for (uint32_t i = 0; i < 16; i++)
		record_subtract(record, 1u << i);
	return NULL;
}

START_TEST(test_what_is_taken_off_is_told)
{
	union record record = {.word = 0xabcd1234};
	pthread_t thread;

	for (int threads = 0; threads < 2; threads++) {
		uint32_t before = record.word;
		ck_assert_uint_eq(record_subtract(&record, 0x10001).word, before);
		ck_assert_uint_eq(record.word, before - 0x10001);
		ck_assert_int_eq(pthread_create(&thread, NULL, subtract_some, &record), 0);
		pthread_join(thread, NULL);
		ck_assert_uint_eq(record.word, before - 0x10001 - 0xffff);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/record", world_begin, NULL);

	tcase_add_test(tests, test_each_byte_leads_to_its_object);
	tcase_add_test(tests, test_each_block_has_a_record);
	tcase_add_test(tests, test_what_is_taken_off_is_told);
	return suite_end();
}
