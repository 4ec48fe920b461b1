/*
 * check_units.c - tools/units.c: numbers as people read them.
 *
 * Proves: one form a kind of number at every edge of a unit, signs, the whole
 * range of 64 bits; durations and process numbers are read or refused.
 */
#include "tools/units.h"

#include <stdlib.h>
#include <time.h>

#include "tests/suite.h"

START_TEST(test_bytes_have_one_decimal_and_a_binary_unit)
{
	ck_assert_str_eq(units_bytes(0, false).text, "0 B");
	ck_assert_str_eq(units_bytes(1023, false).text, "1023 B");
	ck_assert_str_eq(units_bytes(1024, false).text, "1.0 KiB");
	ck_assert_str_eq(units_bytes(1536, false).text, "1.5 KiB");
	ck_assert_str_eq(units_bytes(24536064, false).text, "23.4 MiB");
	ck_assert_str_eq(units_bytes((int64_t)5 << 40, false).text, "5.0 TiB");
	ck_assert_str_eq(units_bytes(INT64_MAX, false).text, "8.0 EiB");
}
END_TEST

START_TEST(test_no_value_is_rounded_up_to_1024_of_a_unit)
{
	ck_assert_str_eq(units_bytes(1048575, false).text, "1.0 MiB");
	ck_assert_str_eq(units_bytes(1023 * 1024 + 900, false).text, "1023.9 KiB");
	ck_assert_str_eq(units_bytes(((int64_t)1 << 30) - 1, false).text, "1.0 GiB");
}
END_TEST

START_TEST(test_exact_bytes_and_counts_come_in_groups_of_three)
{
	ck_assert_str_eq(units_bytes(0, true).text, "0");
	ck_assert_str_eq(units_bytes(999, true).text, "999");
	ck_assert_str_eq(units_bytes(1000, true).text, "1,000");
	ck_assert_str_eq(units_bytes(24536064, true).text, "24,536,064");
	ck_assert_str_eq(units_count(123456).text, "123,456");
	ck_assert_str_eq(units_count(INT64_MIN).text, "-9,223,372,036,854,775,808");
}
END_TEST

START_TEST(test_a_sign_stands_before_what_is_below_zero)
{
	ck_assert_str_eq(units_bytes(-1, false).text, "-1 B");
	ck_assert_str_eq(units_bytes(-1536, false).text, "-1.5 KiB");
	ck_assert_str_eq(units_bytes(INT64_MIN, false).text, "-8.0 EiB");
	ck_assert_str_eq(units_change(2048, false).text, "+2.0 KiB");
	ck_assert_str_eq(units_change(0, false).text, "0 B");
	ck_assert_str_eq(units_count_change(-5).text, "-5");
	ck_assert_str_eq(units_count_change(5000).text, "+5,000");
}
END_TEST

START_TEST(test_narrow_columns_have_a_letter_for_the_unit)
{
	ck_assert_str_eq(units_short(0).text, "0B");
	ck_assert_str_eq(units_short(1023).text, "1023B");
	ck_assert_str_eq(units_short(1536).text, "1.5K");
	ck_assert_str_eq(units_short(-1024 * 1024).text, "-1.0M");
	ck_assert_str_eq(units_short((int64_t)1 << 60).text, "1.0E");
	ck_assert_str_eq(units_short_change(1536).text, "+1.5K");
	ck_assert_str_eq(units_short_change(0).text, "0B");
}
END_TEST

START_TEST(test_shares_and_ages)
{
	ck_assert_str_eq(units_share(1, 3).text, "33.3 %");
	ck_assert_str_eq(units_share(0, 3).text, "0.0 %");
	ck_assert_str_eq(units_share(1, 0).text, "-");
	ck_assert_str_eq(units_age(0).text, "0 s");
	ck_assert_str_eq(units_age(119).text, "119 s");
	ck_assert_str_eq(units_age(120).text, "2 min");
	ck_assert_str_eq(units_age(7200).text, "2 h");
	ck_assert_str_eq(units_age(3 * 86400).text, "3 days");
}
END_TEST

START_TEST(test_a_moment_is_local_time)
{
	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_str_eq(units_time(UINT64_C(1767229200000000000)).text, "2026-01-01 01:00:00");
	ck_assert_str_eq(units_time(0).text, "?");
	units_time(UINT64_MAX); /* does not crash */
}
END_TEST

START_TEST(test_durations_are_read)
{
	uint64_t ms = 0;

	ck_assert(units_parse_duration("10", &ms) && ms == 10000);
	ck_assert(units_parse_duration("0.5", &ms) && ms == 500);
	ck_assert(units_parse_duration("0", &ms) && ms == 0);
	ck_assert(units_parse_duration("250ms", &ms) && ms == 250);
	ck_assert(units_parse_duration("3s", &ms) && ms == 3000);
	ck_assert(units_parse_duration("2m", &ms) && ms == 120000);
	ck_assert(units_parse_duration("24h", &ms) && ms == 86400000);
}
END_TEST

START_TEST(test_what_is_no_duration_is_refused)
{
	static const char *const texts[] = {"", " 1", "-1", "+1", "ms", "1 s", "1d", "0x10", "nan",
		"inf", "25h", "1e999", "9999999999999999999"};
	uint64_t ms;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!units_parse_duration(texts[i], &ms), "'%s' is no duration", texts[i]);
}
END_TEST

START_TEST(test_a_process_number_is_digits_alone)
{
	int64_t pid = 0;

	ck_assert(units_parse_pid("1", &pid) && pid == 1);
	ck_assert(units_parse_pid("4194304", &pid) && pid == 4194304);
	ck_assert(units_parse_pid("99999999999999999999", &pid) && pid == INT32_MAX);
	ck_assert(!units_parse_pid("0", &pid));
	ck_assert(!units_parse_pid("", &pid));
	ck_assert(!units_parse_pid("-1", &pid));
	ck_assert(!units_parse_pid("1 ", &pid));
	ck_assert(!units_parse_pid("./1", &pid));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/units", NULL, NULL);

	tcase_add_test(tests, test_bytes_have_one_decimal_and_a_binary_unit);
	tcase_add_test(tests, test_no_value_is_rounded_up_to_1024_of_a_unit);
	tcase_add_test(tests, test_exact_bytes_and_counts_come_in_groups_of_three);
	tcase_add_test(tests, test_a_sign_stands_before_what_is_below_zero);
	tcase_add_test(tests, test_narrow_columns_have_a_letter_for_the_unit);
	tcase_add_test(tests, test_shares_and_ages);
	tcase_add_test(tests, test_a_moment_is_local_time);
	tcase_add_test(tests, test_durations_are_read);
	tcase_add_test(tests, test_what_is_no_duration_is_refused);
	tcase_add_test(tests, test_a_process_number_is_digits_alone);
	return suite_end();
}
