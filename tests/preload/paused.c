/*
 * paused.c - a process whose eight threads work is stopped and let go on, again and
 * again, with a dump signal sent meanwhile.
 *
 * Proves: SIGSTOP and SIGCONT meet it anywhere, and each dump comes when it goes on, as
 * often as it was asked for; afterwards the books are exact.
 *
 * The dump's path is the argument; MSTAT_CONF names it too.  A child does the stopping.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { THREADS = 8, STOPS = 100, PATIENCE = 20000 };

static struct workload works[THREADS];
static pthread_barrier_t at_start, at_end;
static bool is_over;

static void *work(void *arg)
{
	free(malloc(1));
	pthread_barrier_wait(&at_start);
	pthread_barrier_wait(&at_start);
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
		workload_step(arg);
	pthread_barrier_wait(&at_end);
	return NULL;
}

static bool has_stopped(pid_t pid)
{
	char path[64], text[512] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	const char *state = bytes > 0 ? strrchr(text, ')') : NULL;
	return state != NULL && state[2] == 'T';
}

static bool dump_is_whole(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	return bytes > 5 && memcmp(text + bytes - 5, "\nend\n", 5) == 0;
}

static bool comes_true(bool (*is)(const char *path), const char *path, bool (*has)(pid_t), pid_t pid)
{
	struct timespec rest = {0, 1000000};

	for (int i = 0; i < PATIENCE; i++) {
		if (is != NULL ? is(path) : has(pid))
			return true;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	}
	return false;
}

/* The child's whole life; how many stops went wrong. */
static int stop_it(pid_t parent, const char *path, unsigned pauses)
{
	int bad = 0;

	for (int i = 0; i < STOPS && bad == 0; i++) {
		struct timespec rest = {0, pauses >> 16 & 0xfffff};
		pauses = pauses * 1103515245 + 12345;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		kill(parent, SIGSTOP);
		bad += !comes_true(NULL, NULL, has_stopped, parent);
		bad += access(path, F_OK) == 0; /* nobody asked yet */
		kill(parent, SIGUSR2);
		kill(parent, SIGCONT);
		bad += !comes_true(dump_is_whole, path, NULL, 0);
		unlink(path);
	}
	kill(parent, SIGCONT);
	return bad;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct tally sum = {0};
	pid_t parent = getpid();
	int go[2], status = -1;
	char byte = 0;

	if (argc < 2 || pipe(go) != 0)
		return 2;
	uint64_t seed = workload_seed(argc - 1, argv + 1); /* behind the path */
	pid_t child = fork(); /* before there are threads */
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(read(go[0], &byte, 1) == 1 ? stop_it(parent, argv[1], (unsigned)seed) : 99);
	}
	tap_begin();
	tally_init();
	pthread_barrier_init(&at_start, NULL, THREADS + 1);
	pthread_barrier_init(&at_end, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		works[i].random = seed * (uint64_t)(2 * i + 3);
		if (pthread_create(&threads[i], NULL, work, &works[i]) != 0)
			abort();
	}
	pthread_barrier_wait(&at_start);
	struct mstat_snapshot before = snapshot_take();
	pthread_barrier_wait(&at_start);
	if (write(go[1], &byte, 1) != 1)
		abort();
	while (waitpid(child, &status, 0) != child)
		continue;
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_barrier_wait(&at_end);
	struct mstat_snapshot after = snapshot_take();
	for (int i = 0; i < THREADS; i++) {
		tally_add(&sum, &works[i].tally);
		pthread_join(threads[i], NULL);
	}
	if (!tap_ok(status == 0, "stopped %d times, and a dump each time it went on", (int)STOPS))
		tap_note("status %#x", (unsigned)status);
	tally_is_difference(&sum, &before, &after, "afterwards the books are exact");
	snapshot_adds_up(&after, "the sums hold");
	return tap_done();
}
