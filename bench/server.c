/*
 * bench/server.c - a server: each thread holds a thousand objects and replaces
 * them at random, as requests come and go; from time to time it ends and a new
 * thread goes on with what it held.
 *
 * What it shows: objects that outlive the thread that made them and are freed
 * by another, all the time, by more threads than there are CPUs.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench/common.h"

enum { SLOTS = 1000, MIN_BYTES = 8, MAX_BYTES = 1000, GENERATIONS = 10 };

static const char usage[] = "THREADS COUNT";

struct station {
	uint64_t number;
	uint64_t count_per_generation;
	struct rng rng;
	uint64_t *slots[SLOTS];
	pthread_t successor;
};

static void *generation(void *arg)
{
	struct station *station = arg;

	for (uint64_t left = station->count_per_generation; left > 0; left--) {
		uint64_t **slot = &station->slots[rng_below(&station->rng, SLOTS)];
		free(*slot);
		*slot = needed(malloc(rng_between(&station->rng, MIN_BYTES, MAX_BYTES)));
		**slot = left;
	}
	return NULL;
}

/* Starts one generation after the other; each is a thread of its own. */
static void *station_run(void *arg)
{
	struct station *station = arg;

	station->rng = rng_stream(station->number);
	for (unsigned i = 0; i < GENERATIONS; i++) {
		if (pthread_create(&station->successor, NULL, generation, station) != 0)
			exit(1);
		pthread_join(station->successor, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = (unsigned)argument_number(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	struct station *stations = needed(calloc(threads, sizeof(*stations)));

	for (unsigned i = 0; i < threads; i++) {
		stations[i].number = i;
		stations[i].count_per_generation = count / threads / GENERATIONS;
	}
	report_time(count, threads_run(threads, station_run, stations, sizeof(*stations)));
	return 0;
}
