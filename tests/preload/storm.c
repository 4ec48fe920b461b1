/*
 * storm.c - a thousand dump signals while eight threads allocate.
 *
 * Proves: the process neither hangs nor crashes, on stacks of 16 KiB and wherever
 * in malloc a signal meets a thread; dumps were written meanwhile, the last one
 * whole; afterwards the books are exact.
 *
 * The dump's path is the argument; MSTAT_CONF names it too.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { THREADS = 8, SIGNALS = 1000, STACK_BYTES = 16384 };

static struct workload works[THREADS];
static pthread_t threads[THREADS];
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

/* To the process, to one thread, with a payload and without. */
static void send_signal(int i)
{
	union sigval payload = {.sival_int = i};

	switch (i % 4) {
	case 0:
		kill(getpid(), SIGUSR2);
		break;
	case 1:
		sigqueue(getpid(), SIGUSR2, payload);
		break;
	default:
		pthread_kill(threads[i % THREADS], SIGUSR2);
	}
}

static bool is_whole(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t bytes = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return bytes > 20 && memcmp(text, "mstat dump 1\n", 13) == 0 &&
		memcmp(text + bytes - 5, "\nend\n", 5) == 0;
}

int main(int argc, char **argv)
{
	pthread_attr_t attributes;
	struct tally sum = {0};
	int whole = 0;

	tap_begin();
	tally_init();
	uint64_t seed = workload_seed(0, NULL);
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES) != 0)
		abort();
	pthread_barrier_init(&at_start, NULL, THREADS + 1);
	pthread_barrier_init(&at_end, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		works[i].random = seed * (uint64_t)(2 * i + 3);
		if (pthread_create(&threads[i], &attributes, work, &works[i]) != 0)
			abort();
	}
	pthread_barrier_wait(&at_start);
	struct mstat_snapshot before = snapshot_take();
	pthread_barrier_wait(&at_start);
	for (int i = 0; i < SIGNALS; i++) {
		send_signal(i);
		usleep(300);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	pthread_barrier_wait(&at_end);
	struct mstat_snapshot after = snapshot_take();
	for (int i = 0; i < THREADS; i++) {
		tally_add(&sum, &works[i].tally);
		pthread_join(threads[i], NULL);
	}
	tally_is_difference(&sum, &before, &after, "after a thousand signals the books are exact");
	snapshot_adds_up(&after, "the sums hold");
	for (int i = 0; i < 20; i++) {
		raise(SIGUSR2);
		whole += argc > 1 && is_whole(argv[1]);
	}
	tap_is(20, whole, "each dump that nobody disturbs is whole");
	return tap_done();
}
