#include "check/fill.h"

#include "base/os.h"

enum { WORD_BYTES = sizeof(uint64_t), FREE_BYTE = 0xde };

typedef uint64_t vector __attribute__((vector_size(16)));

uint64_t fill_secret;
static unsigned char free_byte = FREE_BYTE;

void fill_init(bool with_zeroes)
{
	fill_secret = os_random_word(0x6775617264);
	free_byte = with_zeroes ? 0 : FREE_BYTE;
}

const char *fill_guard_find(const char *from, const char *end)
{
	for (; from < end; from++)
		if (*(const unsigned char *)from != (unsigned char)fill_guard_part((uintptr_t)from))
			return from;
	return NULL;
}

void fill_free(char *from, size_t bytes)
{
	memset(from, free_byte, bytes);
}

static uint64_t wanted_word(void)
{
	return 0x0101010101010101u * free_byte;
}

static bool words_hold(const char *from, const char *end)
{
	uint64_t word, difference = 0;

	for (; from < end; from += WORD_BYTES) {
		memcpy(&word, from, sizeof(word));
		difference |= word ^ wanted_word();
	}
	return difference == 0;
}

static ALWAYS_INLINE vector vector_at(const char *at)
{
	vector loaded;

	memcpy(&loaded, at, sizeof(loaded));
	return loaded;
}

/* What is looked at is mostly as it should be: all of it at once. */
bool fill_free_holds(const char *from, size_t bytes)
{
	enum { STEP = 4 * sizeof(vector) };
	const char *end = from + bytes;
	const uint64_t word = wanted_word();
	const vector want = {word, word};
	vector difference = {0, 0}, more = {0, 0};

	for (; (size_t)(end - from) >= STEP; from += STEP) {
		difference |= (vector_at(from) ^ want) | (vector_at(from + sizeof(vector)) ^ want);
		more |= (vector_at(from + 2 * sizeof(vector)) ^ want) |
			(vector_at(from + 3 * sizeof(vector)) ^ want);
	}
	difference |= more;
	return (difference[0] | difference[1]) == 0 && words_hold(from, end);
}

const char *fill_free_find(const char *from, size_t bytes)
{
	for (const char *end = from + bytes; from < end; from++)
		if (*(const unsigned char *)from != free_byte)
			return from;
	return NULL;
}
