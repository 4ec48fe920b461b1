#include "tests/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bits.h"
#include "base/compiler.h"

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
