/*
 * faulty.c - real faults in coroutines, for AddressSanitizer or ThreadSanitizer to report:
 * overflow, return (a variable whose function has returned), leak, race.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mstat_coro.h>

static volatile int index_past = 10;
static volatile char *volatile dangling;
static int shared;
static pthread_barrier_t together;

static void overflow(void *nothing)
{
	volatile char here[10];

	coro_yield(nothing);
	here[index_past] = 1;
}

static __attribute__((noinline)) void let_dangle(void)
{
	volatile char here[10];

	here[0] = 1;
	dangling = here;
}

static void use_after_return(void *nothing)
{
	let_dangle();
	coro_yield(nothing);
	*dangling = 2;
}

static void leak(void *nothing)
{
	void *volatile lost = malloc(77);

	lost = NULL;
	coro_yield((void *)lost);
	(void)nothing;
}

static void count(void *nothing)
{
	coro_yield(nothing);
	pthread_barrier_wait(&together);
	shared++;
}

static void run(void (*fn)(void *))
{
	struct coro *co;

	coro_create(&co, NULL, fn, NULL);
	coro_resume(co, NULL);
	coro_resume(co, NULL);
	coro_destroy(co);
}

static void *run_count(void *nothing)
{
	run(count);
	return nothing;
}

static void race(void)
{
	pthread_t threads[2];

	pthread_barrier_init(&together, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_count, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

int main(int count_of_arguments, char **arguments)
{
	const char *fault = count_of_arguments > 1 ? arguments[1] : "";

	if (strcmp(fault, "overflow") == 0)
		run(overflow);
	else if (strcmp(fault, "return") == 0)
		run(use_after_return);
	else if (strcmp(fault, "leak") == 0)
		run(leak);
	else
		race();
	return EXIT_SUCCESS;
}
