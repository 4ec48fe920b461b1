#include "tests/preload/workload.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/tap.h"

enum {
	SLOT_COUNT = 4096,
	PAGE_BYTES = 8192, /* the heap's: an alignment beyond it makes an object large */
	LARGE_TAG = 1      /* of a slot: the object is of whole pages, whatever its size */
};

static uintptr_t slots[SLOT_COUNT];

static uint64_t next(struct workload *work)
{
	work->random ^= work->random << 13;
	work->random ^= work->random >> 7;
	work->random ^= work->random << 17;
	return work->random;
}

/* Mostly small; one in 64 is large. */
static size_t any_size(struct workload *work)
{
	uint64_t dice = next(work) % 64;

	if (dice == 0)
		return 32769 + next(work) % (1 << 20);
	if (dice < 8)
		return next(work) % 32769;
	if (dice < 24)
		return next(work) % 2048;
	return next(work) % 257;
}

static uintptr_t tagged(void *ptr, bool is_large)
{
	return (uintptr_t)ptr | (is_large ? LARGE_TAG : 0);
}

/* What the slot holds is the caller's now. */
static uintptr_t slot_exchange(struct workload *work, uintptr_t object)
{
	return __atomic_exchange_n(&slots[next(work) % SLOT_COUNT], object, __ATOMIC_ACQ_REL);
}

static void discard(struct workload *work, uintptr_t object)
{
	bool is_large = (object & LARGE_TAG) != 0;
	void *ptr = (void *)(object & ~(uintptr_t)LARGE_TAG);

	if (ptr == NULL)
		return;
	tally_free(&work->tally, ptr, is_large);
	free(ptr);
}

/* The ends of an object are written: an overlap would be seen by its owner. */
static void keep(struct workload *work, void *ptr, size_t align_bytes, size_t small_max_bytes)
{
	if (ptr == NULL)
		abort();
	bool is_large = align_bytes > PAGE_BYTES || malloc_usable_size(ptr) > small_max_bytes;
	tally_alloc(&work->tally, ptr, is_large);
	size_t usable = malloc_usable_size(ptr);
	memset(ptr, 0xa5, usable < 8 ? usable : 8);
	discard(work, slot_exchange(work, tagged(ptr, is_large)));
}

static void resize(struct workload *work)
{
	uintptr_t object = slot_exchange(work, 0);
	bool is_large = (object & LARGE_TAG) != 0;
	void *ptr = (void *)(object & ~(uintptr_t)LARGE_TAG);
	size_t before = malloc_usable_size(ptr), bytes = any_size(work) + 1;
	struct tally moved = {0};

	/* Grows step by step as often as it changes at all. */
	if (next(work) % 2 == 0)
		bytes = before + before / 4 + 1;
	if (bytes > 4 << 20)
		bytes = 1;
	if (ptr != NULL)
		tally_free(&moved, ptr, is_large);
	void *to = realloc(ptr, bytes);
	if (to == NULL)
		abort();
	size_t after = malloc_usable_size(to);
	if (to == ptr) {
		if (is_large)
			tally_resized(&work->tally, before, after);
	} else {
		is_large = after > (ptr == NULL || (!is_large && after < before)
					   ? TALLY_SMALL_MAX_BYTES
					   : TALLY_SHARED_MAX_BYTES);
		tally_alloc(&moved, to, is_large);
		tally_add(&work->tally, &moved);
	}
	discard(work, slot_exchange(work, tagged(to, is_large)));
}

static void *align(struct workload *work, size_t align_bytes)
{
	void *out = NULL;

	switch (next(work) % 3) {
	case 0:
		return memalign(align_bytes, any_size(work));
	case 1:
		return aligned_alloc(align_bytes, any_size(work));
	default:
		return posix_memalign(&out, align_bytes, any_size(work)) == 0 ? out : NULL;
	}
}

void workload_step(struct workload *work)
{
	uint64_t dice = next(work) % 32;

	if (dice < 12) {
		keep(work, malloc(any_size(work) + 8), 1, TALLY_SMALL_MAX_BYTES);
	} else if (dice < 14) {
		keep(work, calloc(1 + next(work) % 4, any_size(work) / 4 + 8), 1,
			TALLY_SMALL_MAX_BYTES);
	} else if (dice == 14) {
		size_t align_bytes = (size_t)16 << next(work) % 11;
		keep(work, align(work, align_bytes), align_bytes, TALLY_SMALL_MAX_BYTES);
	} else if (dice < 19) {
		resize(work);
	} else {
		discard(work, slot_exchange(work, 0));
	}
}

void workload_clear(struct workload *work)
{
	for (int i = 0; i < SLOT_COUNT; i++)
		discard(work, __atomic_exchange_n(&slots[i], 0, __ATOMIC_ACQ_REL));
}

uint64_t workload_seed(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;

	if (seed == 0)
		seed = ((uint64_t)time(NULL) << 20 ^ (uint64_t)getpid()) | 1;
	tap_note("seed %lu", seed);
	return seed;
}
