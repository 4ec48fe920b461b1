#include "heap/heap.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/large.h"
#include "heap/magazine.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/release.h"
#include "heap/slowpath.h"

void *heap_alloc_zeroed(size_t bytes, uint32_t family)
{
	bool is_zero = false;

	if (bytes > SMALL_MAX_BYTES)
		return large_hint(large_alloc(bytes, 1, true), family);
	uint32_t class = size_class_of(bytes) + family;
	void *object = cache_pop(cache_self, class);
	if (object == NULL)
		object = heap_alloc_class_slow(class, bytes, &is_zero);
	return object != NULL && !is_zero ? memset(object, 0, bytes) : object;
}

void *heap_alloc_aligned(size_t align_bytes, size_t bytes, uint32_t family)
{
	size_t rounded;
	bool is_zero;

	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->alloc(bytes, align_bytes, family, false);
	bytes = bytes != 0 ? bytes : 1;
	/* A class that holds a multiple of a power of two is one itself, and spans
	   begin on a page (heap/size_class.h). */
	if (__builtin_add_overflow(bytes, align_bytes - 1, &rounded))
		return heap_out_of_memory(bytes);
	rounded = bits_round_down(rounded, align_bytes);
	if (align_bytes <= PAGE_BYTES && rounded <= SMALL_MAX_BYTES)
		return heap_alloc_class_slow(size_class_of(rounded) + family, rounded, &is_zero);
	return large_hint(large_alloc(bytes, align_bytes, false), family);
}

static uint32_t class_at(const void *ptr)
{
	uint32_t class = arena_class_at(arena_page_of(ptr));

	if (LIKELY(class - 1 < SIZE_CLASS_COUNT - 1))
		return class;
	const struct span *span = span_of_small(ptr); /* an unusual one */
	return span != NULL ? span->class : 0;
}

uint32_t heap_family(const void *ptr)
{
	uint32_t class = class_at(ptr);

	return class != 0 ? size_class_family(class) : large_family(ptr);
}

/* The object that this thread freed the last. */
static bool was_just_freed(const void *ptr, uint32_t class)
{
	struct cache *cache = cache_self;

	return word_load(cache_slots(cache) + word_load(&cache->magazines[class].top)) == ptr;
}

/* An object begins there that is neither home nor was just freed. */
static void expect_small(const void *ptr, uint32_t class, const char *call, const void *caller)
{
	const struct span *span = span_of_small(ptr);

	if (LIKELY(span_is_out(span, ptr)) && LIKELY(!was_just_freed(ptr, class)))
		return;
	if (!span_is_out(span, ptr) && !span_is_home(span, ptr))
		misuse_bad_pointer(call, ptr, caller);
	misuse_double_free(call, ptr, caller);
}

size_t heap_usable_bytes_for(const void *ptr, const char *call, const void *caller)
{
	uint32_t class = class_at(ptr);

	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->usable_bytes(ptr, call, caller);
	if (class != 0) {
		expect_small(ptr, class, call, caller);
		return size_classes[class].object_bytes;
	}
	if (ptr == NULL)
		return 0;
	size_t bytes = large_usable_bytes(ptr);
	if (bytes == 0)
		misuse_bad_pointer(call, ptr, caller);
	return bytes;
}

size_t heap_usable_bytes(const void *ptr, const void *caller)
{
	return heap_usable_bytes_for(ptr, "malloc_usable_size", caller);
}

/* Of the class for `roomy_bytes`, for so many that were asked for: what samples count. */
static void *alloc_roomy(size_t roomy_bytes, size_t bytes, uint32_t family)
{
	uint32_t class = size_class_of(roomy_bytes) + family;
	void *object = cache_pop(cache_self, class);
	bool is_zero;

	return LIKELY(object != NULL) ? object : heap_alloc_class_slow(class, bytes, &is_zero);
}

static void *move_to(size_t old_bytes, size_t roomy_bytes, size_t bytes, uint32_t family)
{
	/* What grows will grow again: a large object may do so where it stands. */
	if (roomy_bytes > max_bytes(old_bytes, SHARED_MAX_BYTES))
		return large_hint(large_alloc(bytes, 1, false), family);
	return alloc_roomy(roomy_bytes, bytes, family);
}

static void *move(void *ptr, size_t old_bytes, size_t roomy_bytes, size_t bytes, const void *caller)
{
	int saved = errno;
	void *to = move_to(old_bytes, roomy_bytes, bytes, heap_family(ptr));

	if (to == NULL) {
		if (bytes > old_bytes)
			return NULL;
		errno = saved; /* to make an object smaller never fails, as in glibc */
		return ptr;
	}
	memcpy(to, ptr, min_bytes(old_bytes, bytes));
	heap_free_for(ptr, caller);
	return to;
}

static void *realloc_small(void *ptr, uint32_t class, size_t bytes, const void *caller)
{
	size_t old_bytes = size_classes[class].object_bytes, roomy_bytes = bytes;

	/* One comparison, where a look at the span would be felt. */
	if (UNLIKELY(was_just_freed(ptr, class)))
		misuse_double_free("realloc", ptr, caller);
	/* A little smaller stays: moving it would cost more than it saves. */
	if (bytes <= old_bytes && (bytes > old_bytes / 2 || old_bytes <= REALLOC_STAYS_BYTES))
		return ptr;
	/* A little larger grows by a quarter: what is appended to byte by byte is else
	   copied at each of eight classes until it has doubled (as rpmalloc does). */
	if (bytes > old_bytes)
		roomy_bytes = max_bytes(bytes, min_bytes(old_bytes + old_bytes / 4, SHARED_MAX_BYTES));
	return move(ptr, old_bytes, roomy_bytes, bytes, caller);
}

void *heap_realloc(void *ptr, size_t bytes, const void *caller)
{
	uint32_t class = class_at(ptr);

	if (bytes > PTRDIFF_MAX)
		return heap_out_of_memory(bytes);
	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->resize(ptr, bytes, caller);
	if (class != 0)
		return realloc_small(ptr, class, bytes, caller);
	bool is_placed = large_is_placed(ptr);
	if (UNLIKELY(is_placed))
		heap_sample_checks->expect(ptr, "realloc", caller);
	else if (bytes > SHARED_MAX_BYTES)
		return large_resize(ptr, bytes, caller);
	size_t old_bytes = large_usable_bytes(ptr);
	if (old_bytes == 0)
		misuse_bad_pointer("realloc", ptr, caller);
	return bytes != old_bytes ? move(ptr, old_bytes, bytes, bytes, caller) : ptr;
}

bool heap_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes)
{
	bool is_small = span->kind == SPAN_SMALL;
	size_t offset = (size_t)((const char *)ptr - span_address(span)), start = 0;
	size_t bytes = is_small ? size_classes[span->class].object_bytes
				: (size_t)span->page_count << PAGE_SHIFT;

	if (!is_small && span->bytes != 0) {
		start = span->offset;
		bytes = span->bytes;
		if (offset - start >= bytes)
			return false; /* beside an object that is checked */
	}
	if (is_small && (offset >= bytes * span_objects(span) || offset < bytes * span->lead))
		return false; /* in what carving left over */
	if (is_small && base != NULL)
		start = size_class_index(span->class, offset) * bytes;
	if (base != NULL)
		*base = span_address(span) + start;
	if (size_bytes != NULL)
		*size_bytes = bytes;
	return true;
}

bool heap_lookup(const void *ptr, void **base, size_t *size_bytes)
{
	struct cache *cache = heap_cache_acquire();
	const struct span *span = cache != NULL ? span_containing(ptr) : NULL;

	if (cache != NULL) {
		word_add(&cache->nlookup, 1);
		heap_cache_release(cache);
	}
	if (span == NULL || !heap_find(span, ptr, base, size_bytes))
		return false;
	if (UNLIKELY(heap_checks != NULL) && size_bytes != NULL)
		*size_bytes = heap_checks->object_bytes(span, ptr);
	return true;
}

static size_t released_pages(void)
{
	lock_acquire(&page_heap_lock);
	size_t pages = page_heap_idle_pages() - page_heap.dirty_pages - page_heap.fresh_pages;
	lock_release(&page_heap_lock);
	return pages;
}

bool heap_trim(size_t keep_bytes)
{
	struct cache *cache = heap_cache_acquire();

	if (cache == NULL)
		return false;
	/* Spans that empty out may give back memory before it is asked for below. */
	size_t before = released_pages();
	heap_reclaim(cache);
	heap_cache_release(cache);
	release_down_to(keep_bytes >> PAGE_SHIFT);
	return released_pages() > before;
}

void heap_fork_prepare(void)
{
	lock_acquire(&cache_registry_lock);
	lock_acquire(&cache_shared_mutex);
	lock_acquire(&release_lock);
	central_gate_close();
	lock_acquire(&page_heap_lock);
}

static void fork_release(void (*gate)(void)) UNCHECKED_LOCKING
{
	lock_release(&page_heap_lock);
	gate();
	lock_release(&release_lock);
	lock_release(&cache_shared_mutex);
	lock_release(&cache_registry_lock);
}

void heap_fork_parent(void)
{
	fork_release(central_gate_open);
}

void heap_fork_child(void)
{
	fork_release(central_gate_reset);
	heap_process_is_known();
	cache_abandon_others();
}

void heap_audit(void)
{
	uint64_t inuse = 0;

	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		int64_t net = 0;
		central_lock(class);
		central_audit(class);
		for (uint32_t index = 0; index < cache_count(); index++)
			net += cache_at(index)->classes[class].net;
		if (net != (int64_t)centrals[class].out_objects)
			fatal("audit: threads and pool disagree on a size class");
		inuse += central_span_pages(class);
		central_unlock(class);
	}
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	if (inuse + page_heap.large_pages + page_heap.retired_pages != page_heap.inuse_pages)
		fatal("audit: the spans do not add up to the pages in use");
	lock_release(&page_heap_lock);
}
