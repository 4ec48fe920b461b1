/*
 * bench/zeroed.c - calloc: sixteen live blocks, the oldest replaced each time,
 * left as they come or written wholly.
 *
 * What it shows: whether memory that reads zero already is zeroed again, and
 * what memory that was written costs to be zero once more.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

enum { LIVE = 16 };

static const char usage[] = "BYTES unwritten|written COUNT";

int main(int argc, char **argv)
{
	static char *blocks[LIVE];
	size_t bytes = argument_number(argc, argv, 1, usage);
	bool written = strcmp(argument(argc, argv, 2, usage), "written") == 0;
	uint64_t count = argument_number(argc, argv, 3, usage);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t i = 0; i < count; i++) {
		free(blocks[i % LIVE]);
		blocks[i % LIVE] = needed(calloc(1, bytes));
		if (written)
			memset(blocks[i % LIVE], 1, bytes);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
