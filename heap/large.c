#include "heap/large.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/misuse.h"
#include "heap/page_heap.h"
#include "heap/publish.h"
#include "heap/release.h"
#include "heap/sample.h"
#include "heap/slowpath.h"

enum {
	/* From here on moving page table entries is cheaper than copying, even
	   with the faults that a later split of the mapping brings. */
	MOVE_PAGES_MIN_BYTES = 1 << 20
};

static void count_alloc(struct cache *cache, const struct span *span)
{
	if (CONFIG_BOOKS) {
		word_add(&cache->large_alloc_bytes, (uint64_t)span->page_count << PAGE_SHIFT);
		word_add(&cache->large_nmalloc, 1);
	}
	page_heap.large_objects++;
	page_heap.large_pages += span->page_count;
}

static void count_free(struct cache *cache, const struct span *span)
{
	cache->given_bytes += (uint64_t)span->page_count << PAGE_SHIFT;
	if (CONFIG_BOOKS) {
		word_add(&cache->large_nfree, 1);
		/* Whoever reads that it was freed also reads that it was allocated. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
		word_add(&cache->large_free_bytes, (uint64_t)span->page_count << PAGE_SHIFT);
	}
	page_heap.large_objects--;
	page_heap.large_pages -= span->page_count;
}

/* The program may touch all of it from now on. */
static void mark_dirty(const struct span *span, size_t from_page)
{
	memset(arena.page_info + span_page(span) + from_page, PAGE_WAS_USED | PAGE_IS_DIRTY,
		span->page_count - from_page);
}

/* Zeroes the pages that may hold something, and marks all. */
static void zero_dirty(struct span *span)
{
	uint8_t *info = arena.page_info + span_page(span);

	for (size_t page = 0; page < span->page_count; page++)
		if ((info[page] & PAGE_IS_DIRTY) != 0)
			memset(span_address(span) + (page << PAGE_SHIFT), 0, PAGE_BYTES);
}

static struct span *take_locked(struct cache *cache, size_t pages, size_t align_pages,
	bool *is_zero) REQUIRES(page_heap_lock)
{
	struct span *span = page_heap_take(pages, align_pages, is_zero);

	if (span == NULL)
		return NULL;
	span->class = SIZE_FAMILY_PLAIN;
	span->special = 0;
	span->use = SPAN_ORDINARY;
	span->offset = span->bytes = span->fences = 0;
	word_store(&cache->taken, (uint32_t)span_page(span) + 1);
	span_set_kind(span, SPAN_LARGE);
	count_alloc(cache, span);
	return span;
}

/* From here on its address is on its way, where whoever stops the thread finds it. */
static void *object_of(struct cache *cache, struct span *span)
{
	void *object = span != NULL ? span_object(span) : NULL;

	__asm__ volatile("" : "+r"(object));
	word_store(&cache->taken, 0);
	return object;
}

static struct span *span_take(struct cache *cache, size_t pages, size_t align_pages, bool is_zeroed)
{
	bool is_zero;

	lock_acquire(&page_heap_lock);
	struct span *span = take_locked(cache, pages, align_pages, &is_zero);
	if (span != NULL)
		release_after_change();
	publish_totals();
	lock_release(&page_heap_lock);
	if (span == NULL)
		return NULL;
	/* The pages are ours alone: zeroing needs no lock. */
	if (is_zeroed && !is_zero)
		zero_dirty(span);
	mark_dirty(span, 0);
	publish_thread(cache);
	return span;
}

/* What was asked for has its size now: it may be a sample. */
static void *tell_and_release(struct cache *cache, struct span *span, size_t bytes)
{
	double weight = span != NULL ? sample_large_due(cache, span->page_count << PAGE_SHIFT) : 0;
	void *object = object_of(cache, span);

	heap_cache_release(cache);
	if (UNLIKELY(span != NULL && weight != 0))
		sample_tell(&(struct sample){.object = object, .bytes = bytes,
			.usable_bytes = span->page_count << PAGE_SHIFT, .weight = weight});
	if (object == NULL)
		return heap_out_of_memory(bytes);
	return heap_checks == NULL ? cache_told(object) : object;
}

static struct span *span_take_ticking(struct cache *cache, size_t pages, size_t align_pages,
	bool is_zeroed)
{
	heap_tick(cache);
	struct span *span = span_take(cache, pages, align_pages, is_zeroed);
	if (LIKELY(span != NULL))
		return span;
	heap_reclaim(cache);
	do
		span = span_take(cache, pages, align_pages, is_zeroed);
	while (span == NULL && heap_reclaim_checked());
	return span;
}

void *large_alloc(size_t bytes, size_t align_bytes, bool is_zeroed)
{
	struct cache *cache;
	size_t align_pages = align_bytes > PAGE_BYTES ? align_bytes >> PAGE_SHIFT : 1;

	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->alloc(bytes, align_bytes, SIZE_FAMILY_PLAIN, is_zeroed);
	if (bytes > PTRDIFF_MAX || (cache = heap_cache_acquire()) == NULL)
		return heap_out_of_memory(bytes);
	struct span *span = span_take_ticking(cache, arena_pages_of(bytes), align_pages, is_zeroed);
	return tell_and_release(cache, span, bytes);
}

void *large_alloc_placed(const struct large_place *place, size_t bytes, bool is_zeroed,
	bool is_drawn)
{
	struct cache *cache = heap_cache_acquire();

	if (cache == NULL)
		return NULL;
	struct span *span = span_take_ticking(cache, place->pages, place->align_pages, is_zeroed);
	if (span != NULL) {
		span->offset = place->offset;
		span->bytes = bytes;
	}
	if (span != NULL && is_drawn)
		return tell_and_release(cache, span, bytes);
	void *object = object_of(cache, span);
	heap_cache_release(cache);
	return object;
}

struct span *large_retire(void *ptr)
{
	struct cache *cache = heap_cache_acquire();

	lock_acquire(&page_heap_lock);
	struct span *span = span_of_large(ptr);
	if (span != NULL) {
		count_free(cache, span);
		page_heap.retired_pages += span->page_count;
		span_set_kind(span, SPAN_RETIRED);
		publish_totals();
	}
	lock_release(&page_heap_lock);
	publish_thread(cache);
	heap_tick(cache);
	heap_cache_release(cache);
	return span;
}

void *large_revive(struct span *span, size_t bytes)
{
	struct cache *cache = heap_cache_acquire();

	heap_tick(cache);
	lock_acquire(&page_heap_lock);
	page_heap.retired_pages -= span->page_count;
	span->class = SIZE_FAMILY_PLAIN;
	span->special = 0;
	span->use = SPAN_ORDINARY;
	span->bytes = bytes;
	word_store(&cache->taken, (uint32_t)span_page(span) + 1);
	span_set_kind(span, SPAN_LARGE);
	count_alloc(cache, span);
	publish_totals();
	lock_release(&page_heap_lock);
	publish_thread(cache);
	return tell_and_release(cache, span, bytes);
}

void large_bury(struct span *span)
{
	lock_acquire(&page_heap_lock);
	page_heap.retired_pages -= span->page_count;
	page_heap_give(span);
	release_after_change();
	publish_totals();
	lock_release(&page_heap_lock);
	release_if_wanted();
}

void *large_hint(void *ptr, uint32_t family)
{
	if (ptr != NULL)
		span_of_large(ptr)->class = (uint8_t)family;
	return ptr;
}

uint32_t large_family(const void *ptr)
{
	return span_of_large(ptr)->class;
}

static struct span *span_expected_at(const void *ptr, const char *call, const void *caller)
{
	struct span *span = span_of_large(ptr);

	if (span == NULL)
		misuse_bad_pointer(call, ptr, caller);
	return span;
}

void large_free(void *ptr, const void *caller)
{
	if (UNLIKELY(span_expected_at(ptr, "free", caller)->bytes != 0)) {
		heap_sample_checks->free(ptr, caller);
		return;
	}
	struct cache *cache = heap_cache_acquire();
	lock_acquire(&page_heap_lock);
	struct span *span = span_of_large(ptr); /* two threads may free it at once */
	if (span != NULL) {
		count_free(cache, span);
		page_heap_give(span);
		release_after_change();
		publish_totals();
	}
	lock_release(&page_heap_lock);
	if (span == NULL)
		misuse_double_free("free", ptr, caller);
	publish_thread(cache);
	heap_tick(cache);
	heap_cache_release(cache);
}

bool large_is_placed(const void *ptr)
{
	const struct span *span = span_of_large(ptr);

	return span != NULL && span->bytes != 0;
}

size_t large_usable_bytes(const void *ptr)
{
	const struct span *span = span_of_large(ptr);

	if (span == NULL)
		return 0;
	return span->bytes != 0 ? span->bytes : (size_t)span->page_count << PAGE_SHIFT;
}

/* Where it stands: shorter, or longer into a free neighbour.  It counts as
   the bytes that come or go, and as no allocation. */
static bool resize_in_place(struct cache *cache, struct span *span, size_t pages)
{
	size_t before = span->page_count;

	lock_acquire(&page_heap_lock);
	bool done = true;
	if (pages < before)
		page_heap_trim(span, pages);
	else if (pages > before)
		done = page_heap_extend(span, pages);
	if (done) {
		page_heap.large_pages += span->page_count - before;
		if (pages > before)
			word_add(&cache->large_alloc_bytes, (pages - before) << PAGE_SHIFT);
		else
			word_add(&cache->large_free_bytes, (before - pages) << PAGE_SHIFT);
		release_after_change();
		publish_totals();
	}
	lock_release(&page_heap_lock);
	if (!done)
		return false;
	if (pages > before)
		mark_dirty(span, before);
	publish_thread(cache);
	return true;
}

size_t large_move(void *to, void *from, size_t bytes)
{
	size_t whole = bits_round_down(bytes, PAGE_BYTES);
	bool moves = bytes >= MOVE_PAGES_MIN_BYTES && os_move(from, to, whole);
	size_t moved = moves ? whole : 0;

	memcpy((char *)to + moved, (const char *)from + moved, bytes - moved);
	return moved;
}

/* To another run: by moving the pages themselves, or by copying. */
static struct span *resize_elsewhere(struct cache *cache, struct span *span, size_t pages)
{
	size_t bytes = (size_t)span->page_count << PAGE_SHIFT;
	struct span *to = span_take(cache, pages, 1, false);

	if (to == NULL)
		return NULL;
	size_t moved = large_move(span_address(to), span_address(span), bytes);
	to->class = span->class;
	lock_acquire(&page_heap_lock);
	if (moved != 0) /* what is left behind reads zero */
		memset(arena.page_info + span_page(span), PAGE_WAS_USED, span->page_count);
	count_free(cache, span);
	page_heap_give(span);
	release_after_change();
	publish_totals();
	lock_release(&page_heap_lock);
	publish_thread(cache);
	return to;
}

void *large_resize(void *ptr, size_t bytes, const void *caller)
{
	struct span *span = span_expected_at(ptr, "realloc", caller);
	size_t pages = arena_pages_of(bytes);
	struct cache *cache = heap_cache_acquire();
	if (pages == span->page_count) {
		heap_cache_release(cache);
		return ptr;
	}
	if (!resize_in_place(cache, span, pages))
		span = resize_elsewhere(cache, span, pages);
	return tell_and_release(cache, span, bytes);
}
