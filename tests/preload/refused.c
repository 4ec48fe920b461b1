/*
 * refused.c - a program that counts its own system calls while memory is refused: "at once"
 * without a clock.
 *
 * Proves: a request that cannot be met, by a process that is at RLIMIT_AS, takes no more
 * system calls than a bound, whatever its size, the first time and the thousandth.
 *
 * A child is traced by its parent, which counts; no other process is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"

enum {
	REQUESTS = 300,
	SIZES = 5,
	/* Twice the way through: growth by halves down to what is asked for, before and
	   after everything was sent home, each a call for pages and one for tables. */
	CALLS_MOST = 64
};

static const size_t sizes[SIZES] = {64, 5000, 100000, 4 << 20, (size_t)1 << 40};

static void limit_to_now(void)
{
	struct rlimit limit = {1 << 20, RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &limit);
}

/* Between two calls of getppid(), which nobody else makes: one request. */
static void child_run(void)
{
	static void *kept[1 << 16];
	unsigned count = 0;

	for (int i = 0; i < SIZES; i++)
		free(malloc(sizes[i] < 1 << 22 ? sizes[i] : 1));
	limit_to_now();
	for (int i = SIZES - 1; i >= 0; i--)
		for (void *object; count < 1 << 16 && (object = malloc(sizes[i])) != NULL;)
			kept[count++] = object;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (int i = 0; i < REQUESTS; i++) {
		errno = 0;
		syscall(SYS_getppid);
		void *object = malloc(sizes[i % SIZES]);
		syscall(SYS_getppid);
		if (object != NULL || errno != ENOMEM)
			_exit(1);
	}
	while (count > 0)
		free(kept[--count]);
	_exit(malloc(sizes[SIZES - 3]) != NULL ? 0 : 2);
}

/* The number of the call that a child stands at, entering or leaving it. */
static long call_of(pid_t child)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0)
		return -1;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
}

int main(void)
{
	long calls = 0, most = 0, requests = 0;
	int status = 0;

	tap_begin();
	pid_t child = fork();
	if (child == 0)
		child_run();
	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status)) {
		if (WIFEXITED(status))
			tap_ok(false, "the child stops: %#x", status);
		return tap_done();
	}
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (bool is_request = false;; ) {
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			break;
		long call = call_of(child);
		if (call == SYS_getppid) {
			requests += is_request;
			most = is_request && calls > most ? calls : most;
			is_request = !is_request;
			calls = 0;
		} else if (call >= 0) {
			calls++;
		}
	}
	if (requests == 0 && status != 0) {
		tap_ok(true, "how many system calls a refusal takes # SKIP no process may be traced here");
		return tap_done();
	}
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && requests == REQUESTS,
		"%ld requests are refused with ENOMEM", requests);
	tap_ok(most <= CALLS_MOST, "none of them takes more than %d system calls: %ld",
		(int)CALLS_MOST, most);
	return tap_done();
}
