/*
 * bench/batch.c - a thousand small objects are allocated, then all freed: last
 * in first out (a stack), first in first out (a queue), or in random order.
 *
 * What it shows: how the order of frees spoils the order in which memory is
 * handed out again, and what a cache costs that is smaller than the batch.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

enum { OBJECTS = 1000, OBJECT_BYTES = 64 };

static const char usage[] = "lifo|fifo|random COUNT";

static void order_fill(uint32_t *order, const char *kind)
{
	struct rng rng = rng_stream(0);

	for (uint32_t i = 0; i < OBJECTS; i++)
		order[i] = strcmp(kind, "lifo") == 0 ? OBJECTS - 1 - i : i;
	if (strcmp(kind, "random") != 0)
		return;
	for (uint32_t i = OBJECTS - 1; i > 0; i--) {
		uint32_t j = rng_below(&rng, i + 1), held = order[i];
		order[i] = order[j];
		order[j] = held;
	}
}

int main(int argc, char **argv)
{
	static uint32_t order[OBJECTS];
	static uint64_t *objects[OBJECTS];
	const char *kind = argument(argc, argv, 1, usage);
	uint64_t rounds = argument_number(argc, argv, 2, usage) / OBJECTS;

	order_fill(order, kind);
	uint64_t begin_ns = clock_cpu_ns();
	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < OBJECTS; i++) {
			objects[i] = needed(malloc(OBJECT_BYTES));
			*objects[i] = i;
		}
		for (uint32_t i = 0; i < OBJECTS; i++)
			free(objects[order[i]]);
	}
	report_time(rounds * OBJECTS, clock_cpu_ns() - begin_ns);
	return 0;
}
