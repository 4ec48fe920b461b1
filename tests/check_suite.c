/*
 * check_suite.c - tests/suite.c, and what runs the suites: Check, or tests/plain in its
 * place.
 *
 * Proves: a test fails by an assertion, another status than 0, a signal; one that should
 * die by a signal fails if it does not; a fixture that fails fails its test.
 */
#include "tests/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(it_comes_to_its_end)
{
}
END_TEST

START_TEST(an_assertion_fails)
{
	ck_assert_int_eq(1, 2);
}
END_TEST

START_TEST(it_exits)
{
	exit(EXIT_FAILURE);
}
END_TEST

START_TEST(it_aborts)
{
	abort();
}
END_TEST

START_TEST(it_is_the_second)
{
	ck_assert_int_eq(_i, 2);
}
END_TEST

static void fail_here(void)
{
	ck_abort_msg("as it should");
}

static void add_what_passes(TCase *tests)
{
	tcase_add_test(tests, it_comes_to_its_end);
	tcase_add_loop_test(tests, it_is_the_second, 2, 3);
	tcase_add_test_raise_signal(tests, it_aborts, SIGABRT);
}

static void add_assertion(TCase *tests)
{
	tcase_add_test(tests, an_assertion_fails);
}

static void add_exit(TCase *tests)
{
	tcase_add_test(tests, it_exits);
}

static void add_abort(TCase *tests)
{
	tcase_add_test(tests, it_aborts);
}

static void add_no_signal(TCase *tests)
{
	tcase_add_test_raise_signal(tests, it_comes_to_its_end, SIGABRT);
}

static void add_another_signal(TCase *tests)
{
	tcase_add_test_raise_signal(tests, it_aborts, SIGSEGV);
}

static void add_three(TCase *tests)
{
	tcase_add_loop_test(tests, it_is_the_second, 1, 4);
}

static void add_setup(TCase *tests)
{
	add_what_passes(tests);
	tcase_add_checked_fixture(tests, fail_here, NULL);
}

static void add_teardown(TCase *tests)
{
	tcase_add_test(tests, it_comes_to_its_end);
	tcase_add_checked_fixture(tests, NULL, fail_here);
}

static const struct {
	void (*add)(TCase *tests);
	int failed_count;
} cases[] = {
	{add_what_passes, 0}, {add_assertion, 1}, {add_exit, 1}, {add_abort, 1}, {add_no_signal, 1},
	{add_another_signal, 1}, {add_three, 2}, {add_setup, 3}, {add_teardown, 1},
};

/* A suite in a test of another: its status is how many failed. */
static void run_case(void *index)
{
	Suite *suite = suite_create("inner");
	TCase *tests = tcase_create("inner");

	suite_add_tcase(suite, tests);
	cases[*(int *)index].add(tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_SILENT);
	_exit(srunner_ntests_failed(runner));
}

START_TEST(test_what_should_fail_does_and_nothing_else)
{
	struct ending ending = ending_of(run_case, &_i);

	ck_assert(WIFEXITED(ending.status));
	ck_assert_int_eq(WEXITSTATUS(ending.status), cases[_i].failed_count);
}
END_TEST

static void say_and_exit(void *nothing)
{
	(void)nothing;
	ck_assert_int_eq(write(STDOUT_FILENO, "out ", 4), 4);
	ck_assert_int_eq(write(STDERR_FILENO, "err", 3), 3);
	_exit(7);
}

static void say_and_abort(void *nothing)
{
	(void)nothing;
	ck_assert_int_eq(write(STDERR_FILENO, "the end", 7), 7);
	abort();
}

START_TEST(test_an_ending_is_the_status_and_what_was_said)
{
	struct ending ending = ending_of(say_and_exit, NULL);

	ck_assert(WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 7);
	ck_assert_str_eq(ending.text, "out err");
	ending = ending_of(say_and_abort, NULL);
	ck_assert(WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGABRT);
	ck_assert_str_eq(ending.text, "the end"); /* and not what an emulator adds */
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("suite", NULL, NULL);

	tcase_add_loop_test(tests, test_what_should_fail_does_and_nothing_else, 0,
		sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tests, test_an_ending_is_the_status_and_what_was_said);
	return suite_end();
}
