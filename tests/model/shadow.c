#include "tests/model/shadow.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/model/kernel.h"

enum {
	LEAF_SHIFT = 32,        /* a leaf is for 4 GiB of addresses */
	LEAF_COUNT = 1 << 16,   /* 48 bits */
	GRANULE_SHIFT = 3,
	TINY_MAX_BYTES = 15,
	NEAR_BYTES = 4096       /* of a large object's other map only its ends are looked at */
};

/* One bit for each unit of 1 << shift bytes. */
struct map {
	uint64_t *leaves[LEAF_COUNT];
	unsigned shift;
};

static struct map granules = {.shift = GRANULE_SHIFT}, bytes_map = {.shift = 0};

static uint64_t *leaf_make(uint64_t **leaf, size_t bytes)
{
	uint64_t *mine = kernel_memory(bytes), *theirs = NULL;

	if (__atomic_compare_exchange_n(leaf, &theirs, mine, false, __ATOMIC_ACQ_REL,
		    __ATOMIC_ACQUIRE))
		return mine;
	syscall(SYS_munmap, mine, bytes);
	return theirs;
}

static uint64_t *leaf_of(struct map *map, uint64_t unit)
{
	uint64_t **leaf = &map->leaves[(unit << map->shift >> LEAF_SHIFT) % LEAF_COUNT];
	uint64_t *there = __atomic_load_n(leaf, __ATOMIC_ACQUIRE);
	size_t bytes = ((size_t)1 << (LEAF_SHIFT - map->shift)) / 8;

	return there != NULL ? there : leaf_make(leaf, bytes);
}

/* The word of a unit, and the mask of those from it on that are below `end`. */
static uint64_t *word_of(struct map *map, uint64_t unit, uint64_t end, uint64_t *mask)
{
	uint64_t in_leaf = unit & (((uint64_t)1 << (LEAF_SHIFT - map->shift)) - 1);
	uint64_t count = end - unit < 64 - unit % 64 ? end - unit : 64 - unit % 64;

	*mask = (count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1) << unit % 64;
	return &leaf_of(map, unit)[in_leaf / 64];
}

enum change { SET, CLEAR, LOOK };

/* Whether all bits were as they should have been: for SET and LOOK 0, for CLEAR 1. */
static bool change(struct map *map, const char *object, size_t bytes, enum change what)
{
	uint64_t unit = (uintptr_t)object >> map->shift;
	uint64_t end = ((uintptr_t)object + bytes + ((1u << map->shift) - 1)) >> map->shift;
	bool good = true;

	while (unit < end) {
		uint64_t mask, *word = word_of(map, unit, end, &mask), before;
		if (what == SET)
			before = __atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST);
		else if (what == CLEAR)
			before = __atomic_fetch_and(word, ~mask, __ATOMIC_SEQ_CST);
		else
			before = __atomic_load_n(word, __ATOMIC_SEQ_CST);
		good = good && (before & mask) == (what == CLEAR ? mask : 0);
		unit += 64 - unit % 64;
	}
	return good;
}

/* Small ones lie among small ones: an overlap shows at an end, if not in the contents. */
static bool is_free_of_tiny(const char *object, size_t bytes)
{
	size_t near = bytes < NEAR_BYTES ? bytes : NEAR_BYTES;

	return change(&bytes_map, object, near, LOOK) &&
		change(&bytes_map, object + bytes - near, near, LOOK);
}

void shadow_forget(void)
{
	for (size_t i = 0; i < LEAF_COUNT; i++) {
		if (granules.leaves[i] != NULL)
			granules.leaves[i] = NULL;
		if (bytes_map.leaves[i] != NULL)
			bytes_map.leaves[i] = NULL;
	}
}

bool shadow_enter(const char *object, size_t bytes)
{
	if (bytes <= TINY_MAX_BYTES)
		return change(&bytes_map, object, bytes, SET) && change(&granules, object, bytes, LOOK);
	return change(&granules, object, bytes, SET) && is_free_of_tiny(object, bytes);
}

bool shadow_leave(const char *object, size_t bytes)
{
	return change(bytes <= TINY_MAX_BYTES ? &bytes_map : &granules, object, bytes, CLEAR);
}
