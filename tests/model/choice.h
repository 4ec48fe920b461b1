/*
 * choice.h - where the model's decisions come from.
 *
 * WHY        One decoder of steps serves two masters: a generator that is started by a
 *            printed seed, and a fuzzer's bytes.
 *
 * INVARIANT  What is chosen follows from the seed, or the bytes, alone.
 */
#ifndef TESTS_MODEL_CHOICE_H
#define TESTS_MODEL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice {
	uint64_t state;
	const uint8_t *bytes; /* NULL: by the state */
	size_t left_bytes;
};

/* Different streams of one seed have nothing to do with each other. */
void choice_seed(struct choice *choice, uint64_t seed, uint64_t stream);
void choice_from_bytes(struct choice *choice, const uint8_t *bytes, size_t count);

/* The bytes are used up; of a seed never. */
bool choice_is_over(const struct choice *choice);

uint64_t choice_word(struct choice *choice);

/* 0 ... end - 1; end is not 0. */
uint64_t choice_below(struct choice *choice, uint64_t end);

static inline bool choice_one_in(struct choice *choice, uint64_t chances)
{
	return choice_below(choice, chances) == 0;
}

/* Mixes a word well: of consecutive ones come unrelated ones. */
uint64_t choice_mix(uint64_t word);

#endif
