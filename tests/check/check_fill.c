/*
 * check_fill.c - check/fill.h.
 *
 * Proves: guard bytes hold as they were set, from any byte on, and each single one that
 * is changed is found, and no other; none of them is a text's; they are others at each place;
 * what is free holds, and each single byte of it that is changed is found.
 */
#include "check/fill.h"

#include <stdint.h>
#include <string.h>

#include "tests/suite.h"

enum { BYTES = 1024 };

static char memory[BYTES] __attribute__((aligned(64)));

static void init(void)
{
	fill_init(false);
	memset(memory, 0, sizeof(memory));
}

START_TEST(test_guard_bytes_hold_from_any_byte_on)
{
	char *end = memory + 256;

	fill_guard(memory + _i, end);
	ck_assert(fill_guard_holds(memory + _i, end));
	ck_assert_ptr_eq(fill_guard_find(memory + _i, end), NULL);
	for (int i = 0; i < BYTES; i++)
		ck_assert(i >= _i && i < 256 ? memory[i] != 0 : memory[i] == 0);
}
END_TEST

START_TEST(test_each_guard_byte_that_changes_is_found)
{
	char *from = memory + _i, *end = memory + 128;

	fill_guard(from, end);
	for (char *at = from; at < end; at++) {
		char was = *at;
		*at = 'x';
		ck_assert(!fill_guard_holds(from, end));
		ck_assert_ptr_eq(fill_guard_find(from, end), at);
		*at = was;
	}
	ck_assert(fill_guard_holds(from, end));
}
END_TEST

/* Set from one byte on, they are what they are from another one on. */
START_TEST(test_guard_bytes_follow_from_their_place)
{
	char other[64] __attribute__((aligned(64)));

	fill_guard(memory, memory + 64);
	memcpy(other, memory, 64);
	memset(memory, 0, 64);
	fill_guard(memory + _i, memory + 64);
	ck_assert_mem_eq(memory + _i, other + _i, (size_t)(64 - _i));
	ck_assert(memcmp(other, other + 8, 8) != 0);
	for (int i = 0; i < 64; i++)
		ck_assert_int_ge((unsigned char)other[i], 0x80);
}
END_TEST

START_TEST(test_each_freed_byte_that_changes_is_found)
{
	size_t bytes = (size_t)_i * 8;

	fill_free(memory, bytes);
	ck_assert(fill_free_holds(memory, bytes));
	ck_assert_ptr_eq(fill_free_find(memory, bytes), NULL);
	for (size_t i = 0; i < bytes; i++) {
		memory[i] ^= 1;
		ck_assert(!fill_free_holds(memory, bytes));
		ck_assert_ptr_eq(fill_free_find(memory, bytes), memory + i);
		memory[i] ^= 1;
	}
}
END_TEST

START_TEST(test_what_is_free_may_be_zero)
{
	fill_init(true);
	fill_free(memory, 64);
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(memory[i], 0);
	ck_assert(fill_free_holds(memory, 64));
	memory[63] = 1;
	ck_assert(!fill_free_holds(memory, 64));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("check/fill", init, NULL);

	tcase_add_loop_test(tests, test_guard_bytes_hold_from_any_byte_on, 0, 64);
	tcase_add_loop_test(tests, test_each_guard_byte_that_changes_is_found, 0, 16);
	tcase_add_loop_test(tests, test_guard_bytes_follow_from_their_place, 0, 16);
	tcase_add_loop_test(tests, test_each_freed_byte_that_changes_is_found, 0, 70);
	tcase_add_test(tests, test_what_is_free_may_be_zero);
	return suite_end();
}
