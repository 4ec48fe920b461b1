#include "check/fill.h"

#include "base/os.h"

enum { WORD_BYTES = sizeof(uint64_t), FREE_BYTE = 0xde };

uint64_t fill_secret, fill_free_word;

void fill_init(bool with_zeroes)
{
	fill_secret = os_random_word(0x6775617264);
	fill_free_word = 0x0101010101010101u * (with_zeroes ? 0 : (uint64_t)FREE_BYTE);
}

const char *fill_guard_find(const char *from, const char *end)
{
	for (; from < end; from++)
		if (*(const unsigned char *)from != (unsigned char)fill_guard_part((uintptr_t)from))
			return from;
	return NULL;
}

static unsigned char free_byte(void)
{
	return (unsigned char)fill_free_word;
}

void fill_free_long(char *from, size_t bytes)
{
	memset(from, free_byte(), bytes);
}

static bool words_hold(const char *from, const char *end)
{
	uint64_t word, difference = 0;

	for (; from < end; from += WORD_BYTES) {
		memcpy(&word, from, sizeof(word));
		difference |= word ^ fill_free_word;
	}
	return difference == 0;
}

static ALWAYS_INLINE fill_vector vector_at(const char *at)
{
	fill_vector loaded;

	memcpy(&loaded, at, sizeof(loaded));
	return loaded;
}

/* What is looked at is mostly as it should be: all of it at once. */
bool fill_free_long_holds(const char *from, size_t bytes)
{
	enum { STEP = 4 * sizeof(fill_vector) };
	const char *end = from + bytes;
	const uint64_t word = fill_free_word;
	const fill_vector want = {word, word};
	fill_vector difference = {0, 0}, more = {0, 0};

	for (; (size_t)(end - from) >= STEP; from += STEP) {
		difference |= (vector_at(from) ^ want) | (vector_at(from + sizeof(fill_vector)) ^ want);
		more |= (vector_at(from + 2 * sizeof(fill_vector)) ^ want) |
			(vector_at(from + 3 * sizeof(fill_vector)) ^ want);
	}
	difference |= more;
	return (difference[0] | difference[1]) == 0 && words_hold(from, end);
}

const char *fill_free_find(const char *from, size_t bytes)
{
	for (const char *end = from + bytes; from < end; from++)
		if (*(const unsigned char *)from != free_byte())
			return from;
	return NULL;
}
