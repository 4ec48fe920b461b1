#include "heap/collectable.h"

#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "heap/apart.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/large.h"
#include "heap/publish.h"
#include "heap/slowpath.h"

/* The object is counted as one that went through the cache. */
static void *take(struct cache *cache, uint32_t class) REQUIRES(centrals[class].lock)
{
	void *object = apart_take(class, SPAN_COLLECTABLE);

	if (object == NULL)
		return NULL;
	cache_change_begin(cache, class);
	cache->classes[class].armed += CONFIG_BOOKS;
	cache->classes[class].net++;
	cache_change_end(cache);
	publish_batch(class);
	return object;
}

/* Not zeroed.  NULL with ENOMEM. */
static void *alloc_class(uint32_t class, size_t bytes)
{
	struct cache *cache = heap_cache_acquire();
	void *object = NULL;

	if (cache == NULL)
		return heap_out_of_memory(bytes);
	for (int tries = 0; tries < 2 && object == NULL; tries++) {
		if (tries != 0)
			heap_reclaim(cache);
		heap_tick(cache);
		if (!cache_has_magazine(cache, class) && !cache_open_hinted(cache))
			continue;
		central_lock(class);
		object = take(cache, class);
		central_unlock(class);
	}
	if (object != NULL)
		publish_row(cache, class);
	heap_cache_release(cache);
	if (object == NULL)
		return heap_out_of_memory(bytes);
	return heap_checks == NULL ? cache_told(object) : object;
}

void *collectable_alloc_class(uint32_t class, size_t bytes)
{
	void *object = alloc_class(class, bytes);

	return object != NULL ? memset(object, 0, size_classes[class].object_bytes) : NULL;
}

static void *alloc_large(size_t bytes, uint32_t family)
{
	void *object = large_hint(large_alloc(bytes, 1, true), family);

	if (object != NULL)
		span_of_large(object)->use = SPAN_COLLECTABLE;
	return object;
}

static void *alloc_checked(size_t bytes, uint32_t family)
{
	size_t room_bytes = max_bytes(bytes, 1) + heap_checks->tail_bytes;

	if (bytes > SHARED_MAX_BYTES || room_bytes > SHARED_MAX_BYTES)
		return alloc_large(bytes, family);
	void *object = alloc_class(size_class_of(room_bytes) + family, bytes);
	if (object == NULL)
		return NULL;
	heap_checks->adopt(object, max_bytes(bytes, 1));
	return cache_told(memset(object, 0, bytes));
}

void *collectable_alloc(size_t bytes, uint32_t family)
{
	if (UNLIKELY(heap_checks != NULL))
		return alloc_checked(bytes, family);
	return bytes <= SMALL_MAX_BYTES ? collectable_alloc_class(size_class_of(bytes) + family, bytes)
					: alloc_large(bytes, family);
}
