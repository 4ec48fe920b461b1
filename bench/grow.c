/*
 * bench/grow.c - realloc: a buffer that grows by half to 64 MiB and is written
 * as it grows, or many short strings that are appended to until 1 KiB.
 *
 * What it shows: whether growing copies, and where it does, what that costs.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

enum { STRINGS = 256, STRING_MIN_BYTES = 16, STRING_MAX_BYTES = 1024, APPEND_MAX_BYTES = 48 };

static const size_t buffer_max_bytes = (size_t)64 << 20;
static const char usage[] = "large|small COUNT";

static void buffer_grow(void)
{
	size_t bytes = 4096;
	char *buffer = needed(malloc(bytes));

	touch_pages(buffer, bytes);
	while (bytes < buffer_max_bytes) {
		size_t grown = bytes + bytes / 2;
		buffer = needed(realloc(buffer, grown));
		touch_pages(buffer + bytes, grown - bytes);
		bytes = grown;
	}
	free(buffer);
}

static void strings_grow(uint64_t count)
{
	static char *strings[STRINGS];
	static size_t bytes[STRINGS];
	struct rng rng = rng_stream(2);

	for (uint64_t left = count; left > 0; left--) {
		uint32_t i = rng_below(&rng, STRINGS);
		size_t more = rng_between(&rng, 1, APPEND_MAX_BYTES);
		if (strings[i] == NULL || bytes[i] + more > STRING_MAX_BYTES) {
			free(strings[i]);
			bytes[i] = STRING_MIN_BYTES;
			strings[i] = needed(malloc(bytes[i]));
			continue;
		}
		strings[i] = needed(realloc(strings[i], bytes[i] + more));
		memset(strings[i] + bytes[i], 'x', more);
		bytes[i] += more;
	}
}

int main(int argc, char **argv)
{
	const char *kind = argument(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	uint64_t begin_ns = clock_cpu_ns();

	if (strcmp(kind, "small") == 0)
		strings_grow(count);
	else
		for (uint64_t left = count; left > 0; left--)
			buffer_grow();
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
