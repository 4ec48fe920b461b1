/*
 * unruly.c - a signal handler that allocates where it must not: while its own thread
 * stands inside malloc, under a lock, which it then waits for in vain.
 *
 * WHY        POSIX forbids it and programs do it.  Nobody can save that thread; but what
 *            it was that hangs is then asked of the process.
 *
 * Where it stands is no matter of chance: a filter makes a signal of each mmap() and
 * mprotect() of that thread, and the heap grows under its lock.
 *
 * Proves: the dump by a signal, to any thread or to the one that hangs, is written whole;
 * mstat_snapshot() returns; the process can end by _exit().
 *
 * The dump's path is the argument; MSTAT_CONF names it too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/preload/tally.h"
#include "tests/preload/tap.h"

enum { DUMPS = 50, WATCHDOG_SECONDS = 120, UNKNOWN = 0, HANGS, IMPOSSIBLE, RETURNED };

static int state; /* of the thread, as above */
static volatile size_t much = (size_t)300 << 20;

static void state_set(int to)
{
	__atomic_store_n(&state, to, __ATOMIC_RELEASE);
}

static void allocate(int number)
{
	(void)number;
	state_set(HANGS);
	free(malloc(much)); /* never comes back */
	state_set(RETURNED);
}

/* By raw calls, of which the library learns nothing. */
static bool calls_are_signalled(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void *hang(void *arg)
{
	free(malloc(100));
	if (!calls_are_signalled())
		state_set(IMPOSSIBLE);
	else
		free(malloc(much));
	return arg;
}

static bool dump_is_whole(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	unlink(path);
	return bytes > 5 && memcmp(text + bytes - 5, "\nend\n", 5) == 0;
}

static bool dump_comes(const char *path, int tries)
{
	for (int i = 0; i < tries; i++) {
		if (dump_is_whole(path))
			return true;
		usleep(10000);
	}
	return false;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = allocate};
	pthread_t thread;
	int whole = 0, now;

	if (argc < 2)
		return 2;
	tap_begin();
	tally_init();
	alarm(WATCHDOG_SECONDS);
	sigaction(SIGSYS, &action, NULL);
	if (pthread_create(&thread, NULL, hang, NULL) != 0)
		abort();
	while ((now = __atomic_load_n(&state, __ATOMIC_ACQUIRE)) == UNKNOWN)
		usleep(1000);
	if (now == IMPOSSIBLE) {
		tap_ok(true, "a handler that allocates # SKIP no seccomp filters here");
		return tap_done();
	}
	usleep(50000); /* it may as well be about to hang */
	for (int i = 0; i < DUMPS; i++) {
		raise(SIGUSR2);
		whole += dump_is_whole(argv[1]);
	}
	tap_is(DUMPS, whole, "a thread hangs in its handler: each dump is written, and whole");
	kill(getpid(), SIGUSR2);
	tap_ok(dump_comes(argv[1], 500), "one that is asked of the process too");
	pthread_kill(thread, SIGUSR2);
	tap_ok(dump_comes(argv[1], 500), "and one that is asked of the thread itself");
	struct mstat_snapshot books = snapshot_take();
	snapshot_adds_up(&books, "the books can be read, and add up");
	tap_ok(__atomic_load_n(&state, __ATOMIC_ACQUIRE) == HANGS, "it hangs all the while");
	_exit(tap_done());
}
