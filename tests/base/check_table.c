/*
 * check_table.c - base/table.c.
 *
 * Proves: entries are apart from each other, begin zeroed and never move, whatever the
 * table's first block and the entry's size; a table ends where its numbers do; pieces that
 * are carved by several threads are apart from each other.
 */
#include "base/table.h"

#include <pthread.h>
#include <string.h>

#include "tests/suite.h"

enum { ENTRIES = 5000, BYTES_MOST = 200, THREADS = 4, PIECES = 300, PIECE_MOST = 100000, TRIES = 50 };

static bool is_filled(const unsigned char *bytes, size_t count, unsigned char with)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != with)
			return false;
	return true;
}

/* A torture build's OS refuses now and then, and is asked again. */
static bool makes_room(struct table *table, uint32_t number)
{
	for (int tries = 0; tries < TRIES; tries++)
		if (table_make_room(table, number))
			return true;
	return false;
}

static void *carve_surely(size_t bytes)
{
	void *piece = NULL;

	for (int tries = 0; tries < TRIES && piece == NULL; tries++)
		piece = table_carve(bytes);
	return piece;
}

START_TEST(test_entries_stay_where_they_are)   /* _i: first_bits */
{
	static unsigned char *entries[ENTRIES];
	size_t bytes = 1 + random_below(BYTES_MOST);
	struct table table = {.entry_bytes = (uint32_t)bytes, .first_bits = (uint32_t)_i};

	for (uint32_t i = 0; i < ENTRIES; i++) {
		ck_assert(makes_room(&table, i));
		entries[i] = table_at(&table, i);
		ck_assert(is_filled(entries[i], bytes, 0));
		memset(entries[i], (int)(i % 255) + 1, bytes);
	}
	for (uint32_t i = 0; i < ENTRIES; i++) {
		ck_assert_ptr_eq(table_at(&table, i), entries[i]);
		ck_assert(is_filled(entries[i], bytes, (unsigned char)(i % 255 + 1)));
	}
}
END_TEST

START_TEST(test_numbers_end)
{
	struct table table = {.entry_bytes = 1, .first_bits = 0};

	ck_assert(!table_make_room(&table, UINT32_MAX));
	ck_assert(!table_make_room(&table, (uint32_t)1 << (TABLE_BLOCKS - 1)));
	ck_assert(makes_room(&table, 0));
}
END_TEST

static void *carve(void *argument)
{
	unsigned char mark = (unsigned char)((uintptr_t)argument + 1);
	unsigned char *pieces[PIECES];
	size_t bytes[PIECES];

	random_start((uintptr_t)argument);
	for (int i = 0; i < PIECES; i++) {
		bytes[i] = random_below(PIECE_MOST) + 1;
		pieces[i] = carve_surely(bytes[i]);
		if (pieces[i] == NULL || !is_filled(pieces[i], bytes[i], 0))
			return (void *)"not zeroed";
		memset(pieces[i], mark, bytes[i]);
	}
	for (int i = 0; i < PIECES; i++)
		if (!is_filled(pieces[i], bytes[i], mark))
			return (void *)"shared";
	for (int i = 0; i < PIECES; i++)
		table_give_back(pieces[i], bytes[i]);
	return NULL;
}

START_TEST(test_pieces_are_apart)
{
	pthread_t threads[THREADS];
	void *wrong;

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, carve, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_msg(wrong == NULL, "%s", (const char *)wrong);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/table", NULL, NULL);

	tcase_add_loop_test(tests, test_entries_stay_where_they_are, 0, 8);
	tcase_add_test(tests, test_numbers_end);
	tcase_add_test(tests, test_pieces_are_apart);
	return suite_end();
}
