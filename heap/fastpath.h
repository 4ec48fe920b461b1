/*
 * heap/fastpath.h - an allocation or a free that finds what it needs in its
 * thread's magazine.
 *
 * WHY        Nearly every call ends here.  Either path is a table load, two
 *            compares and a move of one index; what is unusual in any way
 *            has no room in its magazine and so leaves by a branch that is
 *            there anyway.
 *
 * INVARIANT  No lock, no atomic, no system call, no stack frame: every exit
 *            is a hit or a tail call of the slow twin.  tests/fastpath.sh
 *            disassembles what was built.
 */
#ifndef HEAP_FASTPATH_H
#define HEAP_FASTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/config.h"
#include "heap/arena.h"
#include "heap/cache.h"
#include "heap/size_class.h"
#include "heap/slowpath.h"

/* An object less and a malloc less to come, both halves of a magazine's word. */
static const uint32_t MAGAZINE_POP = CONFIG_BOOKS ? ((uint32_t)1 << MAGAZINE_UNTIL_SHIFT) + 1 : 1;

/*
 * The object freed last, counted; NULL if there is none, or the countdown ended:
 * it is then below zero, and the slow path takes what was popped.
 */
static ALWAYS_INLINE void *cache_pop(struct cache *cache, size_t class)
{
	struct magazine *magazine = &cache->magazines[class];
	void *object = cache_slots(cache)[word_load(&magazine->top)];

	RESULT_REGISTER(object);
	if (UNLIKELY(object == NULL))
		return NULL;
	/* A plain subtraction, one instruction: the owner is its only writer. */
	word_poke(&magazine->word, magazine->word - MAGAZINE_POP);
	if (CONFIG_BOOKS && UNLIKELY((int32_t)magazine->word < 0))
		return NULL;
	return object;
}

/* `slow` is a constant where this is inlined: the twin that is tail-called. */
static ALWAYS_INLINE void *heap_alloc_or(size_t bytes, void *(*slow)(size_t bytes))
{
	if (UNLIKELY(bytes > SMALL_MAX_BYTES))
		return slow(bytes);

	void *object = cache_pop(cache_self, size_class_of(bytes));
	return LIKELY(object != NULL) ? object : slow(bytes);
}

static ALWAYS_INLINE void *heap_alloc(size_t bytes)
{
	return heap_alloc_or(bytes, heap_alloc_slow);
}

/* Of an object that holds no pointers. */
static ALWAYS_INLINE void *heap_alloc_noscan(size_t bytes)
{
	if (UNLIKELY(bytes > SMALL_MAX_BYTES))
		return heap_alloc_noscan_slow(bytes);

	void *object = cache_pop(cache_self, size_class_of(bytes) + SIZE_FAMILY_NOSCAN);
	return LIKELY(object != NULL) ? object : heap_alloc_noscan_slow(bytes);
}

/*
 * NULL: heap_alloc_aligned() is to be called, after a look at the alignment, which is
 * a hit's from a pointer's size to a page.  The last byte of the rounded size decides:
 * for no bytes at all it is too large.
 */
static ALWAYS_INLINE void *heap_alloc_aligned_hit(size_t align_bytes, size_t bytes,
	uint32_t family)
{
	size_t last = (bytes - 1) | (align_bytes - 1);

	if (UNLIKELY(last >= SMALL_MAX_BYTES || (align_bytes & (align_bytes - 1)) != 0 ||
		    align_bytes - sizeof(void *) > PAGE_BYTES - sizeof(void *)))
		return NULL;
	return cache_pop(cache_self, size_class_of(last + 1) + family);
}

/* There is room above `top`.  Where it is not to be pushed nothing changes. */
static ALWAYS_INLINE void magazine_push_if(struct magazine *magazine, void **top, void *ptr,
	bool is_pushed)
{
	word_poke(top + 1, ptr);
	__atomic_signal_fence(__ATOMIC_RELEASE); /* a child of fork may find it so */
	word_poke(&magazine->word, magazine->word + is_pushed);
}

/* False: nothing was done, and a slow twin is to be called. */
static ALWAYS_INLINE bool cache_push(struct cache *cache, size_t class, void *ptr)
{
	struct magazine *magazine = &cache->magazines[class];
	uint16_t at = word_load(&magazine->top);
	void **top = cache_slots(cache) + at;

	if (UNLIKELY(at == magazine->limit))
		return false;
	if (UNLIKELY(*top == ptr)) /* freed twice in a row */
		return false;

	magazine_push_if(magazine, top, ptr, true);
	return true;
}

/* Whether an object of a class may begin there, by its address's lowest bits. */
static ALWAYS_INLINE bool heap_may_begin(const void *ptr, uint32_t class)
{
	return ((uint8_t)(uintptr_t)ptr & size_class_align_mask[class]) == 0;
}

/* What the class map says of an address; 0, which has no room, outside the heap and of one
   at which no object of its class begins. */
static ALWAYS_INLINE uint32_t heap_mapped_class(const void *ptr)
{
	if (UNLIKELY(!arena_has(ptr)))
		return 0;
	uint32_t class = arena_class_of(ptr);
	return LIKELY(heap_may_begin(ptr, class)) ? class : 0;
}

/* Whether it is an object of the size class that so many bytes are of.  False of all that is
   unusual: it is to be looked at. */
static ALWAYS_INLINE bool heap_is_of_size(const void *ptr, size_t bytes)
{
	return LIKELY(bytes <= SMALL_MAX_BYTES) && heap_mapped_class(ptr) == size_class_of(bytes);
}

static ALWAYS_INLINE bool heap_free_hits(void *ptr)
{
	return cache_push(cache_self, heap_mapped_class(ptr), ptr);
}

static ALWAYS_INLINE void heap_free(void *ptr)
{
	if (UNLIKELY(!heap_free_hits(ptr)))
		heap_free_slow(ptr);
}

/* For a free within a longer call: misuse names who made that. */
static ALWAYS_INLINE void heap_free_for(void *ptr, const void *caller)
{
	if (UNLIKELY(!heap_free_hits(ptr)))
		heap_free_for_slow(ptr, caller);
}

#endif
