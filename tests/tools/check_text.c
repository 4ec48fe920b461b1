/*
 * check_text.c - tools/text.c: text of unknown origin.
 *
 * Proves: no control character, escape or broken UTF-8 passes; whole characters
 * do; copies are ended and bounded; cutting counts characters.
 */
#include "tools/text.h"

#include <string.h>

#include "tests/suite.h"

static void expect_clean(const char *before, const char *after)
{
	char text[64];

	strcpy(text, before);
	text_clean(text);
	ck_assert_str_eq(text, after);
}

START_TEST(test_control_characters_become_question_marks)
{
	expect_clean("plain", "plain");
	expect_clean("\033[31mred\033[0m", "?[31mred?[0m");
	expect_clean("a\nb\tc\rd\177", "a?b?c?d?");
	expect_clean("\302\233" "31m", "??31m"); /* the escape's eight-bit form */
}
END_TEST

START_TEST(test_whole_characters_stay_and_broken_ones_go)
{
	expect_clean("na\303\257ve \342\202\254 \360\237\220\247", "na\303\257ve \342\202\254 \360\237\220\247");
	expect_clean("caf\351", "caf?");             /* Latin-1 */
	expect_clean("\303", "?");                   /* cut */
	expect_clean("\300\257", "??");              /* a longer form than needed */
	expect_clean("\355\240\200", "???");         /* half of a UTF-16 pair */
	expect_clean("\364\220\200\200", "????");    /* beyond the last character */
	expect_clean("\200\200", "??");
}
END_TEST

START_TEST(test_lines_may_stay)
{
	char bytes[] = "a\tb\n\033c\0d";

	text_clean_bytes(bytes, sizeof(bytes) - 1);
	ck_assert_mem_eq(bytes, "a\tb\n?c?d", 8);
}
END_TEST

START_TEST(test_a_copy_is_ended_and_bounded)
{
	char out[5];

	text_copy(out, sizeof(out), "abc", 3);
	ck_assert_str_eq(out, "abc");
	text_copy(out, sizeof(out), "abcdefgh", 8);
	ck_assert_str_eq(out, "abcd");
	text_copy(out, sizeof(out), "abc\0def", 7);
	ck_assert_str_eq(out, "abc");
	text_copy(out, sizeof(out), "abc\342\202\254", 6);
	ck_assert_str_eq(out, "abc?"); /* the cut character */
	text_copy(out, sizeof(out), "abc", 0);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(test_columns_are_characters)
{
	const char *text = "na\303\257ve";

	ck_assert_uint_eq(text_columns(text), 5);
	ck_assert_uint_eq(text_cut(text, 3), 4);
	ck_assert_uint_eq(text_cut(text, 2), 2);
	ck_assert_uint_eq(text_cut(text, 0), 0);
	ck_assert_uint_eq(text_cut(text, 99), strlen(text));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/text", NULL, NULL);

	tcase_add_test(tests, test_control_characters_become_question_marks);
	tcase_add_test(tests, test_whole_characters_stay_and_broken_ones_go);
	tcase_add_test(tests, test_lines_may_stay);
	tcase_add_test(tests, test_a_copy_is_ended_and_bounded);
	tcase_add_test(tests, test_columns_are_characters);
	return suite_end();
}
