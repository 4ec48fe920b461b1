/*
 * bench/coro/ours.c - what libmstat_coro does for its users, one operation over and over:
 * linked as a program of theirs is.
 *
 * Each workload's peers do the same (bench/coro/): the same arguments, frames as deep,
 * nothing that the others need not do.  It is done once before it is measured, so that
 * what the first use of anything costs is not in it.
 *
 * Allocations are counted here, by being malloc for the whole process:
 *
 *     count bytes NUMBER          in all operations, asked for
 *     count allocations NUMBER
 *     count mappings NUMBER       more of them than before (many)
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "bench/common.h"
#include "include/mstat_coro.h"

static const char usage[] =
	"switch|create|defer|defer10|defermany|foreign|callback|many COUNT\n"
	"                panic DEPTH COUNT";

/* A frame that no compiler takes out, merges or clones. */
#define FRAME_KEPT __attribute__((noipa))

/* ---- allocations, counted --------------------------------------------------------- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *object, size_t bytes);

static struct {
	uint64_t bytes;
	uint64_t allocations;
} asked_for;

static void asked(size_t bytes)
{
	asked_for.bytes += bytes;
	asked_for.allocations++;
}

EXPORT void *malloc(size_t bytes)
{
	asked(bytes);
	return __libc_malloc(bytes);
}

EXPORT void *calloc(size_t count, size_t bytes)
{
	asked(count * bytes);
	return __libc_calloc(count, bytes);
}

EXPORT void *realloc(void *object, size_t bytes)
{
	asked(bytes);
	return __libc_realloc(object, bytes);
}

/* ---- coroutines --------------------------------------------------------------------- */

static struct coro *created(void (*fn)(void *), void *arg)
{
	struct coro *co;

	if (coro_create(&co, NULL, fn, arg) != 0) {
		perror("coro_create");
		exit(1);
	}
	return co;
}

static void yield_always(void *nothing)
{
	(void)nothing;
	for (void *value = NULL;;)
		value = coro_yield(value);
}

static void switch_run(uint64_t count)
{
	static struct coro *co;

	if (co == NULL)
		co = created(yield_always, NULL);
	for (uint64_t left = count; left > 0; left--)
		coro_resume(co, NULL);
}

static void return_at_once(void *nothing)
{
	(void)nothing;
}

static void create_run(uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		struct coro *co = created(return_at_once, NULL);
		coro_resume(co, NULL);
		coro_destroy(co);
	}
}

/* ---- deferred calls: Go's BenchmarkDefer, Defer10 and DeferMany ------------------------ */

struct numbers {
	intptr_t x, y, z; /* as large as Go's int */
};

static const struct numbers one_two_three = {1, 2, 3};

static void numbers_check(void *arg)
{
	const struct numbers *numbers = arg;

	if (coro_recover() != NULL || numbers->x != 1 || numbers->y != 2 || numbers->z != 3)
		coro_panic((void *)"bad recover");
}

FRAME_KEPT static void defer_one(void)
{
	CORO_FRAME;

	coro_defer(numbers_check, &one_two_three, sizeof(one_two_three));
}

static void defer_run(uint64_t count)
{
	for (uint64_t left = count; left > 0; left--)
		defer_one();
}

FRAME_KEPT static void defer_many(uint64_t count)
{
	CORO_FRAME;

	for (uint64_t left = count; left > 0; left--)
		coro_defer(numbers_check, &one_two_three, sizeof(one_two_three));
}

static void defer10_run(uint64_t count)
{
	for (uint64_t left = count / 10; left > 0; left--)
		defer_many(10);
}

/* ---- panics ---------------------------------------------------------------------------- */

static uint64_t panic_depth, recovered_count;

/* The compiler would say that what never returns recurses for ever. */
static void (*volatile panic_here)(void *) = coro_panic;

FRAME_KEPT static void descend(uint64_t depth)
{
	if (depth != 0)
		descend(depth - 1);
	else
		panic_here(&panic_depth);
	__asm__ volatile("");
}

static void recover_any(void *nothing)
{
	(void)nothing;
	if (coro_recover() != NULL)
		recovered_count++;
}

FRAME_KEPT static void recover_above(void)
{
	CORO_FRAME;

	if (coro_defer(recover_any, NULL, 0) == 0)
		descend(panic_depth);
}

static void panic_run(uint64_t count)
{
	recovered_count = 0;
	for (uint64_t left = count; left > 0; left--)
		recover_above();
	if (recovered_count != count)
		exit(1);
}

/* ---- foreign calls ------------------------------------------------------------------------ */

struct sum {
	int x, y, sum;
};

FRAME_KEPT static void *add(void *arg)
{
	struct sum *sum = arg;

	sum->sum = sum->x + sum->y;
	return NULL;
}

static void foreign_run(uint64_t count)
{
	struct sum sum = {2, 3, 0};

	for (uint64_t left = count; left > 0; left--)
		coro_foreign(add, &sum);
}

FRAME_KEPT static void *call_back(void *arg)
{
	coro_callback(add, arg);
	__asm__ volatile("");
	return NULL;
}

static void callback_run(uint64_t count)
{
	struct sum sum = {2, 3, 0};

	for (uint64_t left = count; left > 0; left--)
		coro_foreign(call_back, &sum);
}

/* ---- many at once --------------------------------------------------------------------------- */

static uint64_t mapping_count(void)
{
	static char text[1 << 16]; /* no stdio: a buffer would be another mapping */
	uint64_t lines = 0;
	ssize_t bytes;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while ((bytes = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < bytes; i++)
			lines += text[i] == '\n';
	close(fd);
	return lines;
}

static void yield_once(void *nothing)
{
	(void)nothing;
	coro_yield(NULL);
}

static int many(uint64_t count)
{
	struct coro **all = needed(malloc(count * sizeof(struct coro *)));
	uint64_t mappings_before = mapping_count(), mappings;
	size_t resident_bytes;
	uint64_t begin_ns = clock_cpu_ns(), looked_ns;

	for (uint64_t i = 0; i < count; i++) {
		all[i] = created(yield_once, NULL);
		coro_resume(all[i], NULL);
	}
	looked_ns = clock_cpu_ns();
	resident_bytes = rss_bytes();
	mappings = mapping_count();
	looked_ns = clock_cpu_ns() - looked_ns;
	for (uint64_t i = 0; i < count; i++) {
		coro_resume(all[i], NULL);
		coro_destroy(all[i]);
	}
	report_time(count, clock_cpu_ns() - begin_ns - looked_ns);
	report_rss("alive", resident_bytes);
	report_count("mappings", mappings - mappings_before);
	free(all);
	return 0;
}

/* ---- which ------------------------------------------------------------------------------------ */

struct workload {
	const char *name;
	void (*run)(uint64_t count);
	bool is_outside; /* on the thread's own stack; the others are in a coroutine */
};

static const struct workload workloads[] = {
	{"switch", switch_run, true},
	{"create", create_run, true},
	{"defer", defer_run, false},
	{"defer10", defer10_run, false},
	{"defermany", defer_many, false},
	{"panic", panic_run, false},
	{"foreign", foreign_run, false},
	{"callback", callback_run, false},
};

static const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	fprintf(stderr, "usage: ours %s\n", usage);
	exit(2);
}

struct measurement {
	void (*run)(uint64_t count);
	uint64_t count;
};

static void measure(void *arg)
{
	const struct measurement *measurement = arg;

	measurement->run(10);
	memset(&asked_for, 0, sizeof(asked_for));
	uint64_t begin_ns = clock_cpu_ns();
	measurement->run(measurement->count);
	uint64_t ns = clock_cpu_ns() - begin_ns, bytes = asked_for.bytes,
		 allocations = asked_for.allocations;
	report_time(measurement->count, ns);
	report_count("bytes", bytes);
	report_count("allocations", allocations);
}

int main(int argc, char **argv)
{
	const char *name = argument(argc, argv, 1, usage);

	if (strcmp(name, "many") == 0)
		return many(argument_number(argc, argv, 2, usage));
	const struct workload *workload = workload_find(name);
	if (workload->run == panic_run)
		panic_depth = argument_number(argc, argv, 2, usage);
	struct measurement measurement = {workload->run, argument_number(argc, argv, argc - 1, usage)};
	if (workload->is_outside)
		measure(&measurement);
	else
		coro_resume(created(measure, &measurement), NULL);
	return 0;
}
