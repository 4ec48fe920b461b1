/*
 * bench/buffers.c - large buffers at random: of 1 to 25 MiB, filled as far as
 * the data goes, a few at a time.
 *
 * What it shows: image or query buffers, larger than any cache of the allocator
 * and often not used to their end.
 */
#include <stdlib.h>

#include "bench/common.h"

enum { LIVE = 10, MIN_BYTES = 1 << 20, MAX_BYTES = 25 << 20 };

static const char usage[] = "COUNT";

int main(int argc, char **argv)
{
	static char *buffers[LIVE];
	uint64_t count = argument_number(argc, argv, 1, usage);
	struct rng rng = rng_stream(9);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		char **slot = &buffers[rng_below(&rng, LIVE)];
		size_t bytes = rng_between(&rng, MIN_BYTES, MAX_BYTES);
		free(*slot);
		*slot = needed(malloc(bytes));
		touch_pages(*slot, rng_between(&rng, 1, bytes));
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
