/*
 * bench/handoff.c - one thread allocates and fills, another reads and frees,
 * through a ring between them.
 *
 * What it shows: the way home of objects that their own thread never frees.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/common.h"

/* Published by the stride: passing one pointer at a time would measure the
   cache line that the two threads share. */
enum { RING = 1024, STRIDE = 32 };

static const char usage[] = "MIN MAX COUNT";

static uint64_t *ring[RING];
static _Alignas(64) _Atomic uint64_t made;
static _Alignas(64) _Atomic uint64_t used;

struct side {
	bool produces;
	size_t min_bytes;
	size_t max_bytes;
	uint64_t count;
};

static void wait_until(_Atomic uint64_t *counter, uint64_t at_least)
{
	for (unsigned spins = 0; atomic_load_explicit(counter, memory_order_acquire) < at_least; spins++)
		if (spins > 200)
			sched_yield();
}

static void *produce(const struct side *side)
{
	struct rng rng = rng_stream(1);

	for (uint64_t i = 0; i < side->count; i += STRIDE) {
		if (i >= RING)
			wait_until(&used, i - RING + STRIDE);
		for (uint64_t j = i; j < i + STRIDE; j++) {
			ring[j % RING] = needed(malloc(rng_between(&rng, side->min_bytes, side->max_bytes)));
			*ring[j % RING] = j;
		}
		atomic_store_explicit(&made, i + STRIDE, memory_order_release);
	}
	return NULL;
}

static void *consume(const struct side *side)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < side->count; i += STRIDE) {
		wait_until(&made, i + STRIDE);
		for (uint64_t j = i; j < i + STRIDE; j++) {
			sum += *ring[j % RING];
			free(ring[j % RING]);
		}
		atomic_store_explicit(&used, i + STRIDE, memory_order_release);
	}
	return sum == side->count * (side->count - 1) / 2 ? NULL : needed(NULL);
}

static void *side_run(void *arg)
{
	const struct side *side = arg;

	return side->produces ? produce(side) : consume(side);
}

int main(int argc, char **argv)
{
	size_t min_bytes = argument_number(argc, argv, 1, usage);
	size_t max_bytes = argument_number(argc, argv, 2, usage);
	uint64_t count = argument_number(argc, argv, 3, usage) / STRIDE * STRIDE;
	struct side sides[2] = {{true, min_bytes, max_bytes, count}, {false, min_bytes, max_bytes, count}};

	report_time(count, threads_run(2, side_run, sides, sizeof(sides[0])));
	return 0;
}
