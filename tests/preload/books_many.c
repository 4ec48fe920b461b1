/*
 * books_many.c - the books of many threads against an independent count.
 *
 * Proves: after eight threads worked on shared slots, so that each freed what the
 * others allocated, the books are exact, while the threads live and when they have
 * ended, round after round, with forks in between; each thread's own figures are;
 * no reader sees a wrapped figure meanwhile.
 *
 * A forked child has its parent's books, each thread's figure out by the operation
 * in which the fork stopped it; from there on its own are exact too.  Every fourth
 * turns into another program.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum {
	THREADS = 8,
	ROUNDS = 12,
	STEPS = 60000,
	FORKS = 12,              /* a round */
	CHILD_STEPS = 3000,
	STACK_BYTES = 256 << 10  /* small enough for libc to keep all for reuse */
};

static struct worker {
	struct workload work;
	struct tally first; /* what it does to be known to the books */
	pthread_t thread;
	struct mstat_thread_snapshot before, after;
} workers[THREADS];

static pthread_barrier_t at_start, at_rest, at_end;
static int running;

static void fill_thread_snapshot(struct mstat_thread_snapshot *out)
{
	out->struct_bytes = sizeof(*out);
	if (mstat_thread_snapshot(0, out) != 0)
		abort();
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	void *object = malloc(1);

	tally_alloc(&worker->first, object, false);
	tally_free(&worker->first, object, false);
	free(object);
	pthread_barrier_wait(&at_start);
	memset(&worker->work.tally, 0, sizeof(worker->work.tally));
	fill_thread_snapshot(&worker->before);
	pthread_barrier_wait(&at_start);
	for (int i = 0; i < STEPS; i++)
		workload_step(&worker->work);
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
	pthread_barrier_wait(&at_rest);
	fill_thread_snapshot(&worker->after);
	pthread_barrier_wait(&at_end);
	return NULL;
}

static void *worker_idle(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&at_start);
	return NULL;
}

static void workers_start(void *(*run)(void *))
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&workers[i].thread, &attributes, run, &workers[i]) != 0)
			abort();
	pthread_attr_destroy(&attributes);
}

static void workers_join(void)
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static struct tally tally_of_all(void)
{
	struct tally sum = {0};

	for (int i = 0; i < THREADS; i++)
		tally_add(&sum, &workers[i].work.tally);
	return sum;
}

/* In a child: 0 if all is as it should be. */
static int child_check(const struct mstat_snapshot *before)
{
	struct mstat_snapshot now = snapshot_take();
	struct tally sum = tally_of_all();
	static struct workload own;

	/* A step is two operations at most for one class: a realloc, or a malloc
	   and the free of what it displaced. */
	if (tally_distance(&sum, before, &now) > 2 * THREADS)
		return 1;
	own.random = 88172645463325252u;
	for (int i = 0; i < CHILD_STEPS; i++)
		workload_step(&own);
	struct mstat_snapshot after = snapshot_take();
	return tally_distance(&own.tally, &now, &after) == 0 ? 0 : 2;
}

struct outcome {
	int children;
	int inexact;      /* the child's view of its parent's books */
	int own_inexact;
	int crashed;
};

static void fork_once(const struct mstat_snapshot *before, struct outcome *outcome)
{
	int status;
	pid_t child = fork();

	if (child == 0 && outcome->children % 4 == 3)
		execl("/bin/true", "true", (char *)NULL);
	if (child == 0)
		_exit(child_check(before));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return;
	outcome->children++;
	if (!WIFEXITED(status))
		outcome->crashed++;
	else if (WEXITSTATUS(status) == 1)
		outcome->inexact++;
	else if (WEXITSTATUS(status) != 0)
		outcome->own_inexact++;
}

/* The highest bits of a figure that was below zero. */
static bool is_wrapped(const struct mstat_snapshot *now)
{
	uint64_t bits = now->alloc | now->heap_alloc | now->heap_objects | now->nfree |
		now->large_alloc | now->span_free_bytes | now->magazine_bytes;

	for (uint32_t class = 1; class < now->size_class_count; class++)
		bits |= now->by_size[class].nmalloc | now->by_size[class].nfree;
	return bits >> 60 != 0;
}

/* While they run; false if a reader saw what cannot be. */
static bool watch(const struct mstat_snapshot *before, struct outcome *outcome)
{
	uint64_t total_alloc = 0;
	bool sane = true;
	int forks = 0;

	while (__atomic_load_n(&running, __ATOMIC_RELAXED) > 0) {
		struct mstat_snapshot now = snapshot_take();
		sane = sane && !is_wrapped(&now) && now.total_alloc >= total_alloc;
		total_alloc = now.total_alloc;
		if (forks < FORKS) {
			forks++;
			fork_once(before, outcome);
		}
	}
	return sane;
}

static bool threads_are_exact(void)
{
	bool exact = true;

	for (int i = 0; i < THREADS; i++) {
		char name[40];
		snprintf(name, sizeof(name), "thread %d's own figures are", i);
		exact = tally_is_thread(&workers[i].work.tally, &workers[i].before,
				&workers[i].after, name) && exact;
	}
	return exact;
}

/* One generation of threads.  False: no use in going on. */
static bool round_run(int round, struct outcome *outcome, bool *sane)
{
	char name[80];

	running = THREADS;
	workers_start(worker_run);
	pthread_barrier_wait(&at_start);
	struct mstat_snapshot before = snapshot_take();
	pthread_barrier_wait(&at_start);
	*sane = watch(&before, outcome) && *sane;
	pthread_barrier_wait(&at_rest);
	struct mstat_snapshot rest = snapshot_take();
	pthread_barrier_wait(&at_end);
	struct tally sum = tally_of_all();
	workers_join();
	struct mstat_snapshot end = snapshot_take();

	snprintf(name, sizeof(name), "round %d: with all threads at rest the books are exact", round);
	bool exact = tally_is_difference(&sum, &before, &rest, name);
	snprintf(name, sizeof(name), "round %d: and when they have ended", round);
	exact = tally_is_difference(&sum, &before, &end, name) && exact;
	return (round != 0 || threads_are_exact()) && exact;
}

int main(int argc, char **argv)
{
	static struct workload last;
	struct outcome outcome = {0};
	struct tally empty = {0}, all = {0};
	bool sane = true;

	tap_begin();
	uint64_t seed = workload_seed(argc, argv);
	tally_init();
	pthread_barrier_init(&at_start, NULL, THREADS + 1);
	pthread_barrier_init(&at_rest, NULL, THREADS + 1);
	pthread_barrier_init(&at_end, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		workers[i].work.random = seed * (uint64_t)(2 * i + 3);

	/* libc keeps the stacks, and what it allocates for each, from now on. */
	struct mstat_snapshot idle = {0};
	for (int i = 0; i < 3; i++) {
		idle = snapshot_take();
		workers_start(worker_idle);
		pthread_barrier_wait(&at_start);
		workers_join();
	}
	struct mstat_snapshot before = snapshot_take();
	tally_is_difference(&empty, &idle, &before, "a thread that comes and goes counts nothing");

	for (int round = 0; round < ROUNDS; round++) {
		if (!round_run(round, &outcome, &sane))
			break;
		struct tally sum = tally_of_all();
		tally_add(&all, &sum);
	}
	tap_ok(sane, "no reader saw a wrapped or a falling figure meanwhile");
	tap_ok(outcome.children >= ROUNDS, "%d children were forked meanwhile", outcome.children);
	tap_is(0, outcome.crashed, "none crashed");
	tap_is(0, outcome.inexact, "each had its parent's books, but for operations in flight");
	tap_is(0, outcome.own_inexact, "and exact ones of its own");
	for (int i = 0; i < THREADS; i++)
		tally_add(&all, &workers[i].first);
	last.random = seed;
	workload_clear(&last);
	tally_add(&all, &last.tally);
	struct mstat_snapshot after = snapshot_take();
	tally_is_difference(&all, &before, &after, "when all is freed the books are exact");
	tap_is((long long)before.alloc, (long long)after.alloc, "and what lives is what lived");
	snapshot_adds_up(&after, "the sums hold");
	return tap_done();
}
