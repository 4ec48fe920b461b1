/*
 * profile/mark.h - following words that look like pointers from object to object.
 *
 * WHY        Whoever asks what can be reached, for whatever purpose, follows all pointers of a
 *            heap.  It is done in a copy of the process (profile/world.h) that nobody else
 *            changes, and as fast as memory goes: what a pointer leads to is asked for long
 *            before it is looked at.
 *
 * RULE       A word is a pointer to an object if it is the address of any of its bytes.  To
 *            its first byte it is exact, and so is one behind the number of elements of an
 *            array, where compilers (the C++ ABI's array cookies) and ld.so (its table of
 *            thread-local storage) have it.  Of tiny blocks each pointer is.
 *
 * TABLES     For each page whose it is; bitmaps of all objects, span after span and without
 *            room between them: they stay in a cache, where a look at one bit per object
 *            is half of all misses else.  A free object counts as marked from the begin, so that
 *            one bit answers all.
 */
#ifndef PROFILE_MARK_H
#define PROFILE_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/span.h"

/* What becomes of an object that a pointer leads to. */
enum mark_phase {
	MARK_ANY,   /* it is marked */
	MARK_EXACT, /* the same by an exact one; by another it is noted as suspected */
	MARK_BEHIND /* it is marked, and mark_found_behind() told */
};

/* Bitmaps; those of MARK_KEPT are the caller's. */
enum mark_map {
	MARK_MARKED,
	MARK_SUSPECTED,
	MARK_KEPT,
	MARK_MAPS
};

struct mark_object {
	const struct span *span;
	uint32_t index; /* in its span */
	uint64_t bit;   /* of the bitmaps: objects in the order of their addresses */
};

/* `is_followed`: whether pointers in a span's objects are followed once they are marked.
   False: there is no memory. */
bool mark_begin(bool (*is_followed)(const struct span *span));

/* The memory of the tables, which is not looked at. */
void mark_tables(uintptr_t *from, uintptr_t *to);

void mark_set_phase(enum mark_phase phase);

/* In MARK_BEHIND: an object that was not marked before.  Set before that. */
extern void (*mark_found_behind)(const struct mark_object *object);

/* Looks at all words there. */
void mark_words(uintptr_t from, uintptr_t to);

/* The same of memory of which not all may be there: pages that nobody touched are passed over. */
void mark_memory(uintptr_t from, uintptr_t to);

/* Marks the object, if it is not, and follows it. */
void mark_object(const struct mark_object *object);

/* Looks at an object's words, marked or not. */
void mark_look_into(const struct mark_object *object);

/* Until nothing is left to follow. */
void mark_run(void);

/* How many bytes were looked at so far. */
uint64_t mark_looked_bytes(void);

uint64_t *mark_bits(enum mark_map map);

static inline bool mark_test(enum mark_map map, uint64_t bit)
{
	return (mark_bits(map)[bit / 64] >> bit % 64 & 1) != 0;
}

/* Calls `visit` for each object of a span whose bit is not set in a map; free ones are marked. */
void mark_visit_others(enum mark_map map, const struct span *span,
	void (*visit)(const struct mark_object *object, void *arg), void *arg);

/* How many these are, of MARK_MARKED and its copies. */
uint64_t mark_count_others(enum mark_map map, const struct span *span);

/* All bits of a map become those of another. */
void mark_copy(enum mark_map from, enum mark_map to);
void mark_clear(enum mark_map map);

/* Spans of objects in the order of their addresses; NULL: there are no more.  Of NULL the first. */
const struct span *mark_span_next(const struct span *span);

/* What such a span has: objects that were ever handed out, the bytes of one. */
uint32_t mark_object_count(const struct span *span);
size_t mark_object_bytes(const struct span *span);

/* Where it is. */
uintptr_t mark_object_start(const struct mark_object *object);

#endif
