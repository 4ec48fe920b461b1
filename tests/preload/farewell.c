/*
 * farewell.c - threads that end by pthread_exit() and pthread_cancel(), with cleanup
 * handlers that allocate and free.
 *
 * Proves: malloc and free, on whatever path, are no place where a thread is cancelled;
 * each handler runs, and what it allocates and frees is counted; nothing is lost, and no
 * thread stays in the books.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/tally.h"
#include "tests/preload/tap.h"

enum { HANDLERS = 20, ROUNDS = 40, THREADS = 200, OBJECTS = 300 };

static int handlers_run, is_past;
static volatile size_t impossible = PTRDIFF_MAX;

static void tidy_up(void *arg)
{
	void **place = arg;
	char *other = malloc(20000);

	*place = realloc(*place, 5000);
	memset(*place, 1, 5000);
	memset(other, 2, 20000);
	free(*place);
	free(other);
	__atomic_fetch_add(&handlers_run, 1, __ATOMIC_RELAXED);
}

static void nap(long milliseconds)
{
	struct timespec rest = {0, milliseconds * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

/* Every path: the first allocation of the thread, growth, giving back, what is refused,
   and what the library does at intervals, which the pauses make pass; nap() is a place to
   be cancelled at. */
static void work(void)
{
	void *objects[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++)
		objects[i] = malloc(i * i * 3);
	for (size_t i = 0; i < OBJECTS; i++)
		objects[i] = realloc(objects[i], i * 700 + 1);
	for (size_t i = 0; i < OBJECTS; i++)
		free(objects[i]);
	errno = 0;
	if (malloc(impossible) != NULL || errno != ENOMEM)
		abort();
	malloc_trim(0);
}

static void *asked_while_it_works(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_cancel(pthread_self());
	for (int i = 0; i < ROUNDS; i++) {
		work();
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		nap(10);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	}
	__atomic_store_n(&is_past, 1, __ATOMIC_RELAXED);
	pthread_testcancel();
	return arg;
}

static void test_no_place_to_be_cancelled(void)
{
	pthread_t thread;
	void *result = NULL;

	if (pthread_create(&thread, NULL, asked_while_it_works, NULL) != 0)
		abort();
	pthread_join(thread, &result);
	tap_ok(is_past == 1, "no path of malloc or free is a place to be cancelled at");
	tap_ok(result == PTHREAD_CANCELED, "and the thread is cancelled at the next one");
}

/* Nested, each with an object of its own; then the end, of one kind or the other. */
static void end_within(int depth, intptr_t kind)
{
	void *object = malloc((size_t)depth * 100);

	pthread_cleanup_push(tidy_up, &object);
	if (depth < HANDLERS)
		end_within(depth + 1, kind);
	else if (kind % 2 == 0)
		pthread_exit(malloc(77));
	else
		pause(); /* until it is cancelled */
	pthread_cleanup_pop(1);
}

static void *end(void *arg)
{
	end_within(1, (intptr_t)arg);
	return NULL;
}

static void threads_end(void)
{
	static pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, end, (void *)(intptr_t)i) != 0)
			abort();
	for (int i = 0; i < THREADS; i++) {
		void *result;
		if (i % 2 != 0)
			pthread_cancel(threads[i]);
		pthread_join(threads[i], &result);
		if ((result == PTHREAD_CANCELED) != (i % 2 != 0))
			abort();
		if (i % 2 == 0)
			free(result);
	}
}

static void test_ends(void)
{
	threads_end(); /* what libc keeps of threads it has then */
	handlers_run = 0;
	struct mstat_snapshot before = snapshot_take();
	threads_end();
	struct mstat_snapshot after = snapshot_take();
	tap_is(THREADS * HANDLERS, handlers_run, "each cleanup handler of each thread has run");
	tap_is((long long)(before.nmalloc - before.nfree), (long long)(after.nmalloc - after.nfree),
		"what they allocated is freed");
	tap_is(1, (long long)after.thread_count, "no thread stays in the books");
	snapshot_adds_up(&after, "the sums hold");
}

int main(void)
{
	tap_begin();
	tally_init();
	test_no_place_to_be_cancelled();
	test_ends();
	return tap_done();
}
