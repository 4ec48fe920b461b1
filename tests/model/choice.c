#include "tests/model/choice.h"

#include <string.h>

/* The finalizer of splitmix64 (Vigna). */
uint64_t choice_mix(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
	word = (word ^ word >> 27) * 0x94d049bb133111ebu;
	return word ^ word >> 31;
}

void choice_seed(struct choice *choice, uint64_t seed, uint64_t stream)
{
	*choice = (struct choice){.state = choice_mix(choice_mix(seed) + stream)};
}

void choice_from_bytes(struct choice *choice, const uint8_t *bytes, size_t count)
{
	*choice = (struct choice){.bytes = bytes, .left_bytes = count};
}

bool choice_is_over(const struct choice *choice)
{
	return choice->bytes != NULL && choice->left_bytes == 0;
}

/* What is missing reads 0. */
static uint64_t bytes_take(struct choice *choice, size_t count)
{
	uint64_t word = 0;

	count = count < choice->left_bytes ? count : choice->left_bytes;
	memcpy(&word, choice->bytes, count);
	choice->bytes += count;
	choice->left_bytes -= count;
	return word;
}

uint64_t choice_word(struct choice *choice)
{
	if (choice->bytes != NULL)
		return bytes_take(choice, sizeof(uint64_t));
	choice->state += 0x9e3779b97f4a7c15u;
	return choice_mix(choice->state);
}

uint64_t choice_below(struct choice *choice, uint64_t end)
{
	if (choice->bytes == NULL)
		return choice_word(choice) % end;
	return bytes_take(choice, end <= 256 ? 1 : end <= 65536 ? 2 : sizeof(uint64_t)) % end;
}
