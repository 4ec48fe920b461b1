/*
 * bench/replace.c - a heap of many live objects of random sizes, of which a
 * random one is freed and another allocated in its place, over and over.
 *
 * What it shows: a heap larger than the CPU's caches, where every word that the
 * allocator touches beside the object is a cache miss.  With several threads
 * each has its share of the live objects.
 */
#include <stdlib.h>

#include "bench/common.h"

static const char usage[] = "LIVE MIN MAX THREADS COUNT";

struct worker {
	uint64_t number;
	uint64_t count;
	uint32_t live;
	size_t min_bytes;
	size_t max_bytes;
	uint64_t **objects;
	struct rng rng;
};

static uint64_t *object_new(struct worker *worker)
{
	uint64_t *object =
		needed(malloc(rng_between(&worker->rng, worker->min_bytes, worker->max_bytes)));

	*object = worker->number;
	return object;
}

static void *worker_fill(void *arg)
{
	struct worker *worker = arg;

	worker->rng = rng_stream(worker->number);
	worker->objects = needed(calloc(worker->live, sizeof(*worker->objects)));
	for (uint32_t i = 0; i < worker->live; i++)
		worker->objects[i] = object_new(worker);
	return NULL;
}

static void *worker_replace(void *arg)
{
	struct worker *worker = arg;

	for (uint64_t left = worker->count; left > 0; left--) {
		uint64_t **slot = &worker->objects[rng_below(&worker->rng, worker->live)];
		free(*slot);
		*slot = object_new(worker);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint32_t live = (uint32_t)argument_number(argc, argv, 1, usage);
	size_t min_bytes = argument_number(argc, argv, 2, usage);
	size_t max_bytes = argument_number(argc, argv, 3, usage);
	unsigned threads = (unsigned)argument_number(argc, argv, 4, usage);
	uint64_t count = argument_number(argc, argv, 5, usage);
	struct worker *workers = needed(calloc(threads, sizeof(*workers)));

	for (unsigned i = 0; i < threads; i++)
		workers[i] = (struct worker){.number = i,
			.count = count / threads,
			.live = live / threads,
			.min_bytes = min_bytes,
			.max_bytes = max_bytes};
	if (threads == 1) {
		/* In the first thread: no thread was ever started, as in most programs. */
		worker_fill(workers);
		uint64_t begin_ns = clock_cpu_ns();
		worker_replace(workers);
		report_time(count, clock_cpu_ns() - begin_ns);
		return 0;
	}
	/* Filled by threads that have ended: what they leave is others' to free. */
	threads_run(threads, worker_fill, workers, sizeof(*workers));
	report_time(count, threads_run(threads, worker_replace, workers, sizeof(*workers)));
	return 0;
}
