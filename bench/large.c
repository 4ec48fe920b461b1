/*
 * bench/large.c - large objects of 64 KiB to 4 MiB that come and go at random,
 * their pages touched or not.
 *
 * What it shows: whether large runs are kept and reused, or fetched from the
 * kernel each time; touched, the faults that giving back too early costs.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

enum { LIVE = 32, MIN_BYTES = 64 << 10, MAX_BYTES = 4 << 20 };

static const char usage[] = "untouched|touched COUNT";

int main(int argc, char **argv)
{
	static char *objects[LIVE];
	bool touched = strcmp(argument(argc, argv, 1, usage), "touched") == 0;
	uint64_t count = argument_number(argc, argv, 2, usage);
	struct rng rng = rng_stream(3);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		char **slot = &objects[rng_below(&rng, LIVE)];
		size_t bytes = rng_log_between(&rng, MIN_BYTES, MAX_BYTES);
		free(*slot);
		*slot = needed(malloc(bytes));
		**slot = 1;
		if (touched)
			touch_pages(*slot, bytes);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
