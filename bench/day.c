/*
 * bench/day.c - a day of load in some seconds: the live heap follows a curve of
 * a quiet night, a morning's rise, a lunch dip and an evening's peak, while the
 * mix of sizes shifts.
 *
 * A sampler reads resident memory ten times a second beside the bytes that the
 * program holds; the sum of the one by the sum of the other is the figure: how
 * much a byte in use costs over the day.  The curve follows the clock, and the
 * work of each tick is the same, so every allocator lives the same day.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/common.h"

enum {
	SLOTS_MAX = 1 << 20,
	TICK_MS = 10,
	SAMPLE_TICKS = 10,
	CHURN_PER_TICK = 2000, /* replaced even when the load stands still */
	SESSION_ONE_IN = 30    /* that stay until late */
};

static const size_t peak_bytes = (size_t)256 << 20;
static const char usage[] = "SECONDS";

struct slot {
	void *object;
	size_t bytes;
};

struct day {
	struct slot *slots;
	uint32_t count;
	size_t live_bytes;
	struct rng rng;
};

/* The share of the peak's load at this share of the day. */
static double load_at(double part)
{
	double morning = exp(-pow((part - 0.40) / 0.10, 2));
	double evening = exp(-pow((part - 0.75) / 0.09, 2));

	return 0.12 + 0.65 * morning + 0.88 * evening;
}

static void day_add(struct day *day, double part)
{
	/* The day's requests grow: from 16-512 B at night to 64-4,096 B by evening. */
	size_t min = 16 + (size_t)(48 * part), max = 512 + (size_t)(3584 * part);
	struct slot *slot = &day->slots[day->count++];

	slot->bytes = rng_log_between(&day->rng, min, max);
	slot->object = needed(malloc(slot->bytes));
	memset(slot->object, 1, slot->bytes);
	day->live_bytes += slot->bytes;
}

static void day_remove(struct day *day)
{
	uint32_t i = rng_below(&day->rng, day->count);

	/* Sessions survive the first choice, so that old objects pin young spans. */
	if (i % SESSION_ONE_IN == 0)
		i = rng_below(&day->rng, day->count);
	free(day->slots[i].object);
	day->live_bytes -= day->slots[i].bytes;
	day->slots[i] = day->slots[--day->count];
}

static void day_tick(struct day *day, double part)
{
	size_t target = (size_t)(load_at(part) * (double)peak_bytes);

	for (int i = 0; i < CHURN_PER_TICK && day->count > 0; i++) {
		day_remove(day);
		day_add(day, part);
	}
	while (day->live_bytes < target && day->count < SLOTS_MAX)
		day_add(day, part);
	while (day->live_bytes > target && day->count > 0)
		day_remove(day);
}

int main(int argc, char **argv)
{
	uint64_t ticks = argument_number(argc, argv, 1, usage) * 1000 / TICK_MS;
	struct day day = {.rng = rng_stream(11)};
	double resident_sum = 0, live_sum = 0;
	size_t resident_max = 0;

	day.slots = mmap(NULL, SLOTS_MAX * sizeof(struct slot), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (day.slots == MAP_FAILED)
		return 1;
	size_t empty = rss_bytes();
	uint64_t begin_ns = clock_wall_ns(), begin_cpu_ns = clock_cpu_ns();
	for (uint64_t tick = 0; tick < ticks; tick++) {
		day_tick(&day, (double)tick / (double)ticks);
		uint64_t due_ns = begin_ns + (tick + 1) * TICK_MS * 1000000, now_ns = clock_wall_ns();
		if (now_ns < due_ns)
			usleep((useconds_t)((due_ns - now_ns) / 1000));
		if (tick % SAMPLE_TICKS != 0)
			continue;
		size_t resident = rss_bytes() - empty;
		resident_sum += (double)resident;
		live_sum += (double)day.live_bytes;
		resident_max = resident > resident_max ? resident : resident_max;
	}
	double samples = (double)((ticks + SAMPLE_TICKS - 1) / SAMPLE_TICKS);
	report_time(ticks, clock_cpu_ns() - begin_cpu_ns);
	report_rss("live-mean", (size_t)(live_sum / samples));
	report_rss("mean", (size_t)(resident_sum / samples));
	report_rss("max", resident_max);
	return 0;
}
