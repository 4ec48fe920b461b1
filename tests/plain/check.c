#include "tests/plain/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that is still at it hangs, however slow the machine. */
enum { TEST_MOST_SECONDS = 600 };

struct added {
	struct added *next;
	const struct check_test *test;
	int signal;
	int first;
	int end;
};

struct TCase {
	TCase *next;
	void (*setup)(void);
	void (*teardown)(void);
	struct added *first;
	struct added **last;
};

struct Suite {
	const char *name;
	TCase *first;
	TCase **last;
};

struct SRunner {
	Suite *suite;
	int count;
	int failed_count;
};

static void *room_for(size_t bytes)
{
	void *room = calloc(1, bytes);

	if (room == NULL)
		abort();
	return room;
}

Suite *suite_create(const char *name)
{
	Suite *suite = room_for(sizeof(*suite));

	suite->name = name;
	suite->last = &suite->first;
	return suite;
}

void suite_add_tcase(Suite *suite, TCase *tests)
{
	*suite->last = tests;
	suite->last = &tests->next;
}

TCase *tcase_create(const char *name)
{
	TCase *tests = room_for(sizeof(*tests));

	(void)name;
	tests->last = &tests->first;
	return tests;
}

void tcase_add_checked_fixture(TCase *tests, void (*setup)(void), void (*teardown)(void))
{
	tests->setup = setup;
	tests->teardown = teardown;
}

void check_add(TCase *tests, const struct check_test *test, int signal, int first, int end)
{
	struct added *added = room_for(sizeof(*added));

	*added = (struct added){.test = test, .signal = signal, .first = first, .end = end};
	*tests->last = added;
	tests->last = &added->next;
}

void check_fail(const char *file, int line, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	printf("# %s:%d: ", file, line);
	vprintf(format, values);
	putchar('\n');
	fflush(stdout);
	va_end(values);
	_exit(EXIT_FAILURE);
}

/* As waitpid() has it. */
static int status_of(const TCase *tests, const struct added *added, int i)
{
	int status;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(TEST_MOST_SECONDS);
		if (tests->setup != NULL)
			tests->setup();
		added->test->fn(i);
		if (tests->teardown != NULL)
			tests->teardown();
		exit(EXIT_SUCCESS);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return status;
}

static void run(SRunner *runner, const TCase *tests, const struct added *added, int i)
{
	int status = status_of(tests, added, i);
	bool has_passed = added->signal != 0
		? WIFSIGNALED(status) && WTERMSIG(status) == added->signal
		: WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;

	if (WIFSIGNALED(status) && !has_passed)
		printf("# died by signal %d\n", WTERMSIG(status));
	printf("%s %d - %s:%s[%d]\n", has_passed ? "ok" : "not ok", ++runner->count,
		runner->suite->name, added->test->name, i);
	runner->failed_count += !has_passed;
}

SRunner *srunner_create(Suite *suite)
{
	SRunner *runner = room_for(sizeof(*runner));

	runner->suite = suite;
	return runner;
}

void srunner_run_all(SRunner *runner, enum print_output how)
{
	(void)how;
	for (const TCase *tests = runner->suite->first; tests != NULL; tests = tests->next)
		for (const struct added *added = tests->first; added != NULL; added = added->next)
			for (int i = added->first; i < added->end; i++)
				run(runner, tests, added, i);
	printf("1..%d\n", runner->count);
}

int srunner_ntests_failed(SRunner *runner)
{
	return runner->failed_count;
}

void srunner_free(SRunner *runner)
{
	TCase *next_tests;
	struct added *next;

	for (TCase *tests = runner->suite->first; tests != NULL; tests = next_tests) {
		for (struct added *added = tests->first; added != NULL; added = next) {
			next = added->next;
			free(added);
		}
		next_tests = tests->next;
		free(tests);
	}
	free(runner->suite);
	free(runner);
}
