#include "profile/table_pages.h"

#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"

enum { FIRST_PAGES = 128, FIRST_TRIES = 4, MORE_PAGES = 4096 };

/* Pages that were touched, by number: the first some dozens, which are all of a small
   program's, and what found no room there, until another takes its place. */
static uint32_t known_first[FIRST_PAGES];
BULKY uint32_t table_pages_known[MORE_PAGES];

static uint32_t *known_of(uint32_t number)
{
	uint32_t at = number * 0x9e3779b9u >> 16;

	for (uint32_t i = 0; i < FIRST_TRIES; i++) {
		uint32_t *first = &known_first[(at + i) % FIRST_PAGES];
		uint32_t known = word_load(first);
		if (known == 0 || known == number)
			return first;
	}
	return &table_pages_known[number % MORE_PAGES];
}

static NOINLINE UNSANITIZED void touch(uintptr_t page, size_t page_bytes)
{
	bool is_split = os_read_alone((void *)page, page_bytes, true);

	*(const volatile unsigned char *)page;
	if (is_split)
		os_read_alone((void *)page, page_bytes, false);
}

void table_page_touch(const unsigned char *at)
{
	size_t page_bytes = os_page_bytes();
	uint32_t number = (uint32_t)((uintptr_t)at / page_bytes);

	uint32_t *known = known_of(number);
	if (LIKELY(word_load(known) == number))
		return;
	word_store(known, number);
	touch(bits_round_down((uintptr_t)at, page_bytes), page_bytes);
}
