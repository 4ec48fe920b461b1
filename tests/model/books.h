/*
 * books.h - what the library's books must say, counted by the model.
 *
 * INVARIANT  When no other thread runs, two snapshots differ by what the model did in
 *            between, figure by figure.  What libc and the C++ runtime allocate for
 *            themselves - a thread's table, an exception - is not the model's: the
 *            thread's own figures before and after say what it was, and it is counted in.
 *            Blocks of tiny objects are the library's own affair: as many were made as
 *            are freed or there, and no more are there than objects in them and threads.
 *
 * LOCKING    A tally belongs to one thread.
 */
#ifndef TESTS_MODEL_BOOKS_H
#define TESTS_MODEL_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/model/names.h"
#include "tests/model/object.h"

struct tally {
	struct {
		uint64_t nmalloc;
		uint64_t nfree;
	} small[MSTAT_SIZE_CLASSES_MAX];
	uint64_t large_nmalloc;
	uint64_t large_nfree;
	uint64_t large_alloc_bytes;
	uint64_t large_free_bytes;
	uint64_t tiny_nmalloc;
	uint64_t tiny_nfree;
	uint64_t noscan_bytes;     /* these two wrap: differences */
	uint64_t combinable_bytes;
	uint64_t nlookup;
	bool is_vague;             /* something was done that nobody could count */
	bool tiny_is_vague;        /* nobody knows whether something was combined */
	bool noscan_is_vague;      /* with no memory left what is hinted may be as if not */
};

/* What one thread's figures were. */
struct stretch {
	struct mstat_thread_snapshot begin;
	bool is_known;
};

/* Learns the size classes; false: this process has no books. */
bool books_init(void);

/* A size of class `number`, any number. */
/* What an object that is new counts as; of one that is checked it is more than it may use.
   Says whether it is large, too. */
void books_measure(struct object *object, size_t align_bytes, bool is_large);

size_t books_class_bytes(uint64_t number);

struct mstat_snapshot books_read(void);

void tally_made(struct tally *tally, const struct object *object);
void tally_ended(struct tally *tally, const struct object *object);
void tally_resized(struct tally *tally, size_t before_bytes, size_t after_bytes);
void tally_add(struct tally *sum, const struct tally *part);

/* Around what others allocate on this thread. */
struct stretch stretch_begin(void);
void stretch_end(const struct stretch *stretch, struct tally *tally);

/* NULL, or what is wrong, in a buffer of its own. */
const char *books_differ(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after);

/* What mstat_collect() took between two snapshots is counted as freed; NULL, or what is
   wrong: more than `most` objects. */
const char *books_collected(struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after, uint64_t most);

#endif
