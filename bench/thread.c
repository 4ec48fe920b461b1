/*
 * bench/thread.c - a thread starts, allocates a hundred objects, frees them and
 * ends; then the next.
 *
 * What it shows: what a thread's first allocation sets up, and what its end
 * gives back.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench/common.h"

enum { OBJECTS = 100, MIN_BYTES = 16, MAX_BYTES = 512 };

static const char usage[] = "COUNT";

static void *thread_work(void *arg)
{
	void *objects[OBJECTS];
	struct rng rng = rng_stream(*(uint64_t *)arg);

	for (int i = 0; i < OBJECTS; i++)
		objects[i] = needed(malloc(rng_between(&rng, MIN_BYTES, MAX_BYTES)));
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t i = 0; i < count; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, thread_work, &i) != 0)
			return 1;
		pthread_join(thread, NULL);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
