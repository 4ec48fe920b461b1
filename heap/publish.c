#include "heap/publish.h"

#include <string.h>

#include "base/config.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/stacks.h"
#include "stats/box.h"

enum {
	/* A new peak is news when it is a sixteenth, and a megabyte, above the last. */
	PEAK_STEP_SHARE = 16,
	PEAK_STEP_MIN_BYTES = 1 << 20,
	BATCHES_A_TELLING = 8
};

static uint64_t totals_generation;

static struct {
	uint64_t generation;
	uint64_t span_count;
	uint64_t released_bytes;
	uint32_t untold_batches;
} classes[SIZE_CLASS_COUNT];

static uint64_t peak_count, highest_peak_bytes;
static struct box_peak last_peak;
static uint64_t peak_generations[BOX_PEAKS_MAX];

uint64_t publish_peak_count(void)
{
	return word_load(&peak_count);
}

static void publish_last_peak(void) REQUIRES(page_heap_lock)
{
	uint32_t index = (uint32_t)((last_peak.sequence - 1) % BOX_PEAKS_MAX);

	box_write(BOX_SECTION_PEAKS, index, &last_peak, &peak_generations[index]);
}

static void note_peak(const struct box_totals *totals) REQUIRES(page_heap_lock)
{
	word_add(&peak_count, 1);
	last_peak = (struct box_peak){
		.sequence = peak_count,
		.realtime_ns = totals->realtime_ns,
		.heap_inuse = totals->heap_inuse,
		.large_bytes = totals->large_bytes,
		.idle_kept_bytes = totals->idle_kept_bytes,
		.thread_count = totals->thread_count,
	};
	publish_last_peak();
}

/* In a ring, so that what led up to the end of a process can be seen. */
static void publish_peak(const struct box_totals *totals) REQUIRES(page_heap_lock)
{
	uint64_t last_bytes = highest_peak_bytes;

	if (totals->heap_inuse < last_bytes + last_bytes / PEAK_STEP_SHARE + PEAK_STEP_MIN_BYTES)
		return;
	highest_peak_bytes = totals->heap_inuse;
	note_peak(totals);
}

static size_t check_bytes(void)
{
	if (heap_checks != NULL)
		return heap_checks->table_bytes();
	return heap_sample_checks != NULL ? heap_sample_checks->table_bytes() : 0;
}

static struct box_totals totals_read(void) REQUIRES(page_heap_lock)
{
	struct stacks_totals stacks = stacks_read();

	return (struct box_totals){
		.realtime_ns = os_coarse_realtime_ns(),
		.heap_sys = arena_mapped_bytes(),
		.heap_inuse = page_heap.inuse_pages << PAGE_SHIFT,
		.large_bytes = page_heap.large_pages << PAGE_SHIFT,
		.large_objects = page_heap.large_objects,
		.idle_kept_bytes = page_heap.dirty_pages << PAGE_SHIFT,
		.heap_released = (page_heap_idle_pages() - page_heap.dirty_pages -
					 page_heap.fresh_pages)
			<< PAGE_SHIFT,
		.never_used_bytes = page_heap.fresh_pages << PAGE_SHIFT,
		.metadata_bytes = arena.metadata_bytes,
		.stacks_inuse = stacks.inuse_bytes,
		.stacks_sys = stacks.sys_bytes,
		.peak_heap_inuse = page_heap.peak_inuse_pages << PAGE_SHIFT,
		.heap_address = arena.pages_address,
		.heap_span_bytes = arena.page_count << PAGE_SHIFT,
		.metadata_address = arena.window_address,
		.metadata_span_bytes = arena.pages_address - arena.window_address,
		.out_of_memory_count = page_heap.out_of_memory_count,
		.thread_count = cache_live_count(),
		.retired_bytes = page_heap.retired_pages << PAGE_SHIFT,
		.check_bytes = check_bytes(),
	};
}

void publish_totals(void)
{
	if (!CONFIG_BOOKS || !box_exists())
		return;
	struct box_totals totals = totals_read();
	box_write(BOX_SECTION_TOTALS, 0, &totals, &totals_generation);
	publish_peak(&totals);
}

struct box_peak publish_peak_now(void)
{
	struct box_peak peak = {0};

	if (!CONFIG_BOOKS || !box_exists())
		return peak;
	lock_acquire(&page_heap_lock);
	struct box_totals totals = totals_read();
	note_peak(&totals);
	peak = last_peak;
	lock_release(&page_heap_lock);
	return peak;
}

void publish_class(uint32_t class)
{
	const struct central *central = &centrals[class];

	if (!CONFIG_BOOKS || !box_exists())
		return;
	struct box_class row = {
		.object_bytes = size_classes[class].object_bytes,
		.span_bytes = central_span_pages(class) << PAGE_SHIFT,
		.span_count = central->span_count,
		.span_objects = central_span_objects(class),
		.out_objects = central->out_objects,
		.sampled_objects = central->sampled_objects,
		.sampled_bytes = central->sampled_bytes,
		.released_bytes = central->released_bytes,
	};
	box_write_class(class, &row, &classes[class].generation);
	classes[class].span_count = central->span_count;
	classes[class].released_bytes = central->released_bytes;
	classes[class].untold_batches = 0;
}

void publish_batch(uint32_t class)
{
	const struct central *central = &centrals[class];

	if (++classes[class].untold_batches >= BATCHES_A_TELLING ||
		central->span_count != classes[class].span_count ||
		central->released_bytes != classes[class].released_bytes)
		publish_class(class);
}

void publish_row(struct cache *cache, uint32_t class)
{
	if (!CONFIG_BOOKS || !cache->is_published || !box_exists())
		return;
	struct box_row row = {
		.nmalloc = cache_nmalloc(cache, class),
		.live_objects = cache->classes[class].net - cache_held(cache, class),
	};
	uint64_t *generation = &cache->classes[class].row_generation;
	if (LIKELY(class < SIZED_CLASS_COUNT))
		box_write_row(cache->index * SIZED_CLASS_COUNT + class, &row, generation);
	else
		box_write_hinted_row(cache->index * HINTED_CLASS_COUNT + class - SIZED_CLASS_COUNT,
			&row, generation);
}

void publish_thread(struct cache *cache)
{
	if (!CONFIG_BOOKS)
		return;
	cache->is_published = box_slot_prepare(cache->index);
	if (!cache->is_published)
		return;
	struct box_thread thread = {
		.state = cache->state,
		.tid = cache->tid,
		.cache_address = (uintptr_t)cache,
		.stack_address = cache->stack_address,
		.large_nmalloc = cache->large_nmalloc,
		.large_nfree = cache->large_nfree,
		.large_alloc_bytes = cache->large_alloc_bytes,
		.large_free_bytes = cache->large_free_bytes,
		.base_nmalloc = cache->base.nmalloc,
		.base_nfree = cache->base.nfree,
		.base_total_alloc = cache->base.total_alloc,
		.base_alloc = cache->base.alloc,
		.nlookup = cache->nlookup,
		.tiny_nmalloc = cache->tiny_nmalloc,
		.tiny_nfree = cache->tiny_nfree,
	};
	memcpy(thread.name, cache->name, sizeof(thread.name));
	box_write(BOX_SECTION_THREADS, cache->index, &thread, &cache->thread_generation);
}

/* A part that was never written reads as zero: none is written only to say that. */
static void publish_used_rows(struct cache *cache)
{
	for (uint32_t class = 1; class < cache_class_end(cache); class++)
		if (cache_is_used(cache, class))
			publish_row(cache, class);
}

static void publish_used_class(uint32_t class)
{
	central_lock(class);
	if (centrals[class].span_count != 0 || centrals[class].sampled_objects != 0)
		publish_class(class);
	central_unlock(class);
}

void publish_all(void)
{
	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		publish_thread(cache);
		publish_used_rows(cache);
	}
	/* Nobody without a cache has used a class. */
	for (uint32_t class = 1; cache_count() != 0 && class < size_class_end_now(); class++)
		publish_used_class(class);
	lock_acquire(&page_heap_lock);
	if (last_peak.sequence != 0)
		publish_last_peak();
	publish_totals();
	lock_release(&page_heap_lock);
}

void publish_layout(struct box_identity *identity)
{
	_Static_assert((int)SIZED_CLASS_COUNT + (int)FINE_CLASS_COUNT <= (int)BOX_CLASSES_MAX,
		"the layout has room for every class");
	_Static_assert(sizeof(struct box_magazine) == sizeof(struct magazine) &&
			offsetof(struct box_magazine, top) == offsetof(struct magazine, top) &&
			offsetof(struct box_magazine, until) == offsetof(struct magazine, until) &&
			offsetof(struct box_magazine, bottom) == offsetof(struct magazine, bottom),
		"a magazine is read as it stands in memory");
	identity->check_mode = heap_check_mode;
	identity->class_count = SIZED_CLASS_COUNT;
	identity->hinted_count = HINTED_CLASS_COUNT;
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++)
		identity->class_bytes[class] = size_classes[class].object_bytes;
	for (uint32_t i = 0; i < FINE_CLASS_COUNT; i++)
		identity->class_bytes[SIZED_CLASS_COUNT + i] = (i + 1) * FINE_STEP_BYTES;
	identity->cache_bytes = sizeof(struct cache);
	identity->magazines_offset = offsetof(struct cache, magazines);
	identity->class_stride = sizeof(struct cache_class);
	identity->armed_offset =
		offsetof(struct cache, classes) + offsetof(struct cache_class, armed);
	identity->net_offset = offsetof(struct cache, classes) + offsetof(struct cache_class, net);
	identity->sequence_offset = offsetof(struct cache, sequence);
	identity->busy_class_offset = offsetof(struct cache, busy_class);
	identity->busy_nmalloc_offset = offsetof(struct cache, busy_nmalloc);
	identity->busy_live_offset = offsetof(struct cache, busy_live);
	identity->tiny_nmalloc_offset = offsetof(struct cache, tiny_nmalloc);
	identity->tiny_nfree_offset = offsetof(struct cache, tiny_nfree);
}
