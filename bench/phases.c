/*
 * bench/phases.c - a program in phases: each builds up a heap of objects of its
 * own sizes, works in it, and tears most of it down before the next begins.
 *
 * What it shows: memory of one size becoming memory of another, and what is
 * given back too early or kept too long.
 */
#include <stdlib.h>

#include "bench/common.h"

enum { OBJECTS = 40000, PHASES = 8 };

static const char usage[] = "COUNT";

static uint64_t *objects[OBJECTS];

static size_t phase_bytes(struct rng *rng, unsigned phase)
{
	size_t min = (size_t)16 << (phase % 5);

	return rng_between(rng, min, 4 * min);
}

static void phase_run(struct rng *rng, unsigned phase)
{
	/* Growth. */
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i] == NULL) {
			objects[i] = needed(malloc(phase_bytes(rng, phase)));
			*objects[i] = phase;
		}
	/* Steady work. */
	for (int i = 0; i < OBJECTS; i++) {
		uint64_t **slot = &objects[rng_below(rng, OBJECTS)];
		free(*slot);
		*slot = needed(malloc(phase_bytes(rng, phase)));
		**slot = phase;
	}
	/* Decay: one in twenty survives into the next. */
	for (int i = 0; i < OBJECTS; i++)
		if (rng_below(rng, 20) != 0) {
			free(objects[i]);
			objects[i] = NULL;
		}
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	struct rng rng = rng_stream(8);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t i = 0; i < count; i++)
		for (unsigned phase = 0; phase < PHASES; phase++)
			phase_run(&rng, phase);
	report_time(count * PHASES * OBJECTS * 2, clock_cpu_ns() - begin_ns);
	return 0;
}
