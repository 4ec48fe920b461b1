/*
 * check_suppressions.c - tools/suppressions.c: what a pattern is found in, and files of them.
 *
 * Proves: a pattern is searched for anywhere unless it is tied, stars are any text, also none;
 * what is no pattern is told with its line, and what was read before stays.
 */
#include "tools/suppressions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

static const struct {
	const char *pattern;
	const char *name;
	bool matches;
} cases[] = {
	{"parse", "parse", true}, {"parse", "do_parse_all", true}, {"parse", "pars", false},
	{"^parse", "parse_all", true}, {"^parse", "do_parse", false}, {"parse$", "do_parse", true},
	{"parse$", "parse_all", false}, {"^parse$", "parse", true}, {"^parse$", "parses", false},
	{"^parse$", "aparse", false}, {"a*b", "xaxxbx", true}, {"a*b", "b a", false}, {"a*b", "ab", true},
	{"^a*b$", "axxb", true}, {"^a*b$", "axxbc", false}, {"^a*b$", "abab", true}, {"*parse", "xparse", true},
	{"parse*", "parse", true}, {"a**b", "ab", true}, {"^*b$", "aab", true}, {"a*$", "xa", true},
	{"std::vector<*>", "std::vector<int>::at", true}, {"x", "", false}, {"a$b", "a$b", true},
	{"aab", "aaab", true}, {"a*ab$", "aab", true}, {"^aa*a$", "aa", false}};

START_TEST(test_a_pattern_is_found)   /* _i: each case */
{
	ck_assert_msg(suppressions_match(cases[_i].pattern, cases[_i].name) == cases[_i].matches,
		"\"%s\" in \"%s\"", cases[_i].pattern, cases[_i].name);
}
END_TEST

static char path[64];

static void file_make(const char *text)
{
	snprintf(path, sizeof(path), "/tmp/mstat-check-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(test_a_file_has_patterns_and_comments)
{
	struct suppressions list = {0};
	struct failure failure;

	file_make("# all of them\n\n  leak:one \r\nleak:two words\n\tleak:^th*e$");
	ck_assert(suppressions_read(&list, path, &failure));
	unlink(path);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.patterns[0], "one");
	ck_assert_str_eq(list.patterns[1], "two words");
	ck_assert_str_eq(suppressions_find(&list, "three"), "^th*e$");
	ck_assert_ptr_null(suppressions_find(&list, "four"));
	ck_assert_ptr_null(suppressions_find(&list, NULL));
	suppressions_free(&list);
}
END_TEST

static const char *const bad[] = {"leak", "race:x", "leak:", "leak:*", "leak:^$", "Leak:x", "x"};

START_TEST(test_an_error_names_its_line)   /* _i: each */
{
	struct suppressions list = {0};
	struct failure failure;
	char text[64], place[128];

	snprintf(text, sizeof(text), "leak:a\n#\n%s\nleak:b\n", bad[_i]);
	file_make(text);
	ck_assert(!suppressions_read(&list, path, &failure));
	unlink(path);
	snprintf(place, sizeof(place), "%s:3: ", path);
	ck_assert_int_eq(failure.status, FAILURE_USAGE);
	ck_assert_int_eq(strncmp(failure.text, place, strlen(place)), 0);
	suppressions_free(&list);
}
END_TEST

START_TEST(test_an_empty_file_suppresses_nothing)
{
	struct suppressions list = {0};
	struct failure failure;

	file_make("");
	ck_assert(suppressions_read(&list, path, &failure));
	unlink(path);
	ck_assert_uint_eq(list.count, 0);
	ck_assert_ptr_null(suppressions_find(&list, "main"));
	suppressions_free(&list);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/suppressions", NULL, NULL);

	tcase_add_loop_test(tests, test_a_pattern_is_found, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tests, test_a_file_has_patterns_and_comments);
	tcase_add_loop_test(tests, test_an_error_names_its_line, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tests, test_an_empty_file_suppresses_nothing);
	return suite_end();
}
