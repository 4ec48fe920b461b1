/*
 * tinyfin.c - a hundred small integers with finalizers, out of reach: tinyfin of the Go
 * runtime's own tests, as a C program.
 *
 * Proves: finalizers work for combined objects: each gets its own value, none runs twice,
 * and most run.  Some may be held by what looks like a pointer to their block.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

enum { INTEGERS = 100, COLLECTIONS = 4 };

#pragma weak mstat_alloc
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set

static bool is_done[INTEGERS];
static int left = INTEGERS, corrupted, twice;

static void finish(void *ptr, void *arg)
{
	int32_t value = *(int32_t *)ptr;

	(void)arg;
	if (value < 0 || value >= INTEGERS) {
		corrupted++;
		return;
	}
	twice += is_done[value];
	is_done[value] = true;
	left--;
}

/* In a thread of its own, so that no pointer is left on this one's stack. */
static void *make(void *argument)
{
	for (int32_t i = 0; i < INTEGERS; i++) {
		int32_t *integer = mstat_alloc(sizeof(*integer), MSTAT_NOSCAN | MSTAT_COLLECTABLE);
		*integer = i;
		mstat_finalizer_set(integer, finish, NULL);
	}
	return argument;
}

int main(void)
{
	const struct timespec rest = {.tv_nsec = 10000000};
	pthread_t thread;

	tap_begin();
	pthread_create(&thread, NULL, make, NULL);
	pthread_join(thread, NULL);
	for (int i = 0; i < COLLECTIONS; i++) {
		tap_ok(mstat_collect() >= 0, "collection %d", i + 1);
		nanosleep(&rest, NULL);
	}
	tap_is(0, corrupted, "each has its own value");
	tap_is(0, twice, "none is finalized twice");
	if (!tap_ok(left < INTEGERS / 4, "most of them are finalized"))
		tap_note("%d of %d are not", left, INTEGERS);
	return tap_done();
}
