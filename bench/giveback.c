/*
 * bench/giveback.c - what of a program's memory goes back when it is freed.
 *
 * A heap of random small objects is filled; a random nine tenths are freed at
 * once; two seconds of light activity pass; half as much is allocated in other
 * sizes; at last all is freed, two seconds pass without a call, and again with
 * a hundred small allocations.  Resident memory is read at each of these.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/common.h"

enum { FIRST_MIN = 16, FIRST_MAX = 512, OTHER_MIN = 600, OTHER_MAX = 2000, LIGHT_CALLS = 100 };

static const char usage[] = "MIB SECONDS";

struct heap {
	void **objects;
	size_t count;
	size_t max;
};

/* The table is no part of the heap under test. */
static struct heap heap_new(size_t max)
{
	void **objects = mmap(NULL, max * sizeof(void *), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return (struct heap){objects == MAP_FAILED ? needed(NULL) : objects, 0, max};
}

static void heap_fill(struct heap *heap, struct rng *rng, size_t total, size_t min, size_t max)
{
	for (size_t sum = 0; sum < total && heap->count < heap->max;) {
		size_t bytes = rng_between(rng, min, max);
		heap->objects[heap->count] = needed(malloc(bytes));
		memset(heap->objects[heap->count++], 1, bytes);
		sum += bytes;
	}
}

/* Frees one object in `one_in`'s rest: all but that share of them. */
static void heap_thin(struct heap *heap, struct rng *rng, uint32_t one_in)
{
	for (size_t i = 0; i < heap->count; i++)
		if (one_in == 0 || rng_below(rng, one_in) != 0) {
			free(heap->objects[i]);
			heap->objects[i] = NULL;
		}
}

static void light_activity(uint64_t seconds)
{
	for (int i = 0; i < LIGHT_CALLS; i++) {
		void *volatile object = malloc(64);
		free(object);
		usleep((useconds_t)(seconds * 1000000 / LIGHT_CALLS));
	}
}

int main(int argc, char **argv)
{
	size_t total = argument_number(argc, argv, 1, usage) << 20;
	uint64_t seconds = argument_number(argc, argv, 2, usage);
	struct heap first = heap_new(2 * total / (FIRST_MIN + FIRST_MAX) + 10000);
	struct heap other = heap_new(total / (OTHER_MIN + OTHER_MAX) + 10000);
	struct rng rng = rng_stream(10);
	size_t empty = rss_bytes();

	heap_fill(&first, &rng, total, FIRST_MIN, FIRST_MAX);
	size_t full = rss_bytes();
	heap_thin(&first, &rng, 10);
	size_t thinned = rss_bytes();
	light_activity(seconds);
	size_t thinned_later = rss_bytes();
	heap_fill(&other, &rng, total / 2, OTHER_MIN, OTHER_MAX);
	size_t reused = rss_bytes();
	heap_thin(&first, &rng, 0);
	heap_thin(&other, &rng, 0);
	size_t freed = rss_bytes();
	usleep((useconds_t)(seconds * 1000000));
	size_t freed_idle = rss_bytes();
	light_activity(seconds);
	size_t freed_later = rss_bytes();

	report_rss("full", full - empty);
	report_rss("90%-freed", thinned - empty);
	report_rss("90%-freed-later", thinned_later - empty);
	report_rss("reused", reused - empty);
	report_rss("all-freed", freed > empty ? freed - empty : 0);
	report_rss("all-freed-idle", freed_idle > empty ? freed_idle - empty : 0);
	report_rss("all-freed-later", freed_later > empty ? freed_later - empty : 0);
	return 0;
}
