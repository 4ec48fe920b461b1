/*
 * tally.h - an independent count of what a program allocated and freed, to hold
 * the books against.
 *
 * WHY        The model knows nothing of magazines: it asks malloc_usable_size()
 *            what an allocation takes when it is made, and again when it goes.
 *
 * INVARIANT  What stands here for a stretch of time is what two snapshots taken
 *            around it differ by, figure by figure.
 *
 * LOCKING    A tally belongs to one thread; tally_add() when that thread rests.
 */
#ifndef TESTS_PRELOAD_TALLY_H
#define TESTS_PRELOAD_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/mstat.h"

/* The library's that the program is preloaded with. */
#pragma weak mstat_snapshot
#pragma weak mstat_thread_snapshot
#pragma weak mstat_lookup

enum {
	TALLY_SMALL_MAX_BYTES = 256 << 10, /* malloc()'s: of a size class */
	TALLY_SHARED_MAX_BYTES = 32 << 10  /* of what realloc() grew or moved */
};

struct tally {
	struct {
		uint64_t nmalloc;
		uint64_t nfree;
	} small[MSTAT_SIZE_CLASSES_MAX];
	uint64_t large_nmalloc;
	uint64_t large_nfree;
	uint64_t large_alloc_bytes;
	uint64_t large_free_bytes;
};

/* Learns the size classes.  Before anything else. */
void tally_init(void);

/* An object came, or is about to go.  is_large: it is made of whole pages,
   however small it is. */
void tally_alloc(struct tally *tally, void *ptr, bool is_large);
void tally_free(struct tally *tally, void *ptr, bool is_large);

/* A large object that stands where it stood takes other pages than before. */
void tally_resized(struct tally *tally, size_t before_bytes, size_t after_bytes);

void tally_add(struct tally *sum, const struct tally *part);

struct mstat_snapshot snapshot_take(void);

/* One test: two snapshots differ by exactly this. */
bool tally_is_difference(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after, const char *name);

/* One test: so does one thread's figure. */
bool tally_is_thread(const struct tally *tally, const struct mstat_thread_snapshot *before,
	const struct mstat_thread_snapshot *after, const char *name);

/* The greatest difference of any count of objects, for books that were read
   while others were at work. */
uint64_t tally_distance(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after);

/* One test: the sums that mstat.h states. */
bool snapshot_adds_up(const struct mstat_snapshot *now, const char *name);

#endif
