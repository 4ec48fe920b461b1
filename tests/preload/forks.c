/*
 * forks.c - processes made of a process while sixteen of its threads allocate.
 *
 * Proves: the child of each of a thousand forks, made by four threads at once, can
 * allocate and free what it inherited, make threads, fork again and turn into another
 * program, and its books are exact; so does the child of _Fork() and of a raw clone,
 * which no fork handler prepares; vfork and posix_spawn leave the parent as it is, even
 * where the child allocates.  The parent's books add up through all of it, and what its
 * threads freed is free.
 *
 * A child that waits for ever is ended by its alarm, and so seen.  The argument is the
 * seed, a second one the number of forks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum {
	WORKERS = 16,
	KEPT = 48,
	BURST_STEPS = 200,
	PAUSE_US = 100,
	FORKERS = 4,
	FORKS = 1000,
	BARE_FORKS = 200, /* of each kind */
	SPAWNS = 50,
	CHILD_STEPS = 400,
	CHILD_THREADS = 3,
	CHILD_SECONDS = 60,
	LARGE_BYTES = 1 << 20,
	GOOD = 42
};

/* What the parent's threads have: little, so that a fork has little to copy. */
struct worker {
	uint64_t random;
	void *kept[KEPT];
};

static struct worker workers[WORKERS];
static void *shared[KEPT]; /* what one allocates and another frees */
static struct workload own = {.random = 0x9e3779b97f4a7c15};
static bool is_over;
static int fork_count = FORKS;

/* Mostly small; some are spans of their own, a few whole pages. */
static size_t any_size(uint64_t dice)
{
	if (dice % 64 == 0)
		return dice / 64 % 400000;
	return dice % 8 == 0 ? dice / 64 % 33000 : dice / 64 % 600;
}

static void worker_step(struct worker *worker)
{
	worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
	uint64_t dice = worker->random >> 20;
	void **slot = &worker->kept[dice % KEPT];

	dice /= KEPT;
	if (dice % 4 == 0) {
		*slot = __atomic_exchange_n(&shared[dice / 4 % KEPT], *slot, __ATOMIC_ACQ_REL);
	} else if (dice % 4 == 1) {
		void *grown = realloc(*slot, 1 + any_size(dice / 4));
		if (grown == NULL)
			abort();
		*slot = grown;
	} else {
		free(*slot);
		*slot = dice % 4 == 2 ? malloc(any_size(dice / 4)) : NULL;
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	/* Whoever forks, and the children, come first, and there is time for them. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
		for (int i = 0; i < BURST_STEPS; i++)
			worker_step(worker);
		usleep(PAUSE_US);
	}
	for (int i = 0; i < KEPT; i++)
		free(worker->kept[i]);
	return NULL;
}

/* ---- a child's life: its exit status ----------------------------------------- */

static bool books_are_exact(void)
{
	free(malloc(LARGE_BYTES)); /* by which a child that nobody prepared is known */
	struct mstat_snapshot before = snapshot_take();

	memset(&own.tally, 0, sizeof(own.tally));
	for (int i = 0; i < CHILD_STEPS; i++)
		workload_step(&own);
	struct mstat_snapshot after = snapshot_take();
	return tally_distance(&own.tally, &before, &after) == 0 && after.thread_count == 1;
}

static int allocate(void)
{
	return books_are_exact() ? GOOD : 1;
}

static void *step(void *arg)
{
	for (int i = 0; i < CHILD_STEPS; i++)
		workload_step(arg);
	return arg;
}

static int make_threads(void)
{
	static struct workload parts[CHILD_THREADS];
	pthread_t threads[CHILD_THREADS];

	for (int i = 0; i < CHILD_THREADS; i++) {
		parts[i].random = own.random + (uint64_t)i + 1;
		if (pthread_create(&threads[i], NULL, step, &parts[i]) != 0)
			return 2;
	}
	for (int i = 0; i < CHILD_THREADS; i++)
		pthread_join(threads[i], NULL);
	return books_are_exact() ? GOOD : 3;
}

/* A program that is not there first: what fails must leave all as it is. */
static int turn_into_another(void)
{
	execl("/nowhere/to/be/found", "found", (char *)NULL);
	if (!books_are_exact())
		return 4;
	execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
	return 5;
}

static int fork_again(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(allocate());
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == GOOD ? allocate() : 6;
}

static int (*const lives[])(void) = {allocate, make_threads, turn_into_another, fork_again};
enum { LIVES = sizeof(lives) / sizeof(lives[0]) };

static void live(int number)
{
	alarm(CHILD_SECONDS);
	_exit(lives[number % LIVES]());
}

static bool has_ended_well(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == GOOD)
		return true;
	tap_note("a child's status is %#x", status);
	return false;
}

/* ---- each way ---------------------------------------------------------------- */

static void *fork_often(void *arg)
{
	uintptr_t good = 0;
	pid_t child;

	for (int i = 0; i < fork_count / FORKERS; i++) {
		child = fork();
		if (child == 0)
			live(i);
		good += has_ended_well(child);
	}
	(void)arg;
	return (void *)good;
}

static void test_forks(void)
{
	pthread_t threads[FORKERS];
	uintptr_t good = 0;

	for (int i = 0; i < FORKERS; i++)
		if (pthread_create(&threads[i], NULL, fork_often, NULL) != 0)
			abort();
	for (int i = 0; i < FORKERS; i++) {
		void *result;
		pthread_join(threads[i], &result);
		good += (uintptr_t)result;
	}
	tap_is(fork_count, (long long)good,
		"children of fork allocate, make threads, exec and fork again");
}

static pid_t raw_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* No libc is prepared for threads in such a child. */
static void test_bare(const char *name, pid_t (*make)(void))
{
	int good = 0;

	for (int i = 0; i < BARE_FORKS; i++) {
		pid_t child = make();
		if (child == 0) {
			alarm(CHILD_SECONDS);
			_exit(allocate());
		}
		good += has_ended_well(child);
	}
	tap_is(BARE_FORKS, good, name);
}

static void test_vfork(void)
{
	static int good;

	for (volatile int i = 0; i < SPAWNS; i++) {
		pid_t child = vfork();
		if (child == 0 && i % 2 == 0)
			execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
		if (child == 0)
			_exit(GOOD);
		good += has_ended_well(child);
	}
	tap_is(SPAWNS, good, "children of vfork exit and exec");
}

/* Not allowed, and done: what it allocates is its parent's. */
static void test_vfork_that_allocates(void)
{
	static void *volatile left_behind;
	static int good;

	for (volatile int i = 0; i < SPAWNS; i++) {
		pid_t child = vfork();
		if (child == 0) {
			for (int j = 0; j < 50; j++)
				workload_step(&own);
			left_behind = malloc(1000);
			_exit(left_behind != NULL ? GOOD : 7);
		}
		good += has_ended_well(child);
		free(left_behind);
	}
	tap_is(SPAWNS, good, "children of vfork may allocate, and the parent free it");
}

static void never_called(int number)
{
	(void)number;
}

/* Its handlers are its own, whoever watches its parent's. */
static void test_vfork_that_handles(void)
{
	static const int numbers[] = {SIGSEGV, SIGUSR1};
	struct sigaction mine = {.sa_handler = never_called}, now;
	static int good;

	for (volatile int i = 0; i < 2; i++) {
		struct sigaction before;
		sigaction(numbers[i], &mine, &before);
		pid_t child = vfork();
		if (child == 0) {
			signal(numbers[i], SIG_IGN);
			raise(numbers[i]);
			_exit(GOOD);
		}
		good += has_ended_well(child);
		sigaction(numbers[i], &before, &now);
		good += now.sa_handler == never_called;
	}
	tap_is(4, good, "a signal's handler that a child of vfork sets is its own");
}

static void test_spawn(void)
{
	static char shell[] = "sh", option[] = "-c", script[] = "exec 3>&- && exit 42";
	char *const arguments[] = {shell, option, script, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int good = 0;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	for (int i = 0; i < SPAWNS; i++) {
		pid_t child;
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_addopen(&actions, 3, "/dev/null", O_RDWR, 0);
		posix_spawn_file_actions_adddup2(&actions, 3, STDIN_FILENO);
		int refused = posix_spawnp(&child, "no such program", &actions, &attributes, arguments,
			environ);
		good += refused == ENOENT &&
			posix_spawnp(&child, shell, &actions, &attributes, arguments, environ) == 0 &&
			has_ended_well(child);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	tap_is(SPAWNS, good, "children of posix_spawn, with actions and attributes");
}

static void test_books(const struct mstat_snapshot *before)
{
	struct mstat_snapshot now = snapshot_take();

	snapshot_adds_up(&now, "the parent's books add up");
	tap_is(1, (long long)now.thread_count, "one thread is left in them");
	/* libc keeps some of its threads' stacks, and what belongs to those. */
	tap_ok(now.alloc < before->alloc + (64 << 10), "what was freed is free: %+ld bytes",
		(long)(now.alloc - before->alloc));
}

int main(int argc, char **argv)
{
	pthread_t threads[WORKERS];

	tap_begin();
	tally_init();
	own.random = workload_seed(argc, argv);
	fork_count = argc > 2 ? atoi(argv[2]) : FORKS;
	struct mstat_snapshot before = snapshot_take();
	for (int i = 0; i < WORKERS; i++) {
		workers[i].random = own.random + 77 * (uint64_t)i;
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			abort();
	}
	test_forks();
	test_vfork();
	test_spawn();
	test_bare("children of _Fork allocate", _Fork);
	test_bare("children of a raw clone allocate", raw_clone);
	test_vfork_that_allocates();
	test_vfork_that_handles();
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < KEPT; i++)
		free(shared[i]);
	workload_clear(&own);
	test_books(&before);
	return tap_done();
}
