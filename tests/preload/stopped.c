/*
 * stopped.c - dumps while another thread stands still inside malloc.
 *
 * WHY        A dump is asked for when a process is stuck.  Here a thread is stopped
 *            wherever it is, by a handler that waits, and that is in the allocator
 *            more often than not: with a lock held, between two words of its books.
 *
 * Proves: the dump, mstat_snapshot() and mstat_thread_snapshot() return all the
 * same, hundreds of times; what they say adds up.
 *
 * The dump's path is the argument; MSTAT_CONF names it too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { STOPS = 600, WATCHDOG_SECONDS = 120 };

static int is_stopped, may_go, is_over;
static uintptr_t stopped_at;
static pid_t victim_tid;

static void stand_still(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	const ucontext_t *registers = context;

#if defined(__x86_64__)
	stopped_at = (uintptr_t)registers->uc_mcontext.gregs[REG_RIP];
#else
	stopped_at = (uintptr_t)registers->uc_mcontext.pc;
#endif
	(void)number;
	(void)info;
	__atomic_store_n(&is_stopped, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&may_go, __ATOMIC_ACQUIRE))
		usleep(50);
	__atomic_store_n(&may_go, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&is_stopped, 0, __ATOMIC_RELEASE);
	errno = saved;
}

static void *work(void *arg)
{
	victim_tid = (pid_t)syscall(SYS_gettid);
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 100; i++)
			workload_step(arg);
		/* Many slow paths: batches that come and go, large objects. */
		void *many[600];
		for (int i = 0; i < 600; i++)
			many[i] = malloc(2048);
		for (int i = 0; i < 600; i++)
			free(many[i]);
		free(malloc(200000));
	}
	return NULL;
}

static bool dump_is_whole(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t bytes = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	return bytes > 5 && memcmp(text + bytes - 5, "\nend\n", 5) == 0;
}

/* One stop; what the others see meanwhile. */
static bool stop_and_look(const char *path, pthread_t victim)
{
	struct mstat_thread_snapshot thread = {.struct_bytes = sizeof(thread)};

	pthread_kill(victim, SIGUSR1);
	while (!__atomic_load_n(&is_stopped, __ATOMIC_ACQUIRE))
		usleep(10);
	unlink(path);
	raise(SIGUSR2);
	bool good = dump_is_whole(path);
	struct mstat_snapshot now = snapshot_take();
	good = good && now.total_alloc >= now.alloc && now.alloc >> 60 == 0 &&
		now.heap_alloc == now.alloc + now.magazine_bytes;
	good = good && mstat_thread_snapshot(victim_tid, &thread) == 0 &&
		thread.total_alloc > 0 && thread.nmalloc >= thread.nfree / 2;
	__atomic_store_n(&may_go, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&is_stopped, __ATOMIC_ACQUIRE))
		usleep(10);
	return good;
}

int main(int argc, char **argv)
{
	static struct workload works;
	struct sigaction action = {.sa_sigaction = stand_still, .sa_flags = SA_SIGINFO | SA_RESTART};
	pthread_t victim;
	int good = 0, inside = 0;

	if (argc < 2)
		return 2;
	tap_begin();
	tally_init();
	alarm(WATCHDOG_SECONDS);
	sigaction(SIGUSR1, &action, NULL);
	works.random = workload_seed(0, NULL);
	unsigned pauses = (unsigned)works.random;
	if (pthread_create(&victim, NULL, work, &works) != 0)
		abort();
	usleep(20000);
	for (int i = 0; i < STOPS; i++) {
		Dl_info where;
		good += stop_and_look(argv[1], victim);
		/* The victim goes on by itself: this does not wait for its lock. */
		inside += dladdr((void *)stopped_at, &where) != 0 &&
			strstr(where.dli_fname, "libmstat.so") != NULL;
		pauses = pauses * 1103515245 + 12345;
		usleep(pauses >> 16 & 511);
	}
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	pthread_join(victim, NULL);
	tap_is(STOPS, good, "each dump and snapshot came, and adds up");
	tap_ok(inside > STOPS / 20, "%d of %d times it stood inside the library", inside, (int)STOPS);
	return tap_done();
}
