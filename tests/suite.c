#include "tests/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "tests/emulator.h"

static Suite *suite;
static uint64_t seed;
static THREAD_LOCAL uint64_t state;

static void seed_choose(void)
{
	const char *text = getenv("MSTAT_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)now.tv_nsec;
	random_start(0);
}

void random_start(uint64_t index)
{
	state = (seed + index) * 0x9e3779b97f4a7c15u + 1;
}

uint64_t random_number(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15u; /* splitmix64, Steele and others 2014 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

size_t random_below(size_t bound)
{
	return (size_t)(random_number() % bound);
}

size_t random_size(size_t most)
{
	size_t bound = (size_t)1 << random_below(bits_log2(most) + 1);

	return 1 + random_below(min_bytes(2 * bound, most));
}

struct ending ending_of(void (*fn)(void *arg), void *arg)
{
	struct ending ending = {.text = ""};
	size_t used = 0;
	ssize_t got;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		fn(arg);
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], ending.text + used, sizeof(ending.text) - 1 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	emulator_unsay(ending.text);
	ck_assert_int_eq(waitpid(child, &ending.status, 0), child);
	return ending;
}

void dies_saying(void (*fn)(void *arg), void *arg, const char *sentence)
{
	struct ending ending = ending_of(fn, arg);

	ck_assert_msg(WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGABRT,
		"ended with %d: %s", ending.status, ending.text);
	ck_assert_msg(strstr(ending.text, sentence) != NULL, "said: %s", ending.text);
}

TCase *suite_case(const char *name, void (*setup)(void), void (*teardown)(void))
{
	TCase *tests = tcase_create(name);

	tcase_add_checked_fixture(tests, setup, teardown);
	suite_add_tcase(suite, tests);
	return tests;
}

TCase *suite_begin(const char *name, void (*setup)(void), void (*teardown)(void))
{
	seed_choose();
	suite = suite_create(name);
	return suite_case(name, setup, teardown);
}

int suite_end(void)
{
	SRunner *runner = srunner_create(suite);
	/* Where results go to stdout line by line, nothing else may. */
	enum print_output how = getenv("CK_TAP_LOG_FILE_NAME") != NULL ? CK_SILENT : CK_NORMAL;

	printf("# MSTAT_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	srunner_run_all(runner, how);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
