/*
 * forker.c - a signal handler that forks, whatever it interrupted.
 *
 * Proves: fork() in a handler that stands amid malloc() or free() comes back, in a process
 * of one thread and beside others; the child may end at once, or return and go on with
 * what was interrupted, allocate and end well; a handler of SIGABRT may allocate and fork
 * a reporter after a misuse was told.
 *
 * The argument: "exit", "return", "threads"; "abort": the caller looks at how it ends.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"

enum { FORKS = 300, OBJECTS = 2000, REPORTER_OBJECTS = 20000, TIMER_MICROSECONDS = 500 };

static volatile int forks, failures;
static volatile bool is_child;
static bool child_returns;

static void await(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		failures++;
}

/* Once: where a fork takes longer than that, a timer that went on would leave no time for
   anything else. */
static void timer_set(long microseconds)
{
	struct itimerval timer = {{0, 0}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void handle(int number)
{
	int saved = errno;
	pid_t child = fork();

	(void)number;
	if (child == 0 && !child_returns)
		_exit(0);
	is_child = child == 0;
	forks++;
	if (child > 0)
		await(child);
	if (child > 0 && forks < FORKS)
		timer_set(TIMER_MICROSECONDS);
	errno = saved;
}

static void work(void)
{
	static __thread void *objects[OBJECTS];
	static __thread unsigned random = 1;

	for (int i = 0; i < OBJECTS; i++) {
		random = random * 1103515245 + 12345;
		objects[i] = malloc(1 + (random >> 16) % 3000);
	}
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i]);
	free(malloc(400000));
}

static void *work_on(void *unused)
{
	for (;;)
		work();
	return unused;
}

static int test_forks(void)
{
	free(malloc(1)); /* the heap has begun */
	signal(SIGALRM, handle);
	timer_set(TIMER_MICROSECONDS);
	while (forks < FORKS && !is_child)
		work();
	if (is_child) {
		work();
		exit(0); /* the handlers of the end run */
	}
	tap_is(0, failures, "each child ends well");
	return tap_done();
}

static void report_end(int number)
{
	static void *objects[REPORTER_OBJECTS];
	pid_t child;

	for (int i = 0; i < REPORTER_OBJECTS; i++)
		memset(objects[i] = malloc(48), 1, 48);
	child = fork();
	if (child == 0) {
		execl("/bin/echo", "echo", "reported", (char *)NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	signal(number, SIG_DFL);
}

/* What is freed twice is found on its way home. */
static int misuse(void)
{
	static void *objects[REPORTER_OBJECTS];

	signal(SIGABRT, report_end);
	for (int i = 0; i < REPORTER_OBJECTS; i++)
		objects[i] = malloc(48);
	free(objects[5]);
	free(objects[6]);
	free(objects[5]);
	for (int i = 7; i < REPORTER_OBJECTS; i++)
		free(objects[i]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "exit";
	pthread_t thread;

	if (strcmp(mode, "abort") == 0)
		return misuse();
	tap_begin();
	child_returns = strcmp(mode, "return") == 0;
	if (strcmp(mode, "threads") == 0) {
		sigset_t alarm_only;
		sigemptyset(&alarm_only);
		sigaddset(&alarm_only, SIGALRM);
		pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
		for (int i = 0; i < 2; i++)
			if (pthread_create(&thread, NULL, work_on, NULL) != 0)
				abort();
		pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
	}
	return test_forks();
}
