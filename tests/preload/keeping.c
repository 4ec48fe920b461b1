/*
 * keeping.c - a program that loses nothing, though it may look so.
 *
 * usage: keeping KIND    says "ready", and goes on until it is ended
 *
 * WHY        leaks.sh looks for leaks in it, and there are none.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { STACK = 65536, LARGE = 60000, THREADS = 4 };

static void stay(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static void stay_in_handler(int number)
{
	(void)number;
	stay();
}

/* Frames that stand below what the thread goes on, in the same mapping. */
static __attribute__((noinline)) void hold(void (*go_on)(void))
{
	void *volatile kept[2] = {malloc(5001), malloc(LARGE)};

	go_on();
	free(kept[0]);
	free(kept[1]);
}

static void be_signalled(void)
{
	raise(SIGUSR1);
}

/* A handler on a stack that is main()'s. */
static void alternate(void)
{
	char stack[STACK];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = stay_in_handler, .sa_flags = SA_ONSTACK};

	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &action, NULL);
	hold(be_signalled);
}

static ucontext_t here, there;

static void change(void)
{
	swapcontext(&here, &there);
}

/* A coroutine on a stack that is main()'s, as in makecontext(3). */
static void context(void)
{
	char stack[STACK];

	getcontext(&there);
	there.uc_stack = (stack_t){.ss_sp = stack, .ss_size = sizeof(stack)};
	there.uc_link = &here;
	makecontext(&there, stay, 0);
	hold(change);
}

static void *volatile kept;

/* An object part of which may not be read: a stack with a guard. */
static void guarded(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *object = aligned_alloc((size_t)page, STACK / 2);

	memset(object, 0, STACK / 2);
	((void **)object)[page / (long)sizeof(void *)] = malloc(5001);
	((void **)object)[0] = malloc(5002);
	mprotect(object, (size_t)page, PROT_NONE);
	kept = object;
	stay();
}

static void *move(void *arg)
{
	unsigned size = (unsigned)(uintptr_t)arg;

	for (;;) {
		size = size * 1664525 + 1013904223;
		void *object = malloc((size >> 16) % LARGE);
		object = realloc(object, (size >> 8) % (2 * LARGE) + 1);
		free(object);
	}
	return NULL;
}

/* Each pointer is on its way somewhere. */
static void moving(void)
{
	pthread_t thread;

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, move, (void *)i) != 0)
			exit(1);
	stay();
}

static const struct kind {
	const char *name;
	void (*run)(void);
} kinds[] = {{"alternate", alternate}, {"context", context}, {"guarded", guarded}, {"moving", moving}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			kinds[i].run();
	return 2;
}
