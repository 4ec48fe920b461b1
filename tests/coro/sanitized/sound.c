/*
 * sound.c - switches, deferred calls, panics, foreign calls and exits that have no fault,
 * in coroutines that have stacks of others after them.  Prints "sound".
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat_coro.h>

enum { ROUNDS = 200, COROUTINES = 10 };

/* Frames with variables that a sanitizer puts guards around. */
static __attribute__((noinline)) int deep(int depth, int (*bottom)(void))
{
	volatile char before[40], after[24];

	memset((char *)before, depth, sizeof(before));
	memset((char *)after, depth, sizeof(after));
	int sum = depth > 0 ? deep(depth - 1, bottom) : bottom();
	return sum + before[sizeof(before) - 1] + after[0];
}

static int yield(void)
{
	return (int)(intptr_t)coro_yield((void *)1);
}

static int panic(void)
{
	coro_panic((void *)2);
}

static int leave(void)
{
	coro_exit((void *)3);
}

static void recover(void *nothing)
{
	(void)nothing;
	coro_recover();
}

static void *call_back(void *bottom)
{
	return (void *)(intptr_t)deep(3, (int (*)(void))bottom);
}

static void *call_out(void *bottom)
{
	volatile char here[100];

	memset((char *)here, 1, sizeof(here));
	return (void *)((char *)coro_callback(call_back, bottom) + here[5] - 1);
}

static int panic_through(void)
{
	coro_foreign(call_out, (void *)panic);
	return 0;
}

static void protect(int (*bottom)(void))
{
	CORO_FRAME;

	if (coro_defer(recover, NULL, 0) == 0)
		deep(5, bottom);
}

static void live(void *how)
{
	char *kept = malloc(100); /* known by this stack alone, while it is suspended */

	memset(kept, 1, 100);
	protect(panic);
	deep(4, yield);
	protect(panic_through);
	deep(10, yield);
	free(kept);
	deep(8, how != NULL ? leave : yield);
}

static void *run(void *nothing)
{
	struct coro *all[COROUTINES];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COROUTINES; i++)
			if (coro_create(&all[i], NULL, live, i % 2 == 0 ? NULL : &all) != 0)
				return (void *)"no coroutine";
		for (int step = 0; step < 3; step++)
			for (int i = 0; i < COROUTINES; i++)
				coro_resume(all[i], NULL);
		for (int i = 0; i < COROUTINES; i++)
			if (coro_destroy(all[i]) != 0)
				return (void *)"not destroyed";
		deep(30, (int (*)(void))rand);
	}
	return nothing;
}

int main(void)
{
	static struct coro *left;
	pthread_t threads[2];
	void *fault = NULL;

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (int i = 0; i < 2; i++) {
		void *value;
		pthread_join(threads[i], &value);
		fault = value != NULL ? value : fault;
	}
	coro_create(&left, NULL, live, NULL);
	coro_resume(left, NULL);
	puts(fault != NULL ? (const char *)fault : "sound");
	return EXIT_SUCCESS;
}
