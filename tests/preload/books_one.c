/*
 * books_one.c - the books of one thread against an independent count.
 *
 * Proves: at any moment of a random workload, every figure of mstat_snapshot()
 * and of mstat_thread_snapshot() differs from an earlier one by exactly what was
 * counted in between; every size allocated and freed returns the books to where
 * they were; the sums that mstat.h states hold.
 */
#include <malloc.h>
#include <stdlib.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { ROUNDS = 200, STEPS = 5000 };

static struct mstat_thread_snapshot thread_take(void)
{
	struct mstat_thread_snapshot now = {.struct_bytes = sizeof(now)};

	if (mstat_thread_snapshot(0, &now) != 0)
		abort();
	return now;
}

/* Random stretches; the first that is not exact ends it. */
static void test_random(uint64_t seed)
{
	static struct workload work;
	struct mstat_snapshot before = snapshot_take(), after;
	struct mstat_thread_snapshot thread_before = thread_take();
	struct tally empty = {0};
	int rounds = 0;

	work.random = seed;
	while (rounds < ROUNDS) {
		uint64_t steps = 1 + work.random % STEPS;
		for (uint64_t i = 0; i < steps; i++)
			workload_step(&work);
		after = snapshot_take();
		rounds++;
		if (tally_distance(&work.tally, &before, &after) != 0)
			break;
	}
	struct mstat_thread_snapshot thread_after = thread_take();
	tally_is_difference(&work.tally, &before, &after, "after a random workload the books are exact");
	tap_is(ROUNDS, rounds, "and were at every stop");
	tally_is_thread(&work.tally, &thread_before, &thread_after, "and this thread's figures");
	snapshot_adds_up(&after, "the sums hold");
	workload_clear(&work);
	after = snapshot_take();
	tally_is_difference(&work.tally, &before, &after, "exact again when all is freed");
	tap_is((long long)before.alloc, (long long)after.alloc, "and what lives is what lived");
	malloc_trim(0);
	struct mstat_snapshot trimmed = snapshot_take();
	tally_is_difference(&empty, &after, &trimmed, "giving memory back counts nothing");
	tap_is(0, (long long)trimmed.magazine_bytes, "and leaves the magazines empty");
}

/* Every size, allocated and freed, and many of them at once. */
static void test_every_size(void)
{
	struct mstat_snapshot before = snapshot_take(), after;
	struct tally tally = {0};
	static void *many[1000];

	for (size_t bytes = 1; bytes <= 100000; bytes += bytes < 4096 ? 1 : 97) {
		void *object = malloc(bytes);
		bool is_large = bytes > TALLY_SMALL_MAX_BYTES;
		tally_alloc(&tally, object, is_large);
		tally_free(&tally, object, is_large);
		free(object);
	}
	for (size_t bytes = 16; bytes <= 65536; bytes *= 2) {
		bool is_large = bytes > TALLY_SMALL_MAX_BYTES;
		for (int i = 0; i < 1000; i++)
			tally_alloc(&tally, many[i] = malloc(bytes), is_large);
		for (int i = 0; i < 1000; i++) {
			tally_free(&tally, many[i], is_large);
			free(many[i]);
		}
	}
	after = snapshot_take();
	tally_is_difference(&tally, &before, &after, "every size allocated and freed is counted");
	tap_is((long long)before.alloc, (long long)after.alloc, "and alloc is where it was");
}

/* What counts as an allocation and what does not. */
static void test_realloc(void)
{
	struct mstat_snapshot before, after;
	void *object = malloc(100);

	before = snapshot_take();
	object = realloc(object, 104);
	after = snapshot_take();
	tap_is(0, (long long)(after.nmalloc - before.nmalloc + after.nfree - before.nfree),
		"a realloc in place is no allocation");
	object = realloc(object, 5000);
	after = snapshot_take();
	tap_ok(after.nmalloc - before.nmalloc == 1 && after.nfree - before.nfree == 1,
		"one that moves is one malloc and one free");
	object = realloc(object, 10 << 20);
	before = snapshot_take();
	object = realloc(object, 5 << 20);
	after = snapshot_take();
	tap_is(0, (long long)(after.nmalloc - before.nmalloc + after.nfree - before.nfree),
		"a large object cut short is no allocation");
	tap_is(-(5 << 20), (long long)(after.alloc - before.alloc), "but fewer bytes live");
	tap_is(0, (long long)(after.total_alloc - before.total_alloc), "and none were handed out");
	free(object);
}

int main(int argc, char **argv)
{
	tap_begin();
	uint64_t seed = workload_seed(argc, argv);
	tally_init();
	free(malloc(1));
	test_every_size();
	test_realloc();
	test_random(seed);
	return tap_done();
}
