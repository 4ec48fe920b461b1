/*
 * lossy.c - a program that has lost some objects, and has others in unusual places: for
 * leaks.sh, which asks `mstat leaks`.
 *
 * Each case has objects of a size of its own.  What is to be found by the program alone is
 * kept as its address with other bits, so that no pointer is left over by chance; and the
 * stack that the cases stood on is overwritten.
 *
 * Prints "ready" and waits, or with "ends" returns from main().
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "include/mstat.h"
#include "include/mstat_coro.h"

#pragma weak mstat_alloc

enum { HIDING = 0x5555 };

#define NOINLINE __attribute__((noinline))

struct node {
	struct node *volatile next;
};

/* ---- lost ---------------------------------------------------------------------------------- */

static NOINLINE struct node *node_make(size_t bytes, struct node *next)
{
	struct node *node = calloc(1, bytes);

	if (node == NULL)
		abort();
	node->next = next;
	return node;
}

/* A list's head is lost, and with it two more. */
static NOINLINE void lose_list(void)
{
	node_make(1001, node_make(1011, node_make(1011, NULL)));
}

static NOINLINE void lose_ring(void)
{
	struct node *node = node_make(1101, NULL);

	node->next = node_make(1101, node);
}

/* What was freed holds nothing any more. */
static NOINLINE void lose_by_free(void)
{
	free(node_make(1201, node_make(1211, NULL)));
}

/* Of memory that was hinted to hold no pointers nothing is believed. */
static uintptr_t hinted;

static NOINLINE void lose_in_noscan(void)
{
	void **keeper = mstat_alloc != NULL ? mstat_alloc(1301, MSTAT_NOSCAN) : NULL;

	if (keeper != NULL)
		*(void *volatile *)keeper = node_make(1311, NULL);
	*(volatile uintptr_t *)&hinted = (uintptr_t)keeper;
}

static NOINLINE void lose_large(void)
{
	node_make(1000001, node_make(1401, NULL));
}

/* ---- possibly lost ------------------------------------------------------------------------- */

static char *volatile inner;

static NOINLINE void keep_inner(void)
{
	inner = (char *)node_make(2001, node_make(2011, NULL)) + 100;
}

/* ---- kept ---------------------------------------------------------------------------------- */

static struct node *volatile in_data = (struct node *)1;
static struct node *volatile in_zeros;
static _Thread_local struct node *volatile in_thread;
static void *volatile in_heap;
static uint64_t *volatile array; /* behind the number of its elements, as new[] has it */
static char *volatile mapped;
static pthread_key_t key;

static NOINLINE void keep_in_places(void)
{
	in_data = node_make(3001, node_make(3011, NULL));
	in_zeros = node_make(3021, NULL);
	in_thread = node_make(3031, NULL);
	struct node *chain = node_make(3041, NULL);
	for (int i = 0; i < 1000; i++)
		chain = node_make(3041, chain);
	in_heap = chain;
	uint64_t *counted = malloc(3051);
	*counted = 10;
	array = counted + 1;
	mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(void *volatile *)(mapped + 500000) = node_make(3061, NULL);
	pthread_key_create(&key, NULL);
	pthread_setspecific(key, node_make(3071, NULL));
}

/* A node that a thread's stack alone leads to, while it waits in a system call. */
static void *wait_with_one(void *unused)
{
	struct node *volatile node = node_make(3081, NULL);

	node->next = node;
	for (;;)
		pause();
	return unused;
}

/* One that a register alone leads to: it is made of what is hidden, and never stored. */
static volatile uintptr_t hidden;

static void *wait_in_register(void *unused)
{
	uintptr_t value = hidden;

#if defined(__x86_64__)
	__asm__ volatile("xorq %1, %0\n1:\tpause\n\tjmp 1b" : "+r"(value) : "i"(HIDING));
#else
	uintptr_t hiding = HIDING;
	__asm__ volatile("eor %0, %0, %1\n1:\tyield\n\tb 1b" : "+r"(value) : "r"(hiding));
#endif
	return unused;
}

static NOINLINE void hide(void)
{
	hidden = (uintptr_t)node_make(3091, NULL) ^ HIDING;
}

/* ---- coroutines ---------------------------------------------------------------------------- */

static void yield_with_one(void *unused)
{
	struct node *volatile node = node_make(3101, NULL);

	coro_yield(unused);
	node->next = node;
}

static NOINLINE void suspend(void)
{
	static struct coro *suspended;

	if (coro_create(&suspended, NULL, yield_with_one, NULL) != 0 ||
		coro_resume(suspended, NULL) != NULL || coro_status(suspended) != CORO_SUSPENDED)
		abort();
}

/* -------------------------------------------------------------------------------------------- */

static NOINLINE void scrub(void)
{
	char bytes[64 << 10];

	memset(bytes, 0, sizeof(bytes));
	__asm__ volatile("" ::"r"(bytes) : "memory");
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	lose_list();
	lose_ring();
	lose_by_free();
	lose_in_noscan();
	lose_large();
	keep_inner();
	keep_in_places();
	hide();
	suspend();
	if (pthread_create(&threads[0], NULL, wait_with_one, NULL) != 0 ||
		pthread_create(&threads[1], NULL, wait_in_register, NULL) != 0)
		abort();
	usleep(100 * 1000);
	scrub();
	if (argc > 1 && strcmp(argv[1], "ends") == 0)
		return 7;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
