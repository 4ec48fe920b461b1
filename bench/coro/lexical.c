/*
 * bench/coro/lexical.c - a lexical deferred call beside a call that is written where it is
 * made.
 *
 * It is built for exceptions, by which the deferred call has no record, and a program of
 * its own: where there is one that has none panics unwind, which is not what
 * bench/coro/ours.c measures.  Here each frame that they pass has one.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"
#include "include/mstat_coro.h"

static const char usage[] = "deferred|direct COUNT\n                unwind DEPTH COUNT";

/* A frame that no compiler takes out, merges or clones. */
#define FRAME_KEPT __attribute__((noipa))

struct sum {
	uint64_t begun, done;
};

FRAME_KEPT static void begin(struct sum *sum)
{
	sum->begun++;
}

FRAME_KEPT static void done(void *sum)
{
	((struct sum *)sum)->done++;
}

FRAME_KEPT static void deferred_run(struct sum *sum, uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		CORO_DEFER(done, sum);
		begin(sum);
	}
}

FRAME_KEPT static void direct_run(struct sum *sum, uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		begin(sum);
		done(sum);
	}
}

/* ---- panics ---------------------------------------------------------------------------- */

static uint64_t panic_depth;

FRAME_KEPT static void descend(struct sum *sum, uint64_t depth)
{
	CORO_DEFER(done, sum);
	begin(sum);
	if (depth != 0)
		descend(sum, depth - 1);
	else if (sum->begun != 0)
		coro_panic(sum);
}

static void recover_any(void *nothing)
{
	(void)nothing;
	if (coro_recover() == NULL)
		exit(1);
}

FRAME_KEPT static void recover_above(struct sum *sum)
{
	CORO_FRAME;

	if (coro_defer(recover_any, NULL, 0) == 0)
		descend(sum, panic_depth);
}

static void unwind_run(struct sum *sum, uint64_t count)
{
	for (uint64_t left = count; left > 0; left--)
		recover_above(sum);
}

/* ---- which ------------------------------------------------------------------------------------ */

struct measurement {
	void (*run)(struct sum *sum, uint64_t count);
	uint64_t count;
};

static void measure(void *arg)
{
	const struct measurement *measurement = arg;
	struct sum sum = {0, 0};

	measurement->run(&sum, 10);
	uint64_t begin_ns = clock_cpu_ns();
	measurement->run(&sum, measurement->count);
	report_time(measurement->count, clock_cpu_ns() - begin_ns);
	if (sum.begun != sum.done)
		exit(1);
}

static void (*run_named(const char *name))(struct sum *sum, uint64_t count)
{
	if (strcmp(name, "unwind") == 0)
		return unwind_run;
	return strcmp(name, "deferred") == 0 ? deferred_run : direct_run;
}

int main(int argc, char **argv)
{
	struct measurement measurement = {run_named(argument(argc, argv, 1, usage)),
		argument_number(argc, argv, argc - 1, usage)};
	struct coro *co;

	if (measurement.run == unwind_run)
		panic_depth = argument_number(argc, argv, 2, usage);
	if (coro_create(&co, NULL, measure, &measurement) != 0)
		return 1;
	coro_resume(co, NULL);
	return 0;
}
