/*
 * bench/common.h - what every benchmark program needs and nothing more: random
 * numbers that are the same in each run, two clocks, one line of results.
 *
 * A program does a fixed amount of work, given on its command line, and prints
 *
 *     ops NUMBER ns NUMBER
 *
 * and, where memory is its subject, lines of the form
 *
 *     rss NAME KIB
 *
 * and, of whatever else it counted,
 *
 *     count NAME NUMBER
 *
 * Everything else (repetition, allocators, medians) is the runner's.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* xorshift64*: fast, and good enough to pick sizes and slots. */
struct rng {
	uint64_t state;
};

/* Streams of different numbers are different; a stream is always the same. */
struct rng rng_stream(uint64_t number);

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t x = rng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	rng->state = x;
	return x * UINT64_C(0x2545F4914F6CDD1D);
}

/* Uniform in [0, bound): by multiplication, as a division would be measured too. */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)(((rng_next(rng) >> 32) * bound) >> 32);
}

static inline size_t rng_between(struct rng *rng, size_t min, size_t max)
{
	return min + rng_below(rng, (uint32_t)(max - min + 1));
}

/* Every power of two in [min, max] is as likely as every other, and within it
   every size: as real programs' sizes are, most small and a few large. */
size_t rng_log_between(struct rng *rng, size_t min, size_t max);

/* CPU time of this process, all threads: what one thread's work is measured
   in, since it is the same on a busy machine. */
uint64_t clock_cpu_ns(void);

/* Time of day: what threads that wait for each other are measured in. */
uint64_t clock_wall_ns(void);

/* argv[index], or the end of the program with what it takes. */
const char *argument(int argc, char **argv, int index, const char *usage);
uint64_t argument_number(int argc, char **argv, int index, const char *usage);

/* The pointer, or the end of the program: a failed allocation is no result. */
void *needed(void *ptr);

/* Writes one byte of each page: what a program that uses its memory causes. */
void touch_pages(void *ptr, size_t bytes);

/* Resident memory of this process now, which is what is looked at from outside. */
size_t rss_bytes(void);

void report_time(uint64_t ops, uint64_t ns);
void report_rss(const char *name, size_t bytes);
void report_count(const char *name, uint64_t count);

/* Runs `work(arg + i * arg_bytes)` in each of `threads` threads; returns when
   all have ended.  The time of day that it took, from when all were there. */
uint64_t threads_run(unsigned threads, void *(*work)(void *), void *args, size_t arg_bytes);

#ifdef __cplusplus
}
#endif

#endif
