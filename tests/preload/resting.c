/*
 * resting.c - a process with eight threads that worked and now rest, to be read
 * from outside: prints its own figures in the form of outside.c, then waits for the
 * end of its stdin.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { THREADS = 8, STEPS = 30000 };

static pthread_barrier_t at_rest;
static struct workload works[THREADS];

static void *work_and_rest(void *arg)
{
	for (int i = 0; i < STEPS; i++)
		workload_step(arg);
	pthread_barrier_wait(&at_rest);
	if (arg == &works[0])
		return NULL; /* one of them ends */
	for (;;)
		pause();
}

static void *work_and_end(void *arg)
{
	for (int i = 0; i < STEPS; i++)
		workload_step(arg);
	return NULL;
}

static void print_figures(void)
{
	struct mstat_snapshot now = snapshot_take();

	for (uint32_t class = 1; class < now.size_class_count; class++) {
		const struct mstat_size_class *row = &now.by_size[class];
		if (row->nmalloc != 0)
			printf("class %lu nmalloc %lu live %ld\n", row->size_bytes, row->nmalloc,
				(long)(row->nmalloc - row->nfree));
	}
	printf("large nmalloc %lu nfree %lu bytes %lu\n", now.large_nmalloc, now.large_nfree,
		now.large_alloc);
	puts("end");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char buffer[16384];
	pthread_t threads[THREADS];
	char byte;

	/* stdio's own buffer would be one more allocation between the two readings. */
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	tally_init();
	uint64_t seed = workload_seed(argc, argv);
	pthread_barrier_init(&at_rest, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		works[i].random = seed * (uint64_t)(2 * i + 3);
		if (pthread_create(&threads[i], NULL, work_and_end, &works[i]) != 0)
			abort();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work_and_rest, &works[i]) != 0)
			abort();
	pthread_barrier_wait(&at_rest);
	pthread_join(threads[0], NULL);
	print_figures();
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(0);
}
