/*
 * exhaustion.c - what happens when the kernel gives no more memory.
 *
 * Proves: under RLIMIT_AS a request that cannot be met gives NULL and ENOMEM at
 * once, small or large, from every entry point; objects that live stay whole, and
 * making one smaller still works; the heap works on with what is freed; threads
 * that have no memory even for their own magazines get NULL, and memory once
 * there is some; the books are exact through all of it.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/preload/tally.h"
#include "tests/preload/tap.h"

enum { ROOM_BYTES = 64 << 20, KEPT_MAX = 4 << 20, THREADS = 8 };

static char *kept[KEPT_MAX];
static struct tally tally;
static pthread_barrier_t at_limit, tried, has_room, has_worked;

/* Some bytes more than the process has now; 0: no limit. */
static void limit_address_space(size_t more_bytes)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	FILE *statm = more_bytes != 0 ? fopen("/proc/self/statm", "r") : NULL;
	unsigned long pages = 0;

	if (statm != NULL) {
		if (fscanf(statm, "%lu", &pages) != 1)
			abort();
		fclose(statm);
		limit.rlim_cur = pages * 4096 + more_bytes;
	}
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		abort();
}

static bool is_large(size_t bytes)
{
	return bytes > TALLY_SMALL_MAX_BYTES;
}

static void release(char *object, size_t bytes)
{
	tally_free(&tally, object, is_large(bytes));
	free(object);
}

static void keep(char *object, size_t bytes, size_t index)
{
	tally_alloc(&tally, object, is_large(bytes));
	*(size_t *)object = index;
	*(size_t *)(object + bytes - sizeof(size_t)) = ~index;
	kept[index] = object;
}

/* Objects of this size until there are none; how many. */
static size_t fill(size_t bytes, size_t from)
{
	size_t count = from;

	while (count < KEPT_MAX) {
		errno = 77;
		char *object = malloc(bytes);
		if (object == NULL)
			break;
		keep(object, bytes, count++);
	}
	return count;
}

static bool are_whole(size_t bytes, size_t count, size_t step)
{
	for (size_t i = 0; i < count; i += step)
		if (*(size_t *)kept[i] != i || *(size_t *)(kept[i] + bytes - sizeof(size_t)) != ~i)
			return false;
	return true;
}

/* What lay unused in the heap may come to light with time: it is kept. */
static bool is_refused(char *object, size_t bytes, size_t *count)
{
	if (object == NULL)
		return errno == ENOMEM;
	keep(object, bytes, (*count)++);
	errno = 0;
	return true;
}

/* Nothing left: what each entry point says.  How many objects there are then. */
static size_t test_refusals(size_t bytes, size_t from)
{
	size_t count = from;
	bool refused = true;

	for (int i = 0; i < 1000 && refused; i++) {
		void *out = NULL;
		errno = 0;
		refused = is_refused(malloc(bytes), bytes, &count);
		errno = 0;
		refused = refused && is_refused(calloc(1, bytes), bytes, &count);
		errno = 0;
		refused = refused && is_refused(realloc(NULL, bytes), bytes, &count);
		errno = 0;
		refused = refused && is_refused(memalign(16, bytes), bytes, &count);
		errno = 0;
		refused = refused && is_refused(aligned_alloc(32, bytes), bytes, &count);
		errno = posix_memalign(&out, 16, bytes);
		refused = refused && is_refused(out, bytes, &count);
	}
	tap_ok(refused && (count - from) * bytes < ROOM_BYTES / 16,
		"every entry point goes on refusing %zu bytes", bytes);
	return count;
}

static void test_size(size_t bytes)
{
	struct mstat_snapshot before = snapshot_take();
	char name[80];

	memset(&tally, 0, sizeof(tally));
	size_t count = fill(bytes, 0);
	tap_ok(errno == ENOMEM && count * bytes > ROOM_BYTES / 2,
		"%zu objects of %zu bytes, then ENOMEM", count, bytes);
	count = test_refusals(bytes, count);
	char *grown = realloc(kept[0], 2 * ROOM_BYTES);
	tap_ok(grown == NULL && errno == ENOMEM && are_whole(bytes, count, 1),
		"a realloc that fails and all that live are whole");
	for (size_t i = 1; i < count; i += 2)
		release(kept[i], bytes);
	size_t odd = count / 2, again = fill(bytes, count) - count;
	tap_ok(again + odd / 16 + 64 >= odd, "%zu freed, %zu allocated again", odd, again);
	tap_ok(are_whole(bytes, count, 2), "the others are whole");
	for (size_t i = 0; i < count; i += 2)
		release(kept[i], bytes);
	for (size_t i = count; i < count + again; i++)
		release(kept[i], bytes);
	struct mstat_snapshot after = snapshot_take();
	snprintf(name, sizeof(name), "the books of objects of %zu bytes are exact", bytes);
	tally_is_difference(&tally, &before, &after, name);
	void *large = malloc(ROOM_BYTES / 4), *small = malloc(100);
	tap_ok(large != NULL && small != NULL, "what was freed serves other sizes");
	free(large);
	free(small);
}

/* glibc never fails to make an object smaller. */
static void test_shrink(void)
{
	char *small = malloc(30000), *large = malloc(1 << 20);
	size_t count;

	memcpy(small, "stays", 6);
	memcpy(large, "stays", 6);
	count = fill(40000, 0);
	count = fill(64, count);
	count = fill(16, count);
	small = realloc(small, 48);
	tap_ok(small != NULL && memcmp(small, "stays", 6) == 0,
		"a small object is made smaller with no memory left");
	large = realloc(large, 48);
	tap_ok(large != NULL && memcmp(large, "stays", 6) == 0, "and so is a large one");
	for (size_t i = 0; i < count; i++)
		free(kept[i]);
	free(small);
	free(large);
}

/* 1: it did as it should. */
static void *thread_run(void *arg)
{
	bool good = true;

	pthread_barrier_wait(&at_limit);
	for (int i = 0; i < 100; i++) {
		errno = 0;
		good = good && malloc(1 << 20) == NULL && errno == ENOMEM;
		void *small = malloc(64);
		good = good && (small != NULL || errno == ENOMEM);
		free(small);
	}
	pthread_barrier_wait(&tried);
	pthread_barrier_wait(&has_room);
	for (int i = 0; i < 1000; i++) {
		void *small = malloc(64), *large = malloc(100000);
		good = good && small != NULL && large != NULL;
		free(small);
		free(large);
	}
	pthread_barrier_wait(&has_worked);
	(void)arg;
	return good ? (void *)1 : NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	long good = 0;

	pthread_barrier_init(&at_limit, NULL, THREADS + 1);
	pthread_barrier_init(&tried, NULL, THREADS + 1);
	pthread_barrier_init(&has_room, NULL, THREADS + 1);
	pthread_barrier_init(&has_worked, NULL, THREADS + 1);
	limit_address_space(0);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_run, NULL) != 0)
			abort();
	limit_address_space(ROOM_BYTES);
	size_t count = fill(1 << 20, 0);
	count = fill(40000, count);
	count = fill(64, count);
	pthread_barrier_wait(&at_limit);
	pthread_barrier_wait(&tried);
	for (size_t i = 0; i < count; i++)
		free(kept[i]);
	pthread_barrier_wait(&has_room);
	pthread_barrier_wait(&has_worked);
	for (int i = 0; i < THREADS; i++) {
		void *result;
		pthread_join(threads[i], &result);
		good += result != NULL;
	}
	tap_is(THREADS, good, "threads that begin with no memory left get NULL, later memory");
}

int main(void)
{
	tap_begin();
	tally_init();
	limit_address_space(ROOM_BYTES);
	static const size_t sizes[] = {64, 100, 2000, 32768, 100000, 1 << 20, 5 << 20};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		test_size(sizes[i]);
	test_shrink();
	test_threads();
	limit_address_space(0);
	void *large = malloc(4 * (size_t)ROOM_BYTES);
	tap_ok(large != NULL, "without the limit the heap grows again");
	free(large);
	return tap_done();
}
