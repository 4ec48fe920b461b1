/*
 * bench/aligned.c - posix_memalign to a cache line and free, over and over.
 *
 * What it shows: whether an alignment beyond 16 bytes leaves the fast path; to
 * be read beside bench/pair.c of the same size.
 */
#include <stdlib.h>

#include "bench/common.h"

static const char usage[] = "ALIGNMENT BYTES COUNT";

int main(int argc, char **argv)
{
	size_t alignment = argument_number(argc, argv, 1, usage);
	size_t bytes = argument_number(argc, argv, 2, usage);
	uint64_t count = argument_number(argc, argv, 3, usage);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		void *object;
		if (posix_memalign(&object, alignment, bytes) != 0)
			return 1;
		free(object);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
