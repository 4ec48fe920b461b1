/*
 * confined.c - a program that forbids itself all system calls but those that glibc's own
 * malloc and threads make, on pain of death, as servers do behind their privileges.
 *
 *     confined here       works on in this process, with new threads, and exits
 *     confined child      forks after that; the child works on and exits
 *     confined before     forks before that; the child confines itself at once
 *     confined late       the child lives for a while first, and has a box of its own
 *     confined bare       before its first allocation; its child, which no fork handler sees
 *     confined misuse     frees what it should not
 *
 * Proves: nothing that the library does of itself is anything else.  The work goes on
 * over several of the intervals after which it looks around.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 50, OBJECTS = 300, STATUS = 5 };

/* malloc's; then the program's: threads, forks, pauses, output and ends. */
static const int permitted[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_mremap, SYS_brk,
	SYS_futex, SYS_clock_gettime, SYS_getrandom,
	SYS_clone, SYS_clone3, SYS_rseq, SYS_set_robust_list, SYS_rt_sigprocmask, SYS_wait4,
	SYS_clock_nanosleep, SYS_write, SYS_exit, SYS_exit_group,
	SYS_getpid, SYS_gettid, SYS_tgkill};

enum { PERMITTED_COUNT = sizeof(permitted) / sizeof(permitted[0]), FOR_ABORT_COUNT = 3 };

static void confine(bool may_abort)
{
	struct sock_filter filter[2 * PERMITTED_COUNT + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.len = 1, .filter = filter};
	int count = may_abort ? PERMITTED_COUNT : PERMITTED_COUNT - FOR_ABORT_COUNT;

	for (int i = 0; i < count; i++) {
		filter[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned)permitted[i], 0, 1);
		filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
			SECCOMP_RET_ALLOW);
	}
	filter[program.len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
}

static void nap(long milliseconds)
{
	struct timespec rest = {0, milliseconds * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

static void *work(void *arg)
{
	static __thread void *objects[OBJECTS];

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < OBJECTS; i++) {
			objects[i] = malloc(i * i * 4);
			if (objects[i] == NULL)
				exit(1);
			memset(objects[i], 0x5a, i * i * 4);
		}
		objects[0] = realloc(objects[0], (size_t)3 << 20);
		objects[0] = realloc(objects[0], (size_t)9 << 20);
		for (int i = 0; i < OBJECTS; i++)
			free(objects[i]);
		nap(10);
	}
	return arg;
}

/* A thread that there was first: the one at which glibc prepares for threads. */
static void *nothing(void *arg)
{
	return arg;
}

static void in_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) != 0 || pthread_join(thread, NULL) != 0)
		exit(2);
}

static void refused(void)
{
	volatile size_t impossible = PTRDIFF_MAX;

	errno = 0;
	if (malloc(impossible) != NULL || errno != ENOMEM)
		exit(3);
}

/* stdio's buffer is written by exit(), after the library's last word. */
static int work_and_end(bool has_threads)
{
	if (has_threads)
		in_thread(work);
	work(NULL);
	refused();
	fputs("worked\n", stdout);
	return STATUS;
}

static int end_of(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return 4;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The child's first call is refused, which the parent's box must not hear of. */
static int in_bare_child(void)
{
	confine(false);
	pid_t child = _Fork();
	if (child == 0) {
		refused();
		exit(work_and_end(false));
	}
	return end_of(child);
}

static int in_child(const char *when)
{

	if (strcmp(when, "child") == 0)
		confine(false);
	pid_t child = fork();
	if (child == 0) {
		if (strcmp(when, "late") == 0) {
			nap(30);
			work(NULL);
		}
		if (strcmp(when, "child") != 0)
			confine(false);
		exit(work_and_end(true));
	}
	return end_of(child);
}

int main(int argc, char **argv)
{
	static char buffer[4096];
	const char *when = argc > 1 ? argv[1] : "here";
	int local;

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)); /* and nothing is asked of the file */

	if (strcmp(when, "bare") == 0)
		return in_bare_child();
	in_thread(nothing);
	if (strcmp(when, "child") == 0 || strcmp(when, "before") == 0 || strcmp(when, "late") == 0)
		return in_child(when);
	confine(strcmp(when, "misuse") == 0);
	if (strcmp(when, "misuse") == 0)
		free(&local);
	return work_and_end(true);
}
