/*
 * bench/pair.c - malloc and free of one object, over and over: the fast path
 * alone, everything in the CPU's caches.
 *
 * Does nothing else that depends on COUNT: the difference of two runs is that
 * many pairs, whatever it counts them in (bench/instructions.sh).
 */
#include <stdlib.h>

#include "bench/common.h"

static const char usage[] = "BYTES COUNT";

int main(int argc, char **argv)
{
	size_t bytes = argument_number(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		void *object = malloc(bytes);
		if (object == NULL)
			return 1;
		free(object);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
