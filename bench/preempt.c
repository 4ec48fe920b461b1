/*
 * bench/preempt.c - what a thread that loses its CPU inside the allocator does
 * to another.
 *
 * What it shows: two threads, each on a CPU of its own, allocate and free all
 * the time, small and large, their own objects and each other's.  A third, of
 * real time, takes the CPU from the first for some milliseconds at random
 * moments, sometimes in the midst of malloc or free.  The second measures each
 * of its calls.  One that took long because others used its CPU is told apart
 * by the kernel's count of switches that a thread did not ask for, and is left
 * out.  Of the others, those that slept waited for what the first one holds, in
 * the allocator or in the kernel on its behalf; the rest spun, or were long in
 * the kernel by themselves.  The host's doings cannot be told apart: HOG-US 0,
 * nobody taking any CPU, is what to compare with.
 *
 * usage: preempt HOG-US SECONDS
 *
 * Beside the line of results (of the second thread's calls):
 *
 *     stall p99.99 CALLS NS     99.99 of 100 calls took no longer
 *     stall longest COUNT NS    of the COUNT calls that took 100 us or more
 *     stall slept COUNT NS      those of them that slept, and the longest of these
 *     stall per-take TAKES NS   what these took, by how often the CPU was taken
 *
 * Needs two CPUs and the right to real time.  It measures; what is good is for
 * the reader to say.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/common.h"

enum {
	OBJECTS = 4096,
	RING = 1024,
	LARGE_ONE_IN = 256,  /* calls of malloc */
	OTHERS_ONE_IN = 4,   /* objects that the other thread frees */
	STALL_NS = 100 * 1000,
	BUCKETS = 64 * 16    /* of the histogram: sixteen a doubling */
};

static const char usage[] = "HOG-US SECONDS";

/* One writer, one reader: neither waits, whoever finds it full or empty goes on. */
struct ring {
	_Alignas(64) _Atomic uint32_t in;
	_Alignas(64) _Atomic uint32_t out;
	void *objects[RING];
};

struct calls {
	uint64_t histogram[BUCKETS];
	uint64_t count;
	uint64_t stalls;
	uint64_t stalled_ns;
	uint64_t longest_ns;
	uint64_t sleeps;
	uint64_t longest_sleep_ns;
	struct rusage used; /* a while ago, or at the last stall */
};

struct worker {
	int cpu;
	struct rng rng;
	struct ring *to;
	struct ring *from;
	void *objects[OBJECTS];
	struct calls calls;
};

static _Atomic bool is_over;
static struct ring rings[2];
static struct worker workers[2];
static uint64_t takes;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		fprintf(stderr, "there is no CPU %d\n", cpu);
		exit(1);
	}
}

static bool ring_put(struct ring *ring, void *object)
{
	uint32_t in = atomic_load_explicit(&ring->in, memory_order_relaxed);

	if (in - atomic_load_explicit(&ring->out, memory_order_acquire) == RING)
		return false;
	ring->objects[in % RING] = object;
	atomic_store_explicit(&ring->in, in + 1, memory_order_release);
	return true;
}

static void *ring_get(struct ring *ring)
{
	uint32_t out = atomic_load_explicit(&ring->out, memory_order_relaxed);

	if (atomic_load_explicit(&ring->in, memory_order_acquire) == out)
		return NULL;
	void *object = ring->objects[out % RING];
	atomic_store_explicit(&ring->out, out + 1, memory_order_release);
	return object;
}

static unsigned bucket_of(uint64_t ns)
{
	if (ns < 16)
		return (unsigned)ns;
	unsigned doublings = 63 - (unsigned)__builtin_clzll(ns);
	return (doublings - 3) * 16 + (unsigned)(ns >> (doublings - 4) & 15);
}

/* The least that falls in the next bucket. */
static uint64_t bucket_end_ns(unsigned bucket)
{
	if (bucket < 16)
		return bucket + 1;
	return (uint64_t)(16 + bucket % 16 + 1) << (bucket / 16 - 1);
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* False: others had the CPU. */
static bool stall_note(struct calls *calls, uint64_t ns)
{
	struct rusage before = calls->used;

	getrusage(RUSAGE_THREAD, &calls->used);
	if (calls->used.ru_nivcsw != before.ru_nivcsw)
		return false;
	calls->stalls++;
	calls->stalled_ns += ns;
	calls->longest_ns = greater(calls->longest_ns, ns);
	if (calls->used.ru_nvcsw == before.ru_nvcsw)
		return true;
	calls->sleeps++;
	calls->longest_sleep_ns = greater(calls->longest_sleep_ns, ns);
	return true;
}

static void calls_note(struct calls *calls, uint64_t ns)
{
	if (ns >= STALL_NS && !stall_note(calls, ns))
		return;
	calls->histogram[bucket_of(ns)]++;
	calls->count++;
}

static void timed_free(struct worker *worker, void *object)
{
	uint64_t begin_ns = clock_wall_ns();

	free(object);
	calls_note(&worker->calls, clock_wall_ns() - begin_ns);
}

static void *timed_malloc(struct worker *worker)
{
	size_t bytes = rng_below(&worker->rng, LARGE_ONE_IN) == 0
		? rng_between(&worker->rng, 40 << 10, 1 << 20)
		: rng_log_between(&worker->rng, 16, 4096);
	uint64_t begin_ns = clock_wall_ns();
	char *object = needed(malloc(bytes));

	calls_note(&worker->calls, clock_wall_ns() - begin_ns);
	*object = 1;
	return object;
}

/* A run of frees, then one of mallocs: more than any thread's own store holds,
   so that both threads come to what they share. */
static void *work(void *arg)
{
	struct worker *worker = arg;

	run_on(worker->cpu);
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		uint32_t from = rng_below(&worker->rng, OBJECTS), run = rng_below(&worker->rng, 800) + 1;
		void *object;
		getrusage(RUSAGE_THREAD, &worker->calls.used);
		for (uint32_t i = from; i < from + run; i++) {
			void **slot = &worker->objects[i % OBJECTS];
			bool is_handed = *slot != NULL && rng_below(&worker->rng, OTHERS_ONE_IN) == 0 &&
				ring_put(worker->to, *slot);
			if (!is_handed)
				timed_free(worker, *slot);
		}
		while ((object = ring_get(worker->from)) != NULL)
			timed_free(worker, object);
		for (uint32_t i = from; i < from + run; i++)
			worker->objects[i % OBJECTS] = timed_malloc(worker);
	}
	return NULL;
}

static void spin_for(uint64_t ns)
{
	uint64_t end_ns = clock_wall_ns() + ns;

	while (clock_wall_ns() < end_ns)
		;
}

/* Pauses are as long as takes: real time is bounded by the kernel, and the
   first thread must get to the midst of something in between. */
static void hog(uint32_t hog_us, uint64_t end_ns)
{
	struct sched_param highest = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};
	struct rng rng = rng_stream(7);

	run_on(workers[0].cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &highest) != 0) {
		perror("real time");
		exit(1);
	}
	while (clock_wall_ns() < end_ns) {
		struct timespec pause = {.tv_nsec = (long)rng_between(&rng, 1, 2 * hog_us) * 1000};
		nanosleep(&pause, NULL);
		spin_for((uint64_t)rng_between(&rng, hog_us / 2, 2 * hog_us) * 1000);
		takes++;
	}
}

static uint64_t quantile_ns(const struct calls *calls, uint64_t above)
{
	unsigned bucket = BUCKETS - 1;

	for (uint64_t seen = 0; bucket > 0; bucket--) {
		seen += calls->histogram[bucket];
		if (seen > above)
			break;
	}
	return bucket_end_ns(bucket);
}

static void report_stall(const char *name, uint64_t count, uint64_t ns)
{
	printf("stall %s %llu %llu\n", name, (unsigned long long)count, (unsigned long long)ns);
}

int main(int argc, char **argv)
{
	uint32_t hog_us = (uint32_t)argument_number(argc, argv, 1, usage);
	uint64_t seconds = argument_number(argc, argv, 2, usage);
	const struct calls *calls = &workers[1].calls;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++) {
		workers[i].cpu = 1 - i;
		workers[i].rng = rng_stream((uint64_t)i);
		workers[i].to = &rings[i];
		workers[i].from = &rings[1 - i];
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			return 1;
	}
	uint64_t begin_ns = clock_wall_ns(), end_ns = begin_ns + seconds * 1000000000;
	if (hog_us > 0)
		hog(hog_us, end_ns);
	else
		while (clock_wall_ns() < end_ns)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	uint64_t ns = clock_wall_ns() - begin_ns;
	atomic_store(&is_over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	report_time(calls->count, ns);
	report_stall("p99.99", calls->count, quantile_ns(calls, calls->count / 10000));
	report_stall("longest", calls->stalls, calls->longest_ns);
	report_stall("slept", calls->sleeps, calls->longest_sleep_ns);
	report_stall("per-take", takes, calls->stalled_ns / (takes > 0 ? takes : 1));
	return 0;
}
