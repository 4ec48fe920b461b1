/*
 * bench/bursts.c - threads that allocate and free in bursts of random sizes,
 * most small and a few large, and pass a part of what they made to each other
 * through a table of shared slots.
 *
 * What it shows: frees from any thread in no order, while the heap of each
 * thread grows and shrinks.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/common.h"

enum { SHARED_SLOTS = 1024, BURST = 512, KEPT = 512, LARGE_ONE_IN = 4096 };

static const char usage[] = "THREADS COUNT";

static _Atomic(uint64_t *) shared[SHARED_SLOTS];

struct worker {
	uint64_t number;
	uint64_t bursts;
};

static uint64_t *object_new(struct rng *rng)
{
	size_t bytes = rng_below(rng, LARGE_ONE_IN) == 0 ? rng_log_between(rng, 32 << 10, 1 << 20)
		: rng_log_between(rng, 8, 2048);
	uint64_t *object = needed(malloc(bytes));

	*object = bytes;
	return object;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct rng rng = rng_stream(worker->number);
	uint64_t *kept[KEPT] = {NULL};
	uint64_t *burst[BURST];

	for (uint64_t left = worker->bursts; left > 0; left--) {
		uint32_t made = 1 + rng_below(&rng, BURST);
		for (uint32_t i = 0; i < made; i++)
			burst[i] = object_new(&rng);
		/* A half is freed here, a quarter kept for a while, a quarter goes to others. */
		for (uint32_t i = 0; i < made; i++) {
			uint32_t way = rng_below(&rng, 4);
			uint64_t **slot = &kept[rng_below(&rng, KEPT)];
			if (way == 0) {
				free(*slot);
				*slot = burst[i];
			} else if (way == 1) {
				free(atomic_exchange(&shared[rng_below(&rng, SHARED_SLOTS)], burst[i]));
			} else {
				free(burst[i]);
			}
		}
	}
	for (int i = 0; i < KEPT; i++)
		free(kept[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = (unsigned)argument_number(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	uint64_t bursts = count / (BURST / 2) / threads;
	struct worker *workers = needed(calloc(threads, sizeof(*workers)));

	for (unsigned i = 0; i < threads; i++)
		workers[i] = (struct worker){i, bursts};
	report_time(bursts * (BURST / 2) * threads,
		threads_run(threads, worker_run, workers, sizeof(*workers)));
	return 0;
}
