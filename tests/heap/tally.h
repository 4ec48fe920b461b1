/*
 * tests/heap/tally.h - an independent count of what a test allocated and freed.
 *
 * WHY        The books are right if they equal what somebody counted who knows
 *            nothing of magazines and countdowns.
 */
#ifndef TESTS_HEAP_TALLY_H
#define TESTS_HEAP_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/size_class.h"
#include "include/mstat.h"

/* Row 0 counts the large objects. */
struct tally {
	uint64_t nmalloc[SIZED_CLASS_COUNT];
	uint64_t nfree[SIZED_CLASS_COUNT];
	uint64_t total_alloc;
	int64_t alloc;
};

/* The row an object belongs to. */
uint32_t tally_class(const void *ptr);

/* An object was handed out; one is about to be freed. */
void tally_alloc(struct tally *tally, const void *ptr);
void tally_free(struct tally *tally, const void *ptr);

/* It was one of `class` and `bytes`; it is at `ptr` now. */
void tally_realloc(struct tally *tally, const void *old, uint32_t class, size_t bytes,
	const void *ptr);

void tally_add(struct tally *sum, const struct tally *part);

/* Asserts that a snapshot says the same, and that it adds up. */
void tally_compare(const struct tally *tally, const struct mstat_snapshot *snapshot);

/* Asserts what the comment of struct mstat_snapshot states. */
void tally_check_sums(const struct mstat_snapshot *snapshot);

/* One of this moment, all of it written, of which that holds. */
struct mstat_snapshot snapshot_now(void);

#endif
