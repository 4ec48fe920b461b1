#include "heap/snapshot.h"

#include <string.h>

#include "base/bits.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "heap/page_heap.h"
#include "heap/stacks.h"

/* One class over all threads. */
struct class_sums {
	uint64_t nmalloc;
	int64_t live_objects;
	uint64_t held_objects;
};

static struct class_sums class_collect(uint32_t class)
{
	struct class_sums sums = {0};

	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache_row row = cache_read_row(cache_at(index), class);
		sums.nmalloc += row.nmalloc;
		sums.live_objects += row.live_objects;
		sums.held_objects += row.held_objects;
	}
	/* Threads that run meanwhile can make a sum of moments negative. */
	if (sums.live_objects < 0)
		sums.live_objects = 0;
	return sums;
}

static void large_collect(struct mstat_snapshot *out)
{
	uint64_t allocated = 0, freed = 0;

	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		/* What was freed first: then what was allocated cannot be less. */
		freed += word_load(&cache->large_free_bytes);
		out->large_nfree += word_load(&cache->large_nfree);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		allocated += word_load(&cache->large_alloc_bytes);
		out->large_nmalloc += word_load(&cache->large_nmalloc);
		out->nlookup += word_load(&cache->nlookup);
		out->thread_count += index != CACHE_SHARED && cache_state(cache) == CACHE_LIVE;
	}
	out->large_alloc = allocated - freed;
	out->alloc += out->large_alloc;
	out->total_alloc += allocated;
	out->nmalloc += out->large_nmalloc;
	out->nfree += out->large_nfree;
	out->heap_objects += out->large_nmalloc - out->large_nfree;
}

/* What is hinted is of the same size as what is not, and stands in the same row. */
static struct mstat_size_class *row_of(struct mstat_snapshot *out, uint32_t class)
{
	return size_class_is_fine(class) ? &out->by_fine_size[class - SIZE_CLASS_TINY]
					  : &out->by_size[size_class_unhinted(class)];
}

static void small_collect(struct mstat_snapshot *out)
{
	uint32_t end = size_class_end_now();

	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++)
		row_of(out, class)->size_bytes = size_classes[class].object_bytes;
	for (uint32_t class = 1; class < end; class++) {
		struct mstat_size_class *row = row_of(out, class);
		uint64_t bytes = size_classes[class].object_bytes;
		struct class_sums sums = class_collect(class);
		uint64_t live = (uint64_t)sums.live_objects;
		uint64_t nfree = sums.nmalloc > live ? sums.nmalloc - live : 0;
		row->nmalloc += sums.nmalloc;
		row->nfree += nfree;
		out->alloc += live * bytes;
		if (class == 1)
			out->combinable_alloc = live * bytes;
		if (class >= SIZED_CLASS_COUNT)
			out->noscan_alloc += live * bytes;
		if (class >= SIZE_CLASS_TINY)
			out->tiny_alloc += live * bytes;
		if (size_class_is_fine(class)) {
			out->tiny_nmalloc += sums.nmalloc;
			out->tiny_nfree += nfree;
		}
		out->total_alloc += sums.nmalloc * bytes;
		out->nmalloc += sums.nmalloc;
		out->nfree += nfree;
		out->heap_objects += live + sums.held_objects;
		out->magazine_bytes += sums.held_objects * bytes;
		out->span_released_bytes += word_load(&centrals[class].released_bytes);
	}
}

static void tiny_collect(struct mstat_snapshot *out)
{
	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		out->tiny_nfree += word_load(&cache->tiny_nfree);
		out->tiny_nmalloc += word_load(&cache->tiny_nmalloc);
	}
	uint64_t alone_bytes = (out->tiny_nmalloc - out->tiny_nfree) * TINY_BLOCK_BYTES;
	/* A block that a thread still fills may have lost all its objects to others. */
	if ((int64_t)alone_bytes > (int64_t)out->tiny_alloc)
		out->tiny_saved_bytes = alone_bytes - out->tiny_alloc;
}

static void pages_collect(struct mstat_snapshot *out)
{
	uint64_t inuse = word_load(&page_heap.inuse_pages);
	uint64_t dirty = word_load(&page_heap.dirty_pages);
	uint64_t fresh = word_load(&page_heap.fresh_pages);
	uint64_t mapped = arena_mapped_bytes() >> PAGE_SHIFT;
	uint64_t idle = mapped > inuse ? mapped - inuse : 0;
	uint64_t released = idle > dirty + fresh ? idle - dirty - fresh : 0;

	out->heap_sys = mapped << PAGE_SHIFT;
	out->heap_inuse = inuse << PAGE_SHIFT;
	out->heap_idle = idle << PAGE_SHIFT;
	out->heap_released = released << PAGE_SHIFT;
	out->idle_kept_bytes = dirty << PAGE_SHIFT;
	out->never_used_bytes = fresh << PAGE_SHIFT;
	out->metadata_bytes = word_load(&arena.metadata_bytes);
}

static void stacks_collect(struct mstat_snapshot *out)
{
	struct stacks_totals stacks = stacks_read();

	out->stacks_inuse = stacks.inuse_bytes;
	out->stacks_sys = stacks.sys_bytes;
}

void heap_snapshot(struct mstat_snapshot *out)
{
	memset(out, 0, sizeof(*out));
	out->struct_bytes = sizeof(*out);
	out->version = MSTAT_SNAPSHOT_VERSION;
	out->size_class_count = SIZED_CLASS_COUNT;
	pages_collect(out);
	small_collect(out);
	large_collect(out);
	tiny_collect(out);
	stacks_collect(out);
	out->heap_alloc = out->alloc + out->magazine_bytes;
	out->span_free_bytes =
		out->heap_inuse > out->heap_alloc ? out->heap_inuse - out->heap_alloc : 0;
	out->sys = out->heap_sys + out->stacks_sys + out->metadata_bytes;
}

/* The fine ones come last, and only if there were any. */
static uint32_t source_class_count(void)
{
	return SIZED_CLASS_COUNT + (word_load(&size_class_has_fine) ? FINE_CLASS_COUNT : 0);
}

static void source_add(uint32_t class, struct source_class *out)
{
	const struct central *central = &centrals[class];
	struct class_sums sums = class_collect(class);
	uint64_t spans = word_load(&central->span_count);
	uint64_t objects = central_span_objects(class);
	uint64_t held = (uint64_t)sums.live_objects + sums.held_objects;

	out->nmalloc += sums.nmalloc;
	out->nfree += sums.nmalloc - (uint64_t)sums.live_objects;
	out->live_objects += (uint64_t)sums.live_objects;
	out->magazine_objects += sums.held_objects;
	out->span_free_objects += objects > held ? objects - held : 0;
	out->span_count += spans;
	out->span_bytes += central_span_pages(class) << PAGE_SHIFT;
	out->sampled_objects += word_load(&central->sampled_objects);
	out->sampled_bytes += word_load(&central->sampled_bytes);
}

static void source_size_class(uint32_t row, struct source_class *out)
{
	bool is_fine = row >= SIZED_CLASS_COUNT;
	uint32_t class = is_fine ? SIZE_CLASS_TINY + 1 + row - SIZED_CLASS_COUNT : row;

	*out = (struct source_class){
		.object_bytes = size_classes[class].object_bytes,
	};
	source_add(class, out);
	if (is_fine || size_class_end_now() == SIZED_CLASS_COUNT)
		return;
	source_add(class + SIZE_FAMILY_NOSCAN, out);
	if (class == size_class_unhinted(SIZE_CLASS_TINY))
		source_add(SIZE_CLASS_TINY, out);
}

static uint64_t magazine_bytes(const struct cache *cache)
{
	uint64_t bytes = 0;

	for (uint32_t class = 1; class < cache_class_end(cache); class++)
		bytes += cache_read_row(cache, class).held_objects * size_classes[class].object_bytes;
	return bytes;
}

/* What the present thread of a slot did: the slot's sums less those it found. */
static void thread_figures(const struct cache *cache, struct mstat_thread_snapshot *out)
{
	struct cache_sums sums = cache_read_sums(cache);

	*out = (struct mstat_thread_snapshot){
		.struct_bytes = sizeof(*out),
		.tid = cache->tid,
		.alloc = sums.alloc - cache->base.alloc,
		.total_alloc = sums.total_alloc - cache->base.total_alloc,
		.nmalloc = sums.nmalloc - cache->base.nmalloc,
		.nfree = sums.nfree - cache->base.nfree,
		.magazine_bytes = magazine_bytes(cache),
	};
}

static bool source_thread(uint32_t index, struct source_thread *out)
{
	const struct cache *cache = cache_at(index);

	if (cache_state(cache) == CACHE_NEVER)
		return false;
	out->tid = word_load(&cache->tid);
	out->is_live = cache_state(cache) == CACHE_LIVE;
	memcpy(out->name, cache->name, sizeof(out->name));
	thread_figures(cache, &out->figures);
	return true;
}

struct source heap_source = {
	.snapshot = heap_snapshot,
	.class_count = source_class_count,
	.size_class = source_size_class,
	.thread_count = cache_count,
	.thread = source_thread,
};

bool heap_thread_snapshot(int tid, struct mstat_thread_snapshot *out)
{
	if (tid == 0) {
		if (cache_own == &cache_none)
			return false;
		thread_figures(cache_own, out);
		return true;
	}
	for (uint32_t index = CACHE_SHARED + 1; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		if (cache_state(cache) == CACHE_LIVE && word_load(&cache->tid) == tid) {
			thread_figures(cache, out);
			return true;
		}
	}
	return false;
}
