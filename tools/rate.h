/*
 * tools/rate.h - what changed between two looks at one process, a second.
 *
 * WHY        Looks are never exactly an interval apart: the machine is busy, or was asleep.
 *            So each notes when it was.
 */
#ifndef TOOLS_RATE_H
#define TOOLS_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Figures at one moment. */
struct rate_moment {
	uint64_t monotonic_ns;
	uint64_t live_bytes;
	uint64_t nmalloc;
};

struct rate {
	bool is_known;       /* there were two moments, and time between them */
	int64_t live_bytes;  /* a second: may be below zero */
	uint64_t allocations;
};

/* Now. */
uint64_t rate_clock_ns(void);

/* Of a number that may shrink. */
int64_t rate_of_change(uint64_t before, uint64_t after, uint64_t elapsed_ns);

/* Of a number that only grows: 0 if the later look saw less, as it may where it saw what is
   published and the former what is exact. */
uint64_t rate_of_count(uint64_t before, uint64_t after, uint64_t elapsed_ns);

struct rate rate_between(const struct rate_moment *before, const struct rate_moment *after);

#endif
