#include "bench/common.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct rng rng_stream(uint64_t number)
{
	struct rng rng = {(number + 1) * UINT64_C(0x9E3779B97F4A7C15)};

	/* The first numbers of neighbouring seeds resemble each other. */
	for (int i = 0; i < 8; i++)
		rng_next(&rng);
	return rng;
}

size_t rng_log_between(struct rng *rng, size_t min, size_t max)
{
	unsigned doublings = 0;

	while (min << doublings < max)
		doublings++;
	size_t low = min << rng_below(rng, doublings);
	size_t high = 2 * low < max ? 2 * low : max;
	return rng_between(rng, low, high);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

const char *argument(int argc, char **argv, int index, const char *usage)
{
	if (index < argc)
		return argv[index];
	fprintf(stderr, "usage: %s %s\n", argv[0], usage);
	exit(2);
}

uint64_t argument_number(int argc, char **argv, int index, const char *usage)
{
	return strtoull(argument(argc, argv, index, usage), NULL, 10);
}

void *needed(void *ptr)
{
	if (ptr != NULL)
		return ptr;
	fprintf(stderr, "out of memory\n");
	exit(1);
}

void touch_pages(void *ptr, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096)
		((volatile char *)ptr)[i] = 1;
}

size_t rss_bytes(void)
{
	char text[128] = "";
	unsigned long mapped_pages, resident_pages = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	/* No stdio: a buffer of its own would be an allocation in the middle. */
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
		sscanf(text, "%lu %lu", &mapped_pages, &resident_pages) != 2)
		exit(1);
	close(fd);
	return resident_pages * (size_t)sysconf(_SC_PAGESIZE);
}

void report_time(uint64_t ops, uint64_t ns)
{
	printf("ops %llu ns %llu\n", (unsigned long long)ops, (unsigned long long)ns);
}

void report_rss(const char *name, size_t bytes)
{
	printf("rss %s %zu\n", name, bytes / 1024);
}

void report_count(const char *name, uint64_t count)
{
	printf("count %s %llu\n", name, (unsigned long long)count);
}

struct start {
	pthread_barrier_t *all_there;
	void *(*work)(void *);
	void *arg;
};

static void *start_together(void *arg)
{
	struct start *start = arg;

	pthread_barrier_wait(start->all_there);
	return start->work(start->arg);
}

uint64_t threads_run(unsigned threads, void *(*work)(void *), void *args, size_t arg_bytes)
{
	pthread_barrier_t all_there;
	pthread_t *ids = needed(calloc(threads, sizeof(*ids)));
	struct start *starts = needed(calloc(threads, sizeof(*starts)));

	pthread_barrier_init(&all_there, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++) {
		starts[i] = (struct start){&all_there, work, (char *)args + i * arg_bytes};
		if (pthread_create(&ids[i], NULL, start_together, &starts[i]) != 0)
			exit(1);
	}
	/* Before the wait: after it they may have done half of their work already. */
	uint64_t begin_ns = clock_wall_ns();
	pthread_barrier_wait(&all_there);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	uint64_t ns = clock_wall_ns() - begin_ns;
	pthread_barrier_destroy(&all_there);
	free(starts);
	free(ids);
	return ns;
}
