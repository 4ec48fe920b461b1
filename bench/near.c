/*
 * bench/near.c - grows slowly, in bursts of objects of one range of sizes and then of another,
 * nine tenths of which are freed at random, until it is killed or refused memory.  The bursts
 * are made by threads in turn, as a server's requests are by its workers.
 *
 * What it shows: how much can be alive below a limit of memory (bench/limit).  What it has
 * reached stands in a file that outlives it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/common.h"

enum { OBJECTS_MAX = 4 << 20, KEPT_ONE_IN = 10, THREADS_MAX = 64, MIB = 1 << 20 };

static const char usage[] = "BURST_MIB THREADS LEAST_BYTES MOST_BYTES SEED FILE";

/* What is left when the program is not. */
struct reached {
	uint64_t steps;
	uint64_t live_bytes;
};

struct object {
	char *memory;
	size_t bytes;
};

static struct object *objects; /* of the program's own memory, not the allocator's */
static size_t object_count, live_bytes;

static size_t burst_bytes, least_bytes, most_bytes;
static uint64_t thread_count;
static struct rng rng;
static struct reached *reached;

/* Whose turn it is: one thread at a time. */
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_passed = PTHREAD_COND_INITIALIZER;
static uint64_t turn;

/* Ends the program if there is no memory. */
static void burst_make(void)
{
	size_t least = rng_log_between(&rng, least_bytes, most_bytes / 2), made = 0;

	while (made < burst_bytes && object_count < OBJECTS_MAX) {
		size_t bytes = least + rng_below(&rng, (uint32_t)least);
		char *memory = malloc(bytes);
		if (memory == NULL)
			_exit(1);
		memset(memory, 1, bytes);
		objects[object_count++] = (struct object){memory, bytes};
		made += bytes;
	}
	live_bytes += made;
}

static void burst_thin(size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < object_count; i++) {
		if (rng_below(&rng, KEPT_ONE_IN) == 0) {
			objects[kept++] = objects[i];
			continue;
		}
		live_bytes -= objects[i].bytes;
		free(objects[i].memory);
	}
	object_count = kept;
}

static void step(void)
{
	size_t from = object_count;

	burst_make();
	burst_thin(from);
	reached->steps++;
	reached->live_bytes = live_bytes;
}

/* For ever. */
static void *worker_run(void *number)
{
	pthread_mutex_lock(&turn_lock);
	for (;;) {
		while (turn != (uintptr_t)number)
			pthread_cond_wait(&turn_passed, &turn_lock);
		step();
		turn = rng_below(&rng, (uint32_t)thread_count);
		pthread_cond_broadcast(&turn_passed);
	}
	return NULL;
}

static struct reached *reached_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct reached)) != 0)
		abort();
	return mmap(NULL, sizeof(struct reached), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	burst_bytes = argument_number(argc, argv, 1, usage) * MIB;
	thread_count = argument_number(argc, argv, 2, usage);
	least_bytes = argument_number(argc, argv, 3, usage);
	most_bytes = argument_number(argc, argv, 4, usage);
	rng = rng_stream(argument_number(argc, argv, 5, usage));
	reached = reached_map(argument(argc, argv, 6, usage));
	objects = mmap(NULL, OBJECTS_MAX * sizeof(*objects), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (uintptr_t i = 1; i < thread_count && i < THREADS_MAX; i++)
		if (pthread_create(&thread, NULL, worker_run, (void *)i) != 0)
			return 2;
	return worker_run(NULL) != NULL;
}
