#include "tools/rate.h"

#include <math.h>
#include <time.h>

uint64_t rate_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rate_of_count(uint64_t before, uint64_t after, uint64_t elapsed_ns)
{
	/* What no process can have is cut: a hostile box may hold any number. */
	const double most = 9223372036854774784.0;

	if (after <= before || elapsed_ns == 0)
		return 0;
	double rate = (double)(after - before) * 1e9 / (double)elapsed_ns;
	return rate > most ? (uint64_t)most : (uint64_t)llround(rate);
}

int64_t rate_of_change(uint64_t before, uint64_t after, uint64_t elapsed_ns)
{
	if (after >= before)
		return (int64_t)rate_of_count(before, after, elapsed_ns);
	return -(int64_t)rate_of_count(after, before, elapsed_ns);
}

struct rate rate_between(const struct rate_moment *before, const struct rate_moment *after)
{
	if (before->monotonic_ns == 0 || after->monotonic_ns <= before->monotonic_ns)
		return (struct rate){0};
	uint64_t elapsed_ns = after->monotonic_ns - before->monotonic_ns;
	return (struct rate){.is_known = true,
		.live_bytes = rate_of_change(before->live_bytes, after->live_bytes, elapsed_ns),
		.allocations = rate_of_count(before->nmalloc, after->nmalloc, elapsed_ns)};
}
