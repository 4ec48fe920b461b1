#include "check/fill.h"

#include <string.h>

#include "base/bits.h"
#include "base/os.h"

enum { WORD_BYTES = sizeof(uint64_t), FREE_BYTE = 0xde };

static uint64_t secret;
static unsigned char free_byte = FREE_BYTE;

void fill_init(bool with_zeroes)
{
	secret = os_random_word(0x6775617264);
	free_byte = with_zeroes ? 0 : FREE_BYTE;
}

static uint64_t guard_at(uintptr_t word_address)
{
	return ((word_address ^ secret) * 0x9e3779b97f4a7c15u) | 0x8080808080808080u;
}

static uint64_t word_at(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Byte for byte up to a multiple of 8, then by words. */
void fill_guard(char *from, size_t bytes)
{
	char *end = from + bytes;

	while (from < end) {
		size_t within = (uintptr_t)from % WORD_BYTES;
		size_t part = min_bytes(WORD_BYTES - within, (size_t)(end - from));
		uint64_t guard = guard_at((uintptr_t)from - within) >> within * 8;
		memcpy(from, &guard, part);
		from += part;
	}
}

/* Little endian: the lowest byte that differs is the first. */
static const char *first_of(const char *from, uint64_t difference)
{
	return from + __builtin_ctzll(difference) / 8;
}

const char *fill_guard_broken(const char *from, size_t bytes)
{
	const char *end = from + bytes;

	while (from < end) {
		size_t within = (uintptr_t)from % WORD_BYTES;
		size_t part = min_bytes(WORD_BYTES - within, (size_t)(end - from));
		uint64_t guard = guard_at((uintptr_t)from - within) >> within * 8, is = 0;
		uint64_t mask = part < WORD_BYTES ? ((uint64_t)1 << part * 8) - 1 : UINT64_MAX;
		memcpy(&is, from, part);
		if (((is ^ guard) & mask) != 0)
			return first_of(from, (is ^ guard) & mask);
		from += part;
	}
	return NULL;
}

void fill_free(char *from, size_t bytes)
{
	memset(from, free_byte, bytes);
}

/* `from` is aligned; several words at a time, as the compiler makes vectors of them. */
const char *fill_free_broken(const char *from, size_t bytes)
{
	enum { STEP = 8 * WORD_BYTES };
	const uint64_t want = 0x0101010101010101u * free_byte;
	const char *end = from + bytes;

	for (; (size_t)(end - from) >= STEP; from += STEP) {
		uint64_t difference = 0;
		for (size_t i = 0; i < STEP; i += WORD_BYTES)
			difference |= word_at(from + i) ^ want;
		if (difference != 0)
			break;
	}
	for (; from < end; from += WORD_BYTES)
		if (word_at(from) != want)
			return first_of(from, word_at(from) ^ want);
	return NULL;
}
