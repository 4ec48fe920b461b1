/*
 * bench/traffic.c - each thread fills an array with objects of 16 B to 16 KiB,
 * frees a random half and fills it again, and in every round swaps the whole
 * array with another thread's.
 *
 * What it shows: objects that change hands in large numbers at once, so that
 * nearly every free is of another thread's object.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench/common.h"

enum { OBJECTS = 4096, MIN_BYTES = 16, MAX_BYTES = 16 << 10, PARTS = 8 };

static const char usage[] = "THREADS COUNT";

struct load {
	uint64_t *objects[OBJECTS];
};

struct worker {
	uint64_t number;
	uint64_t rounds;
	struct load *load;
};

static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;
static struct load *waiting;

static struct load *load_swap(struct load *load)
{
	pthread_mutex_lock(&exchange_lock);
	struct load *other = waiting;
	waiting = load;
	pthread_mutex_unlock(&exchange_lock);
	return other;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct rng rng = rng_stream(worker->number);

	for (uint64_t round = 0; round < worker->rounds; round++) {
		for (int i = 0; i < OBJECTS / PARTS; i++) {
			uint64_t **slot = &worker->load->objects[rng_below(&rng, OBJECTS)];
			free(*slot);
			*slot = needed(malloc(rng_log_between(&rng, MIN_BYTES, MAX_BYTES)));
			**slot = round;
		}
		worker->load = load_swap(worker->load);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = (unsigned)argument_number(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	uint64_t rounds = count / threads / (OBJECTS / PARTS);
	struct worker *workers = needed(calloc(threads, sizeof(*workers)));

	waiting = needed(calloc(1, sizeof(*waiting)));
	for (unsigned i = 0; i < threads; i++)
		workers[i] = (struct worker){i, rounds, needed(calloc(1, sizeof(struct load)))};
	report_time(rounds * threads * (OBJECTS / PARTS),
		threads_run(threads, worker_run, workers, sizeof(*workers)));
	return 0;
}
