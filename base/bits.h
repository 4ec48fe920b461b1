/*
 * base/bits.h - powers of two, rounding, and words that other threads read.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * A word with one writer that anybody may read at any time: each reads a
 * whole value, old or new, and nothing is promised about its neighbours.
 */
static inline uint64_t word_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void word_add(uint64_t *word, uint64_t value)
{
	word_store(word, word_load(word) + value);
}

#endif
