/*
 * alignments.c - aligned objects, many at once.
 *
 * WHY        memalign(256, 256) has come back misaligned from allocators whose slabs
 *            begin with something else, and only the second one, or the ninth.
 *
 * Proves: of each alignment to 128 KiB, sizes around its multiples: each of a dozen
 * that live at the same time is aligned, all of malloc_usable_size() is its own, and a
 * resize keeps what it holds; at 4 MiB to 1 GiB several live at a time, and cost no more
 * memory than they touch.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/tap.h"

enum { AT_ONCE = 12, SIZES = 14, SIZE_MAX_BYTES = 600000, HUGE_RSS_MAX_BYTES = 128 << 20 };

static void *made[AT_ONCE * SIZES];
static unsigned char filled_with[AT_ONCE * SIZES];
static int count;

static void *allocate(int way, size_t alignment, size_t bytes)
{
	void *out = NULL;

	switch (way) {
	case 0:
		return memalign(alignment, bytes);
	case 1:
		return aligned_alloc(alignment, bytes);
	default:
		return posix_memalign(&out, alignment, bytes) == 0 ? out : NULL;
	}
}

static bool make(int way, size_t alignment, size_t bytes)
{
	unsigned char *object = allocate(way, alignment, bytes);

	if (object == NULL || (uintptr_t)object % alignment != 0 || malloc_usable_size(object) < bytes) {
		tap_note("way %d, alignment %zu, %zu bytes: %p", way, alignment, bytes, (void *)object);
		return false;
	}
	filled_with[count] = (unsigned char)(count * 37 + 1);
	memset(object, filled_with[count], malloc_usable_size(object));
	made[count++] = object;
	return true;
}

static bool is_whole(const unsigned char *object, size_t bytes, unsigned char with)
{
	return bytes == 0 || (object[0] == with && memcmp(object, object + 1, bytes - 1) == 0);
}

static bool are_whole(void)
{
	for (int i = 0; i < count; i++)
		if (!is_whole(made[i], malloc_usable_size(made[i]), filled_with[i]))
			return false;
	return true;
}

/* Half of them grow or shrink first. */
static bool unmake(void)
{
	bool kept = true;

	for (int i = 0; i < count; i++) {
		size_t before = malloc_usable_size(made[i]);
		size_t after = i % 4 == 0 ? before * 2 + 1 : before / 3 + 1;
		if (i % 2 == 0) {
			made[i] = realloc(made[i], after);
			kept = kept && made[i] != NULL &&
				is_whole(made[i], before < after ? before : after, filled_with[i]);
		}
		free(made[i]);
	}
	count = 0;
	return kept;
}

static void test_alignment(size_t alignment)
{
	const size_t sizes[SIZES] = {0, 1, alignment / 2, alignment - 1, alignment, alignment + 1,
		2 * alignment - 1, 2 * alignment, 2 * alignment + 1, 3 * alignment, 5 * alignment,
		8 * alignment, 8 * alignment + 1, 24};
	bool aligned = true, whole = true, kept = true;

	for (int way = 0; way < 3; way++) {
		for (int i = 0; i < AT_ONCE * SIZES; i++) {
			size_t bytes = sizes[i % SIZES];
			aligned = make(way, alignment, bytes < SIZE_MAX_BYTES ? bytes : 1) && aligned;
		}
		whole = are_whole() && whole;
		kept = unmake() && kept;
	}
	tap_ok(aligned && whole && kept, "alignment %zu: aligned, apart, and kept by a resize", alignment);
}

static long resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	if (statm != NULL && fscanf(statm, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (statm != NULL)
		fclose(statm);
	return resident * 4096;
}

static void test_huge_alignments(void)
{
	long before = resident_bytes();
	bool aligned = true;

	for (size_t alignment = (size_t)4 << 20; alignment <= (size_t)1 << 30; alignment *= 4)
		for (int i = 0; i < 4; i++)
			aligned = make(i % 3, alignment, i % 2 == 0 ? 100 : (3 << 20) + 1) && aligned;
	aligned = make(0, (size_t)1 << 30, 100) && aligned;
	bool whole = are_whole();
	long taken = resident_bytes() - before;
	tap_ok(aligned && whole && unmake(), "alignments of 4 MiB to 1 GiB, several at a time");
	tap_ok(taken < HUGE_RSS_MAX_BYTES, "which take %ld KiB of memory, for 33 MiB touched", taken >> 10);
}

int main(void)
{
	tap_begin();
	for (size_t alignment = 8; alignment <= 128 << 10; alignment *= 2)
		test_alignment(alignment);
	test_huge_alignments();
	return tap_done();
}
