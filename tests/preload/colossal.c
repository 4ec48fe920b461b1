/*
 * colossal.c - heaps of a size that few tests have.
 *
 * Proves: six million objects live at a time, each its own, and are freed in random order;
 * a heap of 12 GiB, of objects of a quarter and of one and of sixteen MiB; one object of 8
 * GiB, grown by realloc in steps, which keeps what was in it.  The books are exact, and
 * afterwards hardly any memory is left.
 *
 * Of the large ones only a byte here and there is touched, with huge pages off: memory that
 * is not there is not needed.  What the machine cannot have is skipped: a case says how
 * much it needs, /proc/meminfo what there is.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/preload/tally.h"
#include "tests/preload/tap.h"

enum {
	OBJECTS = 6000000,
	MOST_BYTES = 96,
	LEFT_MIB = 128 /* tables for a heap of 12 GiB are a hundredth of it, half of them touched */
};

static const size_t HEAP_BYTES = (size_t)12 << 30, OBJECT_BYTES = (size_t)8 << 30;
static const size_t MIB = 1 << 20;

/* A line of /proc/meminfo, in MiB. */
static size_t machine_mib(const char *name)
{
	char line[128], format[64];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	snprintf(format, sizeof(format), "%s: %%lu", name);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, format, &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kib / 1024;
}

static size_t resident_mib(void)
{
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (statm == NULL || fscanf(statm, "%*u %lu", &pages) != 1)
		abort();
	fclose(statm);
	return pages * (size_t)sysconf(_SC_PAGESIZE) / MIB;
}

static int policy(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "r");
	int answer = file != NULL ? fgetc(file) : '?';

	if (file != NULL)
		fclose(file);
	return answer;
}

/* Whether there is so much to be touched, and so much to be had in one mapping. */
static bool is_possible(const char *name, size_t touched_mib, size_t mapped_mib)
{
	struct rlimit limit;
	const char *why = NULL;

	if (machine_mib("MemAvailable") < touched_mib)
		why = "too little memory";
	else if (mapped_mib != 0 && policy() == '2')
		why = "memory is not overcommitted";
	else if (policy() == '0' && machine_mib("MemTotal") + machine_mib("SwapTotal") < mapped_mib)
		why = "the kernel refuses more than the machine has";
	else if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		why = "the address space is limited";
	if (why != NULL)
		tap_ok(true, "%s # SKIP %s", name, why);
	return why == NULL;
}

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static uint32_t *table_of(size_t count)
{
	void *memory = mmap(NULL, count * sizeof(uint32_t *), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

static void test_many(void)
{
	uint32_t **objects = (uint32_t **)(void *)table_of(OBJECTS);
	uint64_t random = 42;
	size_t good = 0;

	if (objects == NULL)
		abort();
	struct mstat_snapshot before = snapshot_take();
	for (uint32_t i = 0; i < OBJECTS; i++) {
		size_t bytes = sizeof(uint32_t) + next(&random) % (MOST_BYTES - sizeof(uint32_t));
		objects[i] = malloc(bytes);
		if (objects[i] == NULL)
			abort();
		*objects[i] = i;
	}
	struct mstat_snapshot full = snapshot_take();
	tap_is(OBJECTS, (long long)(full.nmalloc - before.nmalloc), "six million objects live");
	snapshot_adds_up(&full, "the sums hold");
	for (uint32_t i = 0; i < OBJECTS; i++)
		good += *objects[i] == i;
	tap_is(OBJECTS, (long long)good, "each is its own");
	for (uint32_t left = OBJECTS; left > 0; left--) {
		uint32_t index = (uint32_t)(next(&random) % left);
		free(objects[index]);
		objects[index] = objects[left - 1];
	}
	struct mstat_snapshot after = snapshot_take();
	tap_is(OBJECTS, (long long)(after.nfree - full.nfree), "and are freed in random order");
	munmap(objects, OBJECTS * sizeof(uint32_t *));
	malloc_trim(0);
	tap_ok(resident_mib() < LEFT_MIB, "then %zu MiB are left", resident_mib());
}

static void test_heap(void)
{
	static char *objects[65536];
	size_t total = 0, good = 0, count = 0;

	struct mstat_snapshot before = snapshot_take();
	for (; total < HEAP_BYTES && count < sizeof(objects) / sizeof(objects[0]); count++) {
		size_t bytes = count % 32 == 0 ? 16 * MIB : count % 4 == 0 ? MIB : MIB / 4;
		objects[count] = malloc(bytes);
		if (objects[count] == NULL)
			break;
		memcpy(objects[count], &count, sizeof(count));
		objects[count][bytes - 1] = (char)count;
		total += bytes;
	}
	struct mstat_snapshot full = snapshot_take();
	tap_ok(total >= HEAP_BYTES && full.alloc - before.alloc >= HEAP_BYTES,
		"a heap of %zu MiB in %zu objects", total / MIB, count);
	tap_note("%zu MiB are resident", resident_mib());
	snapshot_adds_up(&full, "the sums hold");
	for (size_t i = 0; i < count; i++) {
		size_t bytes = i % 32 == 0 ? 16 * MIB : i % 4 == 0 ? MIB : MIB / 4;
		good += memcmp(objects[i], &i, sizeof(i)) == 0 && objects[i][bytes - 1] == (char)i;
	}
	tap_is((long long)count, (long long)good, "each object is its own");
	for (size_t i = 0; i < count; i += 2)
		free(objects[i]);
	for (size_t i = 1; i < count; i += 2)
		free(objects[i]);
	struct mstat_snapshot after = snapshot_take();
	tap_is((long long)before.alloc, (long long)after.alloc, "and is freed");
	malloc_trim(0);
	tap_ok(resident_mib() < LEFT_MIB, "then %zu MiB are left", resident_mib());
}

/* At each step a byte at its end is written; all those before are still there. */
static void test_object(void)
{
	static size_t marks[4096];
	size_t count = 0, good = 0;
	char *object = NULL, *other = NULL;

	for (size_t bytes = MIB / 2; bytes <= OBJECT_BYTES; bytes += bytes / 4 + 4097) {
		char *grown = realloc(object, bytes);
		if (grown == NULL)
			break;
		object = grown;
		/* What stands behind it now and then, so that it has to move. */
		if (count % 3 == 0) {
			free(other);
			other = malloc(MIB);
		}
		marks[count] = bytes - 1;
		object[bytes - 1] = (char)(count++ * 37);
	}
	char *whole = realloc(object, OBJECT_BYTES);
	tap_ok(whole != NULL, "one object grows to 8 GiB in %zu steps", count);
	if (whole == NULL)
		return;
	whole[OBJECT_BYTES - 1] = 1;
	tap_ok(malloc_usable_size(whole) >= OBJECT_BYTES, "all of it is usable");
	for (size_t i = 0; i < count; i++)
		good += whole[marks[i]] == (char)(i * 37);
	tap_is((long long)count, (long long)good, "what was written on the way is in it");
	whole = realloc(whole, 100);
	tap_ok(whole != NULL && malloc_usable_size(whole) < 1000, "and it is made small again");
	free(whole);
	free(other);
	malloc_trim(0);
	tap_ok(resident_mib() < LEFT_MIB, "then %zu MiB are left", resident_mib());
}

int main(void)
{
	tap_begin();
	tally_init();
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (is_possible("six million objects", 1024, 0))
		test_many();
	if (is_possible("a heap of 12 GiB", 1024, 256))
		test_heap();
	if (is_possible("an object of 8 GiB", 512, 9 << 10))
		test_object();
	return tap_done();
}
