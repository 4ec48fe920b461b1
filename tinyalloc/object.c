#include "tinyalloc/object.h"

#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "heap/heap.h"

char object_of_no_bytes[1] __attribute__((aligned(TINY_BLOCK_BYTES)));

/* The span of tiny blocks that an address lies in; NULL if it lies in none. */
static struct span *tiny_span_of(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (page >= arena.page_count || arena.class_map[page] != 0)
		return NULL;
	struct span *span = span_of_small(ptr);
	return span != NULL && span->class == SIZE_CLASS_TINY ? span : NULL;
}

void object_free_for_slow(void *ptr, const void *caller)
{
	if (tiny_is_own(ptr)) {
		tiny_free_own(ptr, caller);
		return;
	}
	struct span *span = tiny_span_of(ptr);
	if (LIKELY(span != NULL))
		tiny_free(span, ptr, caller);
	else if (ptr != object_of_no_bytes)
		heap_free_for_slow(ptr, caller);
}

void object_free_slow(void *ptr)
{
	if (!tiny_free_hits(ptr))
		object_free_for_slow(ptr, __builtin_return_address(0));
}

static void *tiny_realloc(const struct span *span, void *ptr, size_t bytes, const void *caller)
{
	size_t usable = tiny_usable_bytes(span, ptr, "realloc", caller);

	if (bytes <= usable)
		return ptr;
	/* As strings are appended to: in steps that grow with them. */
	void *to = object_alloc_noscan(bytes, sizeof(uint64_t));
	if (to == NULL)
		return NULL;
	memcpy(to, ptr, usable);
	object_free_for(ptr, caller);
	return to;
}

void *object_realloc(void *ptr, size_t bytes, const void *caller)
{
	const struct span *span = tiny_span_of(ptr);

	if (UNLIKELY(span != NULL))
		return tiny_realloc(span, ptr, bytes, caller);
	if (UNLIKELY(ptr == object_of_no_bytes))
		return object_alloc_noscan(bytes, sizeof(uint64_t));
	return heap_realloc(ptr, bytes, caller);
}

bool object_is_noscan(const void *ptr)
{
	return tiny_span_of(ptr) != NULL || ptr == object_of_no_bytes ||
		heap_family(ptr) == SIZE_FAMILY_NOSCAN;
}

size_t object_usable_bytes(const void *ptr, const void *caller)
{
	const struct span *span = tiny_span_of(ptr);

	if (UNLIKELY(span != NULL))
		return tiny_usable_bytes(span, ptr, "malloc_usable_size", caller);
	return ptr != object_of_no_bytes ? heap_usable_bytes(ptr, caller) : 0;
}

bool object_lookup(const void *ptr, void **base, size_t *size_bytes)
{
	void *block;
	size_t block_bytes;
	const struct span *span = tiny_span_of(ptr);
	bool found = heap_lookup(ptr, span != NULL ? &block : base,
		span != NULL ? &block_bytes : size_bytes);

	if (!found || span == NULL)
		return found;
	return tiny_find(span, ptr, base != NULL ? base : &block,
		size_bytes != NULL ? size_bytes : &block_bytes);
}
