/*
 * moments.c - malloc at moments when a process is not quite there: in constructors
 * and destructors, in atexit handlers, in destructors of thread-local values and
 * keys of any order, on small stacks, in threads by the thousand.
 *
 * Proves: what is allocated at one moment can be freed at any later one, by
 * whichever thread; each allocation is counted even when the thread's own cache is
 * gone; 100,000 threads that come and go leave the heap as large as the first 1,000, and
 * the process too.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/preload/tally.h"
#include "tests/preload/tap.h"

enum {
	KEYS = 40,            /* more than libc keeps in the thread itself */
	KEY_THREADS = 64,
	CROWD = 100000,
	CROWD_AT_ONCE = 50,
	SMALL_STACK_BYTES = 16384
};

static char *from_constructor, *from_early_constructor;
static pthread_key_t keys[KEYS];
static int destructor_runs;
static bool destructors_good = true;

static bool is_usable(void *ptr, size_t bytes)
{
	if (ptr == NULL || malloc_usable_size(ptr) < bytes)
		return false;
	memset(ptr, 0x5a, bytes);
	return true;
}

__attribute__((constructor(101))) static void early_constructor(void)
{
	from_early_constructor = malloc(100);
}

__attribute__((constructor)) static void constructor(void)
{
	from_constructor = realloc(from_early_constructor, 100000);
}

/* After everything: nothing is left to report to but the exit status. */
__attribute__((destructor)) static void destructor(void)
{
	char *object = malloc(1000);

	if (!is_usable(object, 1000) || !is_usable(from_constructor, 100000))
		_exit(9);
	free(object);
	free(from_constructor);
}

static void at_exit(void)
{
	char *object = calloc(10, 100);

	if (!is_usable(object, 1000))
		_exit(8);
	free(object);
}

/* Each allocates, frees what its key held, and sets another key again. */
static void key_destructor(void *value)
{
	uintptr_t *object = value;
	uintptr_t left = object[0];

	__atomic_fetch_add(&destructor_runs, 1, __ATOMIC_RELAXED);
	free(object);
	void *other = malloc(3000), *large = malloc(50000);
	if (!is_usable(other, 3000) || !is_usable(large, 50000))
		destructors_good = false;
	free(other);
	free(large);
	if (left > 0) {
		uintptr_t *next = malloc(64);
		next[0] = left - 1;
		pthread_setspecific(keys[left % KEYS], next);
	}
}

static void *key_thread(void *arg)
{
	for (int i = 0; i < KEYS; i++) {
		uintptr_t *object = malloc(64);
		object[0] = i % 2 == 0 ? 20 : 0;
		pthread_setspecific(keys[i], object);
	}
	return malloc(77 + (uintptr_t)arg % 100);
}

static void test_keys(void)
{
	pthread_t thread;
	struct mstat_snapshot before, after;

	/* The first thread leaves what libc keeps: its stack, and the like. */
	for (int i = 0; i < KEYS; i++)
		pthread_key_create(&keys[i], key_destructor);
	for (int i = 0; i <= KEY_THREADS; i++) {
		void *result;
		if (i == 1)
			before = snapshot_take();
		if (pthread_create(&thread, NULL, key_thread, (void *)(uintptr_t)i) != 0)
			abort();
		pthread_join(thread, &result);
		free(result);
	}
	after = snapshot_take();
	tap_ok(destructors_good && destructor_runs > KEYS * KEY_THREADS,
		"%d destructors of keys allocated and freed", destructor_runs);
	/* Those that a last round sets again are lost to any allocator: libc stops
	   after PTHREAD_DESTRUCTOR_ITERATIONS. */
	long lost = (long)(after.nmalloc - after.nfree - before.nmalloc + before.nfree);
	tap_ok(lost % KEY_THREADS == 0, "the same number lives on of each thread: %ld of all", lost);
	for (int i = 0; i < KEYS; i++)
		pthread_key_delete(keys[i]);
}

/* Frees in the first round of destructors, or in the second. */
static void late_destructor(void *value)
{
	static __thread bool is_second;

	if (!is_second && *(int *)value % 2 != 0)
		pthread_setspecific(keys[0], value);
	else
		free(value);
	is_second = true;
}

static void *late_thread(void *arg)
{
	pthread_setspecific(keys[0], arg);
	return NULL;
}

static void test_threads_that_only_free_at_their_end(void)
{
	pthread_t thread;

	pthread_key_create(&keys[0], late_destructor);
	for (int i = 0; i < KEY_THREADS; i++) {
		int *object = malloc(sizeof(*object));
		*object = i;
		if (pthread_create(&thread, NULL, late_thread, object) != 0)
			abort();
		pthread_join(thread, NULL);
	}
	pthread_key_delete(keys[0]);
	struct mstat_snapshot now = snapshot_take();
	tap_is(1, (long long)now.thread_count,
		"threads that use the heap only in a destructor leave the books");
}

static void *small_stack_thread(void *arg)
{
	bool good = true;

	for (size_t bytes = 1; bytes < 300000; bytes += bytes / 3 + 1) {
		void *object = malloc(bytes), *aligned = memalign(4096, bytes);
		good = good && is_usable(object, bytes) && is_usable(aligned, bytes);
		object = realloc(object, 2 * bytes);
		good = good && is_usable(object, 2 * bytes);
		free(object);
		free(aligned);
	}
	malloc_trim(0);
	(void)arg;
	return good ? from_constructor : NULL;
}

static void test_small_stack(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *result = NULL;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, SMALL_STACK_BYTES);
	if (pthread_create(&thread, &attributes, small_stack_thread, NULL) == 0)
		pthread_join(thread, &result);
	tap_ok(result != NULL, "a stack of 16 KiB is enough for every path");
}

static pthread_barrier_t at_once;

/* Frees what the one before it allocated.  With an argument: while all others are there. */
static void *crowd_thread(void *arg)
{
	static void *left_behind;
	void *objects[30];

	for (int i = 0; i < 30; i++)
		objects[i] = malloc(16 << i % 10);
	if (arg != NULL)
		pthread_barrier_wait(&at_once);
	for (int i = 0; i < 30; i++)
		free(objects[i]);
	free(__atomic_exchange_n(&left_behind, malloc(500), __ATOMIC_ACQ_REL));
	free(malloc(60000));
	return arg;
}

static void crowd_run(int count, void *arg)
{
	pthread_t threads[CROWD_AT_ONCE];

	for (int done = 0; done < count; done += CROWD_AT_ONCE) {
		for (int i = 0; i < CROWD_AT_ONCE; i++)
			if (pthread_create(&threads[i], NULL, crowd_thread, arg) != 0)
				abort();
		for (int i = 0; i < CROWD_AT_ONCE; i++)
			pthread_join(threads[i], NULL);
	}
}

static long resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size, resident;

	if (statm == NULL || fscanf(statm, "%ld %ld", &size, &resident) != 2)
		abort();
	fclose(statm);
	return resident * 4096;
}

static void test_crowd(void)
{
	pthread_barrier_init(&at_once, NULL, CROWD_AT_ONCE);
	crowd_run(1000, &at_once);
	long resident = resident_bytes();
	struct mstat_snapshot before = snapshot_take();
	crowd_run(CROWD - 1000, NULL);
	struct mstat_snapshot after = snapshot_take();
	resident = resident_bytes() - resident;
	tap_ok(after.nmalloc - before.nmalloc >= (uint64_t)(CROWD - 1000) * 32,
		"%d threads came and went", (int)CROWD);
	tap_ok(after.sys <= before.sys + (4 << 20), "the heap took no more address space: %+ld bytes",
		(long)(after.sys - before.sys));
	tap_ok(resident <= 4 << 20, "the process took no more memory: %+ld bytes", resident);
	tap_ok(after.alloc <= before.alloc + 4096, "no more lives than did: %+ld bytes",
		(long)(after.alloc - before.alloc));
	tap_is(1, (long long)after.thread_count, "one thread is left in the books");
	snapshot_adds_up(&after, "the sums hold");
}

static void *read_thread(void *arg)
{
	struct mstat_thread_snapshot now = {.struct_bytes = sizeof(now)};

	errno = 0;
	bool unknown = mstat_thread_snapshot(0, &now) == -1 && errno == ESRCH;
	free(malloc(10));
	(void)arg;
	return unknown && mstat_thread_snapshot(0, &now) == 0 && now.nmalloc == 1 && now.nfree == 1
		? from_constructor
		: NULL;
}

static void test_first_allocation(void)
{
	pthread_t thread;
	void *result = NULL;

	if (pthread_create(&thread, NULL, read_thread, NULL) == 0)
		pthread_join(thread, &result);
	tap_ok(result != NULL, "a thread's figures begin with its first allocation, in a used slot too");
}

int main(void)
{
	tap_begin();
	tally_init();
	tap_ok(is_usable(from_constructor, 100000), "what a constructor allocated is there");
	atexit(at_exit);
	test_keys();
	test_threads_that_only_free_at_their_end();
	test_small_stack();
	test_first_allocation();
	test_crowd();
	return tap_done();
}
