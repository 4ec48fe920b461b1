/*
 * base/bits.h - powers of two, rounding, and words that other threads read.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/config.h"

static inline bool bits_is_power_of_two(size_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static inline size_t bits_round_down(size_t x, size_t power_of_two)
{
	return x & ~(power_of_two - 1);
}

/* The caller has made sure that it does not overflow. */
static inline size_t bits_round_up(size_t x, size_t power_of_two)
{
	return bits_round_down(x + power_of_two - 1, power_of_two);
}

/* floor(log2(x)) for x > 0. */
static inline uint32_t bits_log2(uint64_t x)
{
	return 63 - (uint32_t)__builtin_clzll(x);
}

static inline size_t min_bytes(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_bytes(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * A word that anybody may read at any time while one thread writes it, its owner or
 * who holds its lock: each reads a whole value, old or new, and nothing is promised
 * about its neighbours.  Of any type that a register holds.
 */
#define word_load(word) __atomic_load_n((word), __ATOMIC_RELAXED)
#define word_store(word, value) __atomic_store_n((word), (value), __ATOMIC_RELAXED)
#define word_add(word, value) word_store((word), *(word) + (value))
#define word_subtract(word, value) word_store((word), *(word) - (value))

/* The same where an instruction counts: of these gcc makes an operand, of an atomic
   one never.  An aligned word is read and written whole on x86-64 and aarch64 anyway. */
#define word_peek(word) (CONFIG_THREAD_SANITIZER ? word_load(word) : *(word))
#define word_poke(word, value)                             \
	do {                                               \
		if (CONFIG_THREAD_SANITIZER)               \
			word_store((word), (value));       \
		else                                       \
			*(word) = (value);                 \
	} while (0)

/* Pointers that others may read meanwhile; they know by other words whether they read any
   that were there at one moment. */
static inline void pointers_move(void **to, void *const *from, size_t count)
{
	if (!CONFIG_THREAD_SANITIZER) {
		memmove(to, from, count * sizeof(void *));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = to < from ? i : count - 1 - i;
		word_store(to + at, word_load(from + at));
	}
}

#endif
