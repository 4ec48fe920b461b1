/*
 * check_bits.c - base/bits.h.
 *
 * Proves: rounding and logarithms against their definition, at every power of two
 * and its neighbours; a word is read whole while it is written.
 */
#include "base/bits.h"

#include <pthread.h>

#include "tests/suite.h"

START_TEST(test_a_power_of_two_has_one_bit)
{
	ck_assert(!bits_is_power_of_two(0));
	for (int k = 0; k < 64; k++) {
		size_t x = (size_t)1 << k;
		ck_assert(bits_is_power_of_two(x));
		ck_assert(k < 2 || !bits_is_power_of_two(x - 1));
		ck_assert(k < 1 || !bits_is_power_of_two(x + 1));
	}
	ck_assert(!bits_is_power_of_two(SIZE_MAX));
}
END_TEST

START_TEST(test_rounding_is_to_the_nearest_multiple)
{
	for (int k = 0; k < 20; k++) {
		size_t unit = (size_t)1 << k;
		for (int i = 0; i < 1000; i++) {
			size_t x = random_below((size_t)1 << 40);
			size_t down = bits_round_down(x, unit), up = bits_round_up(x, unit);
			if (down % unit != 0 || up % unit != 0 || down > x || up < x ||
				x - down >= unit || up - x >= unit)
				ck_abort_msg("%zu by %zu: %zu, %zu", x, unit, down, up);
		}
	}
}
END_TEST

START_TEST(test_log2_is_of_the_highest_bit)
{
	for (uint32_t k = 0; k < 64; k++) {
		ck_assert_uint_eq(bits_log2((uint64_t)1 << k), k);
		ck_assert_uint_eq(bits_log2(((uint64_t)1 << k) | (((uint64_t)1 << k) - 1)), k);
	}
}
END_TEST

START_TEST(test_min_and_max)
{
	ck_assert_uint_eq(min_bytes(1, 2), 1);
	ck_assert_uint_eq(min_bytes(SIZE_MAX, 2), 2);
	ck_assert_uint_eq(max_bytes(1, 2), 2);
	ck_assert_uint_eq(max_bytes(SIZE_MAX, 0), SIZE_MAX);
}
END_TEST

static uint64_t word;
static bool stop;

/* Both halves are the same in each value that is written. */
static void *write_halves(void *argument)
{
	for (uint64_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		word_store(&word, (i & 0xffffffff) << 32 | (i & 0xffffffff));
	return argument;
}

START_TEST(test_a_word_is_read_whole)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_halves, NULL), 0);
	for (int i = 0; i < 200000; i++) {
		uint64_t value = word_load(&word);
		if (value >> 32 != (value & 0xffffffff))
			ck_abort_msg("torn: %lx", value);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	word_store(&word, 5);
	word_add(&word, 7);
	ck_assert_uint_eq(word_load(&word), 12);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/bits", NULL, NULL);

	tcase_add_test(tests, test_a_power_of_two_has_one_bit);
	tcase_add_test(tests, test_rounding_is_to_the_nearest_multiple);
	tcase_add_test(tests, test_log2_is_of_the_highest_bit);
	tcase_add_test(tests, test_min_and_max);
	tcase_add_test(tests, test_a_word_is_read_whole);
	return suite_end();
}
