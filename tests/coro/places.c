/*
 * places.c - a program that comes to stop_here() in the place that is named: places.sh
 * compares what unwinders and gdb see there.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/mstat_coro.h"
#include "tests/coro/seen.h"

/* ---- places --------------------------------------------------------------------------------- */

NAMED void *called_back(void *panics);
NAMED void *foreign_inner(void *panics);
NAMED void *foreign_outer(void *panics);
NAMED void in_callback(void *panics);
NAMED void *foreign_alone(void *nothing);
NAMED void in_foreign(void *nothing);
NAMED void deferred(void *is_recovering);
NAMED void at_end(void *nothing);
NAMED void in_panic(void *nothing);
NAMED void panics_below(void);
NAMED void in_exit(void *nothing);
NAMED void *foreign_over(void *panics);
NAMED void deferred_over(void *nothing);
NAMED void after_callback(void *nothing);
NAMED void *calls_out(void *nothing);
NAMED void *calls_back(void *nothing);
NAMED void in_nested(void *nothing);
NAMED void resumes(void *nothing);

/* To and fro between both stacks. */
void *called_back(void *panics)
{
	if (panics != NULL)
		coro_panic(panics);
	stop_here();
	still_here();
	return NULL;
}

void *foreign_inner(void *panics)
{
	void *value = coro_callback(called_back, panics);

	still_here();
	return value;
}

void *foreign_outer(void *panics)
{
	void *value = foreign_inner(panics);

	still_here();
	return value;
}

void in_callback(void *panics)
{
	coro_foreign(foreign_outer, panics);
	still_here();
}

void *foreign_alone(void *nothing)
{
	stop_here();
	still_here();
	return nothing;
}

void in_foreign(void *nothing)
{
	coro_foreign(foreign_alone, nothing);
	still_here();
}

void *calls_out(void *nothing)
{
	void *value = coro_foreign(foreign_outer, nothing);

	still_here();
	return value;
}

void *calls_back(void *nothing)
{
	void *value = coro_callback(calls_out, nothing);

	still_here();
	return value;
}

void in_nested(void *nothing)
{
	coro_foreign(calls_back, nothing);
	still_here();
}

/* Deferred calls. */
void deferred(void *is_recovering)
{
	stop_here();
	if (*(bool *)is_recovering)
		coro_recover();
}

void at_end(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(deferred, &(bool){false}, sizeof(bool));
}

void panics_below(void)
{
	coro_panic(NULL);
}

void in_panic(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(deferred, &(bool){true}, sizeof(bool)) == 0)
		panics_below();
}

void in_exit(void *nothing)
{
	CORO_FRAME;

	coro_defer(deferred, &(bool){false}, sizeof(bool));
	coro_exit(nothing);
}

/* The panic has given foreign frames up, and where they were there are others. */
void *foreign_over(void *panics)
{
	volatile char over[4096];

	memset((void *)over, 0x55, sizeof(over));
	void *value = foreign_inner(panics);
	still_here();
	return value;
}

void deferred_over(void *nothing)
{
	coro_foreign(foreign_over, nothing);
	coro_recover();
}

void after_callback(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(deferred_over, NULL, 0) == 0)
		coro_foreign(foreign_outer, &deferred_over);
}

/* Nothing is seen of who resumed. */
void resumes(void *nothing)
{
	struct coro *co;

	if (coro_create(&co, NULL, in_callback, nothing) != 0)
		abort();
	coro_resume(co, NULL);
	coro_destroy(co);
}

static const struct {
	const char *name;
	void (*fn)(void *);
} places[] = {
	{"callback", in_callback}, {"foreign", in_foreign}, {"nested", in_nested}, {"end", at_end},
	{"panic", in_panic}, {"exit", in_exit}, {"after", after_callback}, {"resumed", resumes},
};

static void *place_run(void *name)
{
	struct coro *co;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i].name, name) == 0) {
			if (coro_create(&co, NULL, places[i].fn, NULL) != 0)
				abort();
			coro_resume(co, NULL);
			coro_destroy(co);
		}
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t thread;

	if (count < 2)
		return 2;
	if (count == 2) {
		place_run(arguments[1]);
		return 0;
	}
	/* A thread's stack lies among the coroutines', the first one's far above. */
	if (pthread_create(&thread, NULL, place_run, arguments[1]) != 0)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
