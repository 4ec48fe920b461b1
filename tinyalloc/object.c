#include "tinyalloc/object.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "heap/checks.h"
#include "heap/collectable.h"
#include "heap/heap.h"
#include "tinyalloc/special.h"

char object_of_no_bytes[1] __attribute__((aligned(TINY_BLOCK_BYTES)));

void *object_alloc_collectable(size_t bytes, bool is_noscan)
{
	if (!is_noscan)
		return collectable_alloc(bytes, SIZE_FAMILY_PLAIN);
	if (bytes == 0)
		return object_of_no_bytes;
	if (bytes < TINY_BLOCK_BYTES && heap_checks == NULL)
		return tiny_alloc_collectable(bytes, tiny_align_of(bytes));
	return collectable_alloc(bytes, SIZE_FAMILY_NOSCAN);
}

void *object_alloc_fitted_slow(size_t bytes, size_t align_bytes)
{
	uint32_t class = object_fitted_class(bytes, align_bytes);
	bool is_zero;

	if (bytes == 0)
		return object_of_no_bytes;
	return class != 0 ? heap_alloc_class_slow(class, bytes, &is_zero) : tiny_alloc(bytes, align_bytes);
}

/* The span of an object that reads class 0, or is of less than 16 bytes; NULL if it is not,
   or none. */
static struct span *unusual_span_of(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (!arena_holds(page) || arena_class_at(page) - 1 < SIZE_CLASS_TINY - 1)
		return NULL;
	return span_of_object(ptr);
}

static bool is_tiny(const struct span *span)
{
	return span->kind == SPAN_SMALL && span->class == SIZE_CLASS_TINY;
}

/* Of objects of less than 16 bytes. */
static bool is_small(const struct span *span)
{
	return span->kind == SPAN_SMALL && span->class >= SIZE_CLASS_TINY;
}

/* The span of tiny blocks that an address lies in; NULL if it lies in none. */
static struct span *tiny_span_of(const void *ptr)
{
	struct span *span = unusual_span_of(ptr);

	return span != NULL && is_tiny(span) ? span : NULL;
}

bool object_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes)
{
	return heap_find(span, ptr, base, size_bytes) &&
		(!is_tiny(span) || tiny_find(ptr, base, size_bytes));
}

/* What is tied to an object; nothing, if none begins there. */
static struct special_chain specials_take(struct span *span, void *ptr)
{
	size_t bytes;
	void *object;

	if (word_load(&span->special) == 0 ||
		!object_find(span, ptr, &object, &bytes) || object != ptr)
		return (struct special_chain){0};
	return special_take(span, object, bytes);
}

static void specials_end(struct special_chain *chain, size_t from_byte)
{
	int saved = errno; /* this may be a free() */

	special_run(chain, from_byte);
	errno = saved;
}

static void free_of(const struct span *span, void *ptr, const void *caller)
{
	if (!is_tiny(span))
		heap_free_for_slow(ptr, caller);
	else if (arena_class_at(arena_page_of(ptr)) == CLASS_MAP_TINY)
		tiny_free(ptr, caller);
	else
		tiny_free_home(ptr, caller);
}

void object_specials_end(struct span *span, void *ptr)
{
	struct special_chain chain = specials_take(span, ptr);

	special_end_tag(&chain);
	if (chain.first != 0)
		specials_end(&chain, 0);
}

/* With the span's last special it may be an ordinary one again. */
static COLD void free_special(struct span *span, void *ptr, const void *caller)
{
	object_specials_end(span, ptr);
	free_of(span, ptr, caller);
}

static NOINLINE void free_unusual(void *ptr, const void *caller)
{
	if (UNLIKELY(heap_checks != NULL)) {
		heap_checks->free(ptr, caller);
		return;
	}
	struct span *span = unusual_span_of(ptr);

	if (span != NULL && LIKELY(word_load(&span->special) == 0 && !is_small(span)))
		heap_free_span(span, ptr, caller);
	else if (span != NULL)
		free_special(span, ptr, caller);
	else if (ptr != object_of_no_bytes)
		heap_free_for_slow(ptr, caller);
}

static ALWAYS_INLINE void free_for(void *ptr, size_t class, const void *caller)
{
	if (LIKELY(class == CLASS_MAP_TINY))
		tiny_free(ptr, caller);
	else
		free_unusual(ptr, caller);
}

void object_free_for_slow(void *ptr, size_t class, const void *caller)
{
	free_for(ptr, class, caller);
}

LINE_ALIGNED void object_free_slow(void *ptr, size_t class)
{
	free_for(ptr, class, __builtin_return_address(0));
}

static size_t usable_of(const struct span *span, const void *ptr, const char *call,
	const void *caller)
{
	return is_tiny(span) ? tiny_usable_bytes(ptr, call, caller)
			     : heap_usable_bytes_for(ptr, call, caller);
}

/* An object of so many bytes may be of any type that fits: a neighbour's leavings may be
   enough, and begin at an odd byte. */
static bool is_aligned_for(const void *ptr, size_t bytes)
{
	size_t align = min_bytes((size_t)1 << bits_log2(bytes), sizeof(uint64_t));

	return (uintptr_t)ptr % align == 0 || bytes <= 1;
}

/* What is of a tiny block, or collectable, is so in its new place. */
static void *realloc_unusual(struct span *span, void *ptr, size_t bytes, const void *caller)
{
	size_t usable = usable_of(span, ptr, "realloc", caller);

	/* Of objects that are told each has a block of its own (tinyalloc/tagged.h). */
	bool may_stay = !is_small(span) || !cache_is_told;

	if (may_stay && bytes <= usable && (bytes > usable / 2 || usable <= SHARED_MAX_BYTES) &&
		is_aligned_for(ptr, bytes)) {
		if (UNLIKELY(heap_checks != NULL))
			heap_checks->shrink(ptr, bytes);
		return ptr;
	}
	void *to = span_is_collectable(span) ? object_alloc_collectable(bytes, object_is_noscan(ptr))
					: object_alloc_noscan(bytes, sizeof(uint64_t));
	if (to == NULL)
		return NULL;
	memcpy(to, ptr, min_bytes(usable, bytes));
	free_unusual(ptr, caller);
	return to;
}

static void *realloc_any(struct span *span, void *ptr, size_t bytes, const void *caller)
{
	return span != NULL && (is_small(span) || span_is_collectable(span))
		? realloc_unusual(span, ptr, bytes, caller)
		: heap_realloc(ptr, bytes, caller);
}

/* What is tied to it goes along, but for what is tied to bytes that it loses, and that it
   is a sample, unless it stayed as it is. */
static COLD void *realloc_special(struct span *span, void *ptr, size_t bytes, const void *caller)
{
	struct special_chain chain = specials_take(span, ptr);
	size_t usable_bytes = chain.first != 0 ? object_usable_bytes(ptr, caller) : 0;

	specials_end(&chain, bytes);
	special_unsee(&chain);
	void *to = realloc_any(span, ptr, bytes, caller);
	if (to != NULL)
		special_end_tag(&chain);
	else
		special_tie_tag(&chain, ptr);
	if (chain.first == 0)
		return to;
	bool is_same = to == NULL || (to == ptr && object_usable_bytes(ptr, caller) == usable_bytes);
	if (to != NULL)
		special_resize(&chain, is_same, bytes);
	else
		special_resize_failed(&chain);
	special_tie(&chain, to != NULL ? to : ptr);
	return to;
}

static ALWAYS_INLINE void *realloc_untold(void *ptr, size_t bytes, const void *caller)
{
	struct span *span = unusual_span_of(ptr);

	if (UNLIKELY(ptr == object_of_no_bytes))
		return object_alloc_noscan(bytes, sizeof(uint64_t));
	if (span != NULL && UNLIKELY(word_load(&span->special) != 0))
		return realloc_special(span, ptr, bytes, caller);
	return realloc_any(span, ptr, bytes, caller);
}

/* What stayed where it was is told here; what is new was told of then, and is not heard again. */
static COLD void *realloc_told(void *ptr, size_t bytes, const void *caller)
{
	return cache_told(realloc_untold(ptr, bytes, caller));
}

void *object_realloc(void *ptr, size_t bytes, const void *caller)
{
	return UNLIKELY(cache_is_told) ? realloc_told(ptr, bytes, caller)
				       : realloc_untold(ptr, bytes, caller);
}

bool object_is_noscan(const void *ptr)
{
	return tiny_span_of(ptr) != NULL || ptr == object_of_no_bytes ||
		heap_family(ptr) == SIZE_FAMILY_NOSCAN;
}

size_t object_usable_bytes(const void *ptr, const void *caller)
{
	if (UNLIKELY(tiny_span_of(ptr) != NULL))
		return tiny_usable_bytes(ptr, "malloc_usable_size", caller);
	return ptr != object_of_no_bytes ? heap_usable_bytes(ptr, caller) : 0;
}

bool object_lookup(const void *ptr, void **base, size_t *size_bytes)
{
	const struct span *span = tiny_span_of(ptr);
	size_t bytes;
	void *object;

	if (LIKELY(span == NULL))
		return heap_lookup(ptr, base, size_bytes);
	if (!heap_lookup(ptr, NULL, NULL) || !tiny_find(ptr, &object, &bytes))
		return false;
	if (base != NULL)
		*base = object;
	if (size_bytes != NULL)
		*size_bytes = bytes;
	return true;
}
