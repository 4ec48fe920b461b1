/*
 * tinyalloc/object.h - objects of every kind, as the program knows them: by a
 * pointer.
 *
 * WHY        free() and its kin must do right by an object whoever made it.  What is
 *            unusual reads class 0 in the class map, so that the fast path fails on
 *            it, and here it is told what it is; what is ordinary is the heap's.
 *
 * ERRORS     As heap/heap.h.
 */
#ifndef TINYALLOC_OBJECT_H
#define TINYALLOC_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "heap/fastpath.h"
#include "tinyalloc/tiny.h"

/* What every request for no bytes of no pointers gets.  It may be freed, resized and
   asked for its size, which is 0, as often as one likes. */
extern HIDDEN char object_of_no_bytes[1];

/* Of a size that a class fits, where the program has many tiny objects: what is not in a
   magazine, and of no bytes. */
void *object_alloc_fitted_slow(size_t bytes, size_t align_bytes) NOINLINE;

static ALWAYS_INLINE uint32_t object_fitted_class(size_t bytes, size_t align_bytes)
{
	return size_class_fitted[bits_round_up(bytes, align_bytes)];
}

static ALWAYS_INLINE void *object_alloc_fitted(struct cache *cache, size_t bytes, size_t align_bytes)
{
	void *object = cache_pop(cache, object_fitted_class(bytes, align_bytes));

	return LIKELY(object != NULL) ? object : object_alloc_fitted_slow(bytes, align_bytes);
}

static ALWAYS_INLINE void *object_alloc_combined(size_t bytes, size_t align_bytes)
{
	if (bytes - 1 < TINY_BLOCK_BYTES - 1)
		return tiny_alloc(bytes, align_bytes);
	return bytes != 0 ? heap_alloc_noscan(bytes) : object_of_no_bytes;
}

/* An object that holds no pointers, aligned to 16 bytes, and below that to align_bytes:
   1, 2, 4 or 8.  NULL with ENOMEM. */
static ALWAYS_INLINE void *object_alloc_noscan(size_t bytes, size_t align_bytes)
{
	struct cache *cache = cache_self;

	if (bytes <= cache->fitted_max_bytes)
		return object_alloc_fitted(cache, bytes, align_bytes);
	return object_alloc_combined(bytes, align_bytes);
}

/* The same, aligned as the size asks for. */
static ALWAYS_INLINE void *object_alloc_noscan_natural(size_t bytes)
{
	struct cache *cache = cache_self;

	if (bytes <= cache->fitted_max_bytes)
		return object_alloc_fitted(cache, bytes, 1);
	return object_alloc_combined(bytes, tiny_align_of(bytes));
}

/* One that the program does not free itself (profile/collect.h), zeroed.  NULL with
   ENOMEM. */
void *object_alloc_collectable(size_t bytes, bool is_noscan);

/* What finds no room: `class` is what the class map says. */
void object_free_slow(void *ptr, size_t class) NOINLINE;
void object_free_for_slow(void *ptr, size_t class, const void *caller) NOINLINE;

static ALWAYS_INLINE void object_free(void *ptr)
{
	if (UNLIKELY(!arena_has(ptr))) {
		object_free_slow(ptr, 0);
		return;
	}
	size_t class = arena_class_of(ptr);
	if (UNLIKELY(!heap_may_begin(ptr, class)) || UNLIKELY(!cache_push(cache_self, class, ptr)))
		object_free_slow(ptr, class);
}

static ALWAYS_INLINE void object_free_for(void *ptr, const void *caller)
{
	size_t class = heap_mapped_class(ptr);

	if (UNLIKELY(!cache_push(cache_self, class, ptr)))
		object_free_for_slow(ptr, class, caller);
}

/* What is tied to an object comes to its end; nothing, if none begins there. */
void object_specials_end(struct span *span, void *ptr);

/* ptr is not NULL, bytes not 0.  What holds no pointers still holds none. */
void *object_realloc(void *ptr, size_t bytes, const void *caller);

/* Whether the program said that it holds no pointers. */
bool object_is_noscan(const void *ptr);

size_t object_usable_bytes(const void *ptr, const void *caller);

bool object_lookup(const void *ptr, void **base, size_t *size_bytes);

/* The same of an address known to lie in this span, without a lock. */
bool object_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes);

#endif
