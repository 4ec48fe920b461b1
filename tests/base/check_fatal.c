/*
 * check_fatal.c - base/fatal.c.
 *
 * Proves: one line on stderr, whole and exact, then SIGABRT; the observer hears it
 * first; neither a closed stderr nor a failing observer stops it.
 */
#include "base/fatal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suite.h"

static char said[4096];

static void call(void *die)
{
	(*(void (**)(void))die)();
}

/* Runs `die` in a child.  What it said goes to said[]; it must have aborted. */
static void child_run(void (*die)(void))
{
	struct ending ending = ending_of(call, &die);

	strcpy(said, ending.text);
	ck_assert(WIFSIGNALED(ending.status));
	ck_assert_int_eq(WTERMSIG(ending.status), SIGABRT);
}

static void die_plainly(void)
{
	fatal("the end is here");
}

START_TEST(test_one_line_and_abort)
{
	child_run(die_plainly);
	ck_assert_str_eq(said, "libmstat: the end is here\n");
}
END_TEST

static void die_of_pointer(void)
{
	fatal_pointer("free", (void *)0x1234, "not so", 96, NULL);
}

static void die_of_large_pointer(void)
{
	fatal_pointer("realloc", NULL, "not so", 0, (const void *)0x10);
}

START_TEST(test_a_pointer_is_named_with_its_class_and_caller)
{
	child_run(die_of_pointer);
	ck_assert_str_eq(said, "libmstat: free(0x1234): not so, size class 96\n");
	child_run(die_of_large_pointer);
	ck_assert_str_eq(said, "libmstat: realloc(0x0): not so, called from 0x10\n");
}
END_TEST

static void die_at_length(void)
{
	char what[2000];

	memset(what, 'w', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	fatal(what);
}

START_TEST(test_a_long_line_is_cut_and_is_a_line)
{
	child_run(die_at_length);
	ck_assert_uint_gt(strlen(said), 600);
	ck_assert_uint_lt(strlen(said), 700);
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

static int observed_fd;

static void observe(const char *line)
{
	dprintf(observed_fd, "observed: %s|", line);
}

static void die_observed(void)
{
	observed_fd = STDERR_FILENO;
	fatal_observer = observe;
	fatal("watched");
}

START_TEST(test_the_observer_hears_the_line_first)
{
	child_run(die_observed);
	ck_assert_str_eq(said, "observed: libmstat: watched|libmstat: watched\n");
}
END_TEST

static void fail_again(const char *line)
{
	(void)line;
	fatal("in the observer");
}

static void die_twice(void)
{
	fatal_observer = fail_again;
	fatal("first");
}

START_TEST(test_a_failure_in_the_observer_ends_as_well)
{
	child_run(die_twice);
	ck_assert_str_eq(said, "libmstat: in the observer\n");
}
END_TEST

static void die_unheard(void)
{
	close(STDERR_FILENO);
	fatal("nobody hears it");
}

START_TEST(test_a_closed_stderr_stops_nothing)
{
	child_run(die_unheard);
	ck_assert_str_eq(said, "");
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/fatal", NULL, NULL);

	tcase_add_test(tests, test_one_line_and_abort);
	tcase_add_test(tests, test_a_pointer_is_named_with_its_class_and_caller);
	tcase_add_test(tests, test_a_long_line_is_cut_and_is_a_line);
	tcase_add_test(tests, test_the_observer_hears_the_line_first);
	tcase_add_test(tests, test_a_failure_in_the_observer_ends_as_well);
	tcase_add_test(tests, test_a_closed_stderr_stops_nothing);
	return suite_end();
}
