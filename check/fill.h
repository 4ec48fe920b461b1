/*
 * check/fill.h - what stands beside objects, and in those that are free.
 *
 * WHY        What is written beyond an object, or when it is the program's no more, is found by
 *            what should stand there.
 *
 * INVARIANT  The last FILL_TAIL_BYTES of a slot are guard bytes from when it is first handed
 *            out on, whether it is free or not; so there are some before each object, the tail
 *            of the slot before it.  Behind a live object they begin where it ends.
 *
 * Guard bytes differ from process to process and from place to place, and are none that a
 * text is made of.  What is free reads 0xde, which as a pointer leads nowhere, or zero.
 */
#ifndef CHECK_FILL_H
#define CHECK_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

enum { FILL_TAIL_BYTES = 8 };

extern HIDDEN uint64_t fill_secret;

void fill_init(bool with_zeroes);

/* At a multiple of 8. */
static inline uint64_t fill_guard_word(uintptr_t address)
{
	return ((address ^ fill_secret) * 0x9e3779b97f4a7c15u) | 0x8080808080808080u;
}

/* Little endian: those of the first bytes are shifted out. */
static inline uint64_t fill_guard_part(uintptr_t address)
{
	uintptr_t within = address % sizeof(uint64_t);

	return fill_guard_word(address - within) >> within * 8;
}

/* Up to a multiple of 8, `end`. */
static ALWAYS_INLINE void fill_guard(char *from, char *end)
{
	size_t within = (uintptr_t)from % sizeof(uint64_t);

	if (within != 0 && from < end) {
		uint64_t guard = fill_guard_part((uintptr_t)from);
		for (; (uintptr_t)from % sizeof(uint64_t) != 0; guard >>= 8)
			*from++ = (char)guard;
	}
	for (; from < end; from += sizeof(uint64_t)) {
		uint64_t guard = fill_guard_word((uintptr_t)from);
		memcpy(from, &guard, sizeof(guard));
	}
}

/* The first byte that is none of them; NULL if all are. */
const char *fill_guard_find(const char *from, const char *end) COLD;

static ALWAYS_INLINE bool fill_guard_holds(const char *from, const char *end)
{
	size_t within = (uintptr_t)from % sizeof(uint64_t);
	uint64_t word;

	if (within != 0 && from < end) {
		from -= within;
		memcpy(&word, from, sizeof(word));
		if (((word ^ fill_guard_word((uintptr_t)from)) >> within * 8) != 0)
			return false;
		from += sizeof(word);
	}
	for (; from < end; from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		if (word != fill_guard_word((uintptr_t)from))
			return false;
	}
	return true;
}

extern HIDDEN uint64_t fill_free_word; /* eight times the byte */

void fill_free_long(char *from, size_t bytes);
bool fill_free_long_holds(const char *from, size_t bytes);

typedef uint64_t fill_vector __attribute__((vector_size(16)));

enum { FILL_SHORT_BYTES = 136 };

/* Of what is free; aligned to 8, as many bytes. */
static ALWAYS_INLINE void fill_free(char *from, size_t bytes)
{
	const uint64_t word = fill_free_word;
	const fill_vector free = {word, word};

	if (bytes > FILL_SHORT_BYTES) {
		fill_free_long(from, bytes);
		return;
	}
	char *end = from + bytes;
	for (; (size_t)(end - from) >= sizeof(free); from += sizeof(free))
		memcpy(from, &free, sizeof(free));
	if (from < end)
		memcpy(from, &word, sizeof(word));
}

static ALWAYS_INLINE bool fill_free_holds(const char *from, size_t bytes)
{
	const uint64_t word = fill_free_word;
	const fill_vector want = {word, word};
	fill_vector found, difference = {0, 0};
	uint64_t last = word;

	if (bytes > FILL_SHORT_BYTES)
		return fill_free_long_holds(from, bytes);
	const char *end = from + bytes;
	for (; (size_t)(end - from) >= sizeof(found); from += sizeof(found)) {
		memcpy(&found, from, sizeof(found));
		difference |= found ^ want;
	}
	if (from < end)
		memcpy(&last, from, sizeof(last));
	return (difference[0] | difference[1] | (last ^ word)) == 0;
}

const char *fill_free_find(const char *from, size_t bytes) COLD;

#endif
