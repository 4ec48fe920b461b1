/*
 * heap/arena.h - the address window that the heap lives in, and its tables.
 *
 * WHY        free() must get from an address to a size class in a few
 *            instructions, and an address that is not ours must be told from
 *            one that is without touching it.  One window of address space,
 *            of which nothing is mapped until it is needed, makes both a
 *            subtraction, a compare and a byte load; tables whose place
 *            follows from the window need no pointers and cannot be reached
 *            by overrunning an object.
 *
 * LAYOUT     From low to high addresses, each part at a fixed place of the
 *            window with unmapped space behind it:
 *
 *              class map | page info | spans | home bits | caches | pages
 *
 *            The first four are arrays indexed by page.  The window stands at
 *            a random place that the kernel gives to nobody of itself; where
 *            that cannot be had, in a reservation, as large as is permitted.
 *
 * INVARIANT  page_count pages have their tables mapped; class_map reads 0
 *            for every page that is not part of a span of small objects.
 *            pages_bytes says the same; while the heap grows it may be ahead.
 *            Pages that somebody else had mapped are holes: their spans'
 *            kind is SPAN_NONE for ever.
 *
 * LOCKING    Growing, caches too: the page heap's lock.  class_map and the
 *            counts are read without one: a thread that got a pointer got it after they
 *            were set.
 */
#ifndef HEAP_ARENA_H
#define HEAP_ARENA_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"

enum {
	PAGE_SHIFT = 13,
	PAGE_BYTES = 1 << PAGE_SHIFT,
	OBJECT_ALIGN_SHIFT = 4, /* objects of size classes begin at multiples of 16 */
	HOME_WORDS_PER_PAGE = PAGE_BYTES / 16 / 64, /* one bit per smallest object */

	/* One page's info byte: how many pages back its span begins (small spans
	   only), and what became of the page's memory. */
	PAGE_BACK_MASK = 0x3f,
	PAGE_WAS_USED = 0x40,  /* handed out at least once */
	PAGE_IS_DIRTY = 0x80   /* handed out since it was last given to the OS */
};

struct span;

struct arena {
	/* Read by every free(). */
	uintptr_t pages_address; /* of page 0 */
	size_t pages_bytes;      /* of the pages below */
	uintptr_t class_map_base; /* where the class map would have the byte of address 0 */

	size_t page_count;       /* the first page beyond */
	uint8_t *class_map;

	uint8_t *page_info;
	struct span *spans;
	uint64_t *home_words;
	char *caches;

	size_t page_limit;       /* the window's end */
	size_t huge_from_page;   /* from here on huge pages; at first the end */
	size_t hole_pages;
	uintptr_t window_address;
	size_t metadata_bytes;   /* tables and caches, mapped */
	bool is_reserved;        /* commit by mprotect instead of mmap */
	bool is_ready;
};

extern HIDDEN struct arena arena;

/* Finds the window.  False if the kernel gives none. */
bool arena_init(void);

/*
 * Maps at least `pages` more pages behind the last, more if the heap is large.
 * Returns the first, *got_pages how many; SIZE_MAX if the OS refuses.
 */
size_t arena_grow(size_t pages, size_t *got_pages);

/* Maps `bytes` at `offset` of the caches' part, for thread caches.  NULL if refused. */
void *arena_map_cache(size_t offset, size_t bytes);

/* What of metadata_bytes is not caches. */
size_t arena_tables_bytes(void);

/* In a child of a fork: what somebody who is no more was mapping, and did not note, is
   free again for the next growth. */
void arena_forget_unfinished(void);

static ALWAYS_INLINE size_t arena_page_of(const void *ptr)
{
	return ((uintptr_t)ptr - arena.pages_address) >> PAGE_SHIFT;
}

static ALWAYS_INLINE bool arena_holds(size_t page)
{
	return page < word_peek(&arena.page_count);
}

/* What the class map says of a page; 0 of those beyond. */
static ALWAYS_INLINE uint32_t arena_class_at(size_t page)
{
	return LIKELY(arena_holds(page)) ? word_peek(&arena.class_map[page]) : 0;
}

/* Whether it lies in a page. */
static ALWAYS_INLINE bool arena_has(const void *ptr)
{
	return (uintptr_t)ptr - arena.pages_address < word_peek(&arena.pages_bytes);
}

/* What the class map says of an address in a page.  All that a free does waits for it:
   one shift stands before the load, and not the page's number. */
static ALWAYS_INLINE uint32_t arena_class_of(const void *ptr)
{
	const uint8_t *byte =
		(const uint8_t *)(arena.class_map_base + ((uintptr_t)ptr >> PAGE_SHIFT));

	return word_peek(byte);
}

/* How many it takes. */
static inline size_t arena_pages_of(size_t bytes)
{
	return bytes / PAGE_BYTES + (bytes % PAGE_BYTES != 0);
}

static inline char *arena_address_of(size_t page)
{
	return (char *)(arena.pages_address + (page << PAGE_SHIFT));
}

static inline size_t arena_mapped_bytes(void)
{
	return (word_load(&arena.page_count) - word_load(&arena.hole_pages)) << PAGE_SHIFT;
}

#endif
