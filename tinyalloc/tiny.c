#include "tinyalloc/tiny.h"

#include <string.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "heap/central.h"
#include "heap/collectable.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/slowpath.h"

/* A MiB: the fine classes, of which each takes a span of 32 KiB, pay from then on. */
uint32_t tiny_most_spans = CONFIG_TORTURE ? 2 : 128;

static bool is_on;

static void *block_of(const void *ptr)
{
	return (void *)((uintptr_t)ptr & ~(uintptr_t)(TINY_BLOCK_BYTES - 1));
}

static NOINLINE void block_give_slow(void *block, const void *caller)
{
	bool goes_home = arena_class_at(arena_page_of(block)) != CLASS_MAP_TINY;

	heap_free_class_slow(SIZE_CLASS_TINY, goes_home, block, caller);
	if (cache_self != &cache_none)
		publish_thread(cache_self);
}

/* All of its objects are freed, and nobody puts more into it. */
static void block_give(void *block, const void *caller)
{
	if (arena_class_at(arena_page_of(block)) != CLASS_MAP_TINY ||
		!cache_push(cache_self, SIZE_CLASS_TINY, block))
		block_give_slow(block, caller);
}

static ALWAYS_INLINE void block_zero(void *block)
{
	memset(__builtin_assume_aligned(block, TINY_BLOCK_BYTES), 0, TINY_BLOCK_BYTES);
}

/* True: nothing of it lives. */
static ALWAYS_INLINE bool block_close(struct tiny_block *block)
{
	uint32_t at = block->at;

	block->at = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return record_view(record_close(block->record, at)).live == 0;
}

/* If there is one. */
static void block_abandon(struct tiny_block *block)
{
	if (block->at != 0 && block_close(block))
		block_give(block->start, NULL);
}

/* Its first object; it is the thread's block now. */
static ALWAYS_INLINE void block_open(struct tiny_block *block, char *start, size_t bytes)
{
	union record *record = record_of(start);

	record_open(record, (uint32_t)bytes);
	block->start = start;
	block->record = record;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	block->at = (uint32_t)bytes;
}

/* As much is left of the thread's block as would be of the new one: that stays the
   thread's, and the object takes all of the new one. */
static ALWAYS_INLINE bool block_stays(const struct tiny_block *block, size_t bytes)
{
	return block->at != 0 && block->at <= bytes;
}

static void block_use(struct tiny_block *block, void *start, size_t bytes)
{
	block_zero(start);
	if (block_stays(block, bytes)) {
		record_open(record_of(start), TINY_BLOCK_BYTES);
		return;
	}
	block_abandon(block);
	block_open(block, start, bytes);
}

/* Whoever stops the thread in between leaves the block alone. */
static void collectable_change(struct cache *cache, bool is_changing)
{
	word_store(&cache->tiny_is_changing, is_changing);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Of a thread that a fork's child does not have, and that may have been cutting: what the
   record says holds.  If nothing lives in it the block is lost: the caller's magazine may
   be in the middle of something too. */
static void block_orphaned(struct tiny_block *block)
{
	const union record *record = block->record;

	if (block->at != 0 && (record->starts & RECORD_CLOSED) == 0) {
		block->at = bits_log2(record->starts);
		block_close(block);
	}
	block->at = 0;
}

static void cache_leaves(struct cache *cache, bool is_orphaned)
{
	if (is_orphaned) {
		block_orphaned(&cache->tiny);
		block_orphaned(&cache->tiny_collectable);
	} else {
		block_abandon(&cache->tiny);
		collectable_change(cache, true);
		block_abandon(&cache->tiny_collectable);
	}
	collectable_change(cache, false);
}

void tiny_check_class(size_t object_bytes)
{
	if (object_bytes != TINY_BLOCK_BYTES)
		fatal("bad tiny size class");
}

void tiny_init(void)
{
	tiny_check_class(size_classes[SIZE_CLASS_TINY].object_bytes);
	heap_hooks.cache_leaves = cache_leaves;
	is_on = true;
}

bool tiny_is_on(void)
{
	return is_on;
}

/* Each thread has a cache but at its very end. */
static bool has_cache(void)
{
	if (UNLIKELY(cache_self == &cache_none)) {
		struct cache *cache = heap_cache_acquire();
		if (cache != NULL)
			heap_cache_release(cache);
	}
	return cache_self != &cache_none;
}

/* By whoever it is. */
static void count_anywhere(uint32_t mallocs, uint32_t frees)
{
	struct cache *cache = heap_cache_acquire();

	word_add(&cache->tiny_nmalloc, mallocs);
	word_add(&cache->tiny_nfree, frees);
	publish_thread(cache);
	heap_cache_release(cache);
}

/* Of a thread without a cache: it takes all of its block. */
static void *alone_in(void *block)
{
	if (block == NULL)
		return NULL;
	block_zero(block);
	record_open(record_of(block), TINY_BLOCK_BYTES);
	if (CONFIG_BOOKS)
		count_anywhere(1, 0);
	return block;
}

/* The fine classes from here on. */
static COLD void blocks_leave(struct cache *cache)
{
	block_abandon(&cache->tiny);
	word_store(&size_class_has_fine, true);
	cache->fitted_max_bytes = FITTED_MAX_BYTES;
}

static ALWAYS_INLINE void *counted(struct cache *cache, void *object)
{
	if (CONFIG_BOOKS && object != NULL)
		cache->tiny_nmalloc++;
	return object;
}

/* The magazine is empty, or its countdown ended; or there is none. */
static NOINLINE void *alloc_without_pop(size_t bytes)
{
	bool is_zero;

	if (!is_on)
		return heap_alloc_zeroed(bytes, SIZE_FAMILY_NOSCAN);
	bool is_alone = !has_cache();
	void *block = heap_alloc_class_slow(SIZE_CLASS_TINY, TINY_BLOCK_BYTES, &is_zero);
	if (UNLIKELY(is_alone))
		return alone_in(block);
	publish_thread(cache_self);
	if (block != NULL)
		block_use(&cache_self->tiny, block, bytes);
	if (UNLIKELY(word_load(&centrals[SIZE_CLASS_TINY].span_count) > tiny_most_spans))
		blocks_leave(cache_self);
	return counted(cache_self, block);
}

/* Of the block that was closed nothing lives. */
static NOINLINE void *alloc_after_giving(void *block, size_t bytes)
{
	struct cache *cache = cache_self;

	block_give(cache->tiny.start, NULL);
	block_open(&cache->tiny, block, bytes);
	return counted(cache, block);
}

/* Its calls are the last it does: no frame. */
LINE_ALIGNED void *tiny_alloc_slow(size_t bytes)
{
	struct cache *cache = cache_self;
	void *block = cache_pop(cache, SIZE_CLASS_TINY);
	if (UNLIKELY(block == NULL))
		return alloc_without_pop(bytes);
	block_zero(block);
	if (block_stays(&cache->tiny, bytes)) {
		record_open(record_of(block), TINY_BLOCK_BYTES);
		return counted(cache, block);
	}
	if (cache->tiny.at != 0 && UNLIKELY(block_close(&cache->tiny)))
		return alloc_after_giving(block, bytes);
	block_open(&cache->tiny, block, bytes);
	return counted(cache, block);
}

/* From what is left of the thread's block; NULL: a new one is needed. */
static void *collectable_cut(struct cache *cache, size_t bytes, size_t align_bytes)
{
	struct tiny_block *block = &cache->tiny_collectable;

	collectable_change(cache, true);
	void *object = tiny_cut(block, bytes, align_bytes);
	collectable_change(cache, false);
	return object;
}

void *tiny_alloc_collectable(size_t bytes, size_t align_bytes)
{
	if (!is_on)
		return collectable_alloc(bytes, SIZE_FAMILY_NOSCAN);
	if (!has_cache())
		return alone_in(collectable_alloc_class(SIZE_CLASS_TINY, TINY_BLOCK_BYTES));

	struct cache *cache = cache_self;
	void *object = collectable_cut(cache, bytes, align_bytes);
	if (object != NULL)
		return counted(cache, object);
	object = collectable_alloc_class(SIZE_CLASS_TINY, TINY_BLOCK_BYTES);
	if (object == NULL)
		return NULL;
	collectable_change(cache, true);
	block_use(&cache->tiny_collectable, object, bytes);
	collectable_change(cache, false);
	return counted(cache, object);
}

void tiny_drop_collectable(void)
{
	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		if (!cache->tiny_is_changing && cache->tiny_collectable.at != 0)
			block_close(&cache->tiny_collectable); /* if none lives it is collected */
	}
}

static struct record_view view_of(const void *ptr)
{
	if (!record_is_there(ptr))
		return (struct record_view){0};
	return record_view(record_read(record_of(ptr)));
}

static uint32_t popcount(uint32_t bits)
{
	return (uint32_t)__builtin_popcount(bits);
}

uint32_t tiny_count(const void *block)
{
	return popcount(view_of(block).live);
}

uint32_t tiny_collect(void *block)
{
	uint32_t live = view_of(block).live;

	if (CONFIG_BOOKS)
		count_anywhere(0, popcount(live));
	record_free(record_of(block), live);
	block_give(block, NULL);
	return popcount(live);
}

static COLD _Noreturn void refuse(const char *call, const void *ptr, uint32_t starts,
	const void *caller)
{
	if ((starts & record_bit(ptr)) != 0)
		misuse_double_free(call, ptr, caller);
	misuse_bad_pointer(call, ptr, caller);
}

static ALWAYS_INLINE void count_free(struct cache *cache)
{
	if (CONFIG_BOOKS)
		cache->tiny_nfree++;
}

/* By a thread at its end too. */
static void count_free_anywhere(void)
{
	if (LIKELY(cache_self != &cache_none))
		count_free(cache_self);
	else if (CONFIG_BOOKS)
		count_anywhere(0, 1);
}

/* The span's byte in the class map says that no magazine takes the block, or there is no
   room in it. */
static NOINLINE void free_without_room(void *ptr, bool is_last, const void *caller)
{
	count_free_anywhere();
	if (is_last)
		block_give_slow(block_of(ptr), caller);
}

/* In a block that another thread cuts up; or no live object begins here. */
static NOINLINE void free_of_others(const void *ptr, struct record_halves before,
	const void *caller)
{
	struct record_view view = record_view(before);

	if ((view.live & record_bit(ptr)) == 0)
		refuse("free", ptr, view.starts, caller);
	count_free_anywhere();
}

/*
 * Whether an object is its block's last is as good as random, which a branch would pay
 * for: the block is put above the magazine's top, which moves or does not.
 */
static ALWAYS_INLINE void free_closed(struct cache *cache, void *ptr, bool is_last,
	bool has_magazine, const void *caller)
{
	struct magazine *magazine = &cache->magazines[SIZE_CLASS_TINY];
	uint16_t top = word_load(&magazine->top);

	if (UNLIKELY(!has_magazine || top == magazine->limit)) {
		free_without_room(ptr, is_last, caller);
		return;
	}
	magazine_push_if(magazine, cache_slots(cache) + top, block_of(ptr), is_last);
	count_free(cache);
}

/* The last object of the block that this thread cuts up: nobody else knows of it. */
static ALWAYS_INLINE void free_last(struct cache *cache, void *ptr, uint32_t starts,
	bool has_magazine, const void *caller)
{
	struct tiny_block *block = &cache->tiny;

	block->at = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	word_store(&block->record->word, starts);
	free_closed(cache, ptr, true, has_magazine, caller);
}

/* In that block. */
static ALWAYS_INLINE void free_own(struct cache *cache, void *ptr, struct record_halves before,
	bool has_magazine, const void *caller)
{
	struct tiny_block *block = &cache->tiny;
	uint32_t starts = (before.starts | RECORD_CLOSED) ^ record_place_bit(block->at);
	uint32_t live = starts & before.live;

	if (UNLIKELY((live & record_bit(ptr)) == 0))
		refuse("free", ptr, starts, caller);
	if (live == record_bit(ptr))
		free_last(cache, ptr, starts, has_magazine, caller);
	else
		count_free(cache);
}

static ALWAYS_INLINE void free_in(void *ptr, bool has_magazine, const void *caller)
{
	struct cache *cache = cache_self;
	uint32_t bit = record_bit(ptr);

	if (UNLIKELY(!record_is_there(ptr)))
		refuse("free", ptr, 0, caller);
	struct record_halves before = record_free(record_of(ptr), bit);
	uint32_t live = before.starts & before.live;
	if (LIKELY((live & bit) != 0 && (before.starts & RECORD_CLOSED) != 0))
		free_closed(cache, ptr, live == bit, has_magazine, caller);
	else if (cache->tiny.at != 0 && cache->tiny.start == block_of(ptr))
		free_own(cache, ptr, before, has_magazine, caller);
	else
		free_of_others(ptr, before, caller);
}

/* The first object of that block, or of one that it cut up before.  Where it is the only
   one it needs no more than a look: nobody else frees in it. */
static LINE_ALIGNED NOINLINE void free_first(void *ptr, const void *caller)
{
	struct cache *cache = cache_self;
	struct tiny_block *block = &cache->tiny;

	if (block->at != 0 &&
		word_load(&block->record->word) == record_opened(block->at))
		free_last(cache, ptr, RECORD_CLOSED, true, caller);
	else
		free_in(ptr, true, caller);
}

LINE_ALIGNED void tiny_free(void *ptr, const void *caller)
{
	if (UNLIKELY(cache_self->tiny.start == ptr))
		free_first(ptr, caller);
	else
		free_in(ptr, true, caller);
}

void tiny_free_home(void *ptr, const void *caller)
{
	free_in(ptr, false, caller);
}

bool tiny_is_live(const void *object)
{
	return (view_of(object).live & record_bit(object)) != 0;
}

size_t tiny_usable_bytes(const void *ptr, const char *call, const void *caller)
{
	struct record_view view = view_of(ptr);

	if (UNLIKELY((view.live & record_bit(ptr)) == 0))
		refuse(call, ptr, view.starts, caller);
	return record_end(&view, record_place(ptr)) - record_place(ptr);
}

bool tiny_find(const void *ptr, void **base, size_t *size_bytes)
{
	struct record_view view = view_of(ptr);
	uint32_t place = record_place(ptr), begin = 0, end = TINY_BLOCK_BYTES;

	if (place >= view.end)
		return false;
	if (view.live != 0 || view.end != TINY_BLOCK_BYTES) {
		begin = record_begin(&view, place);
		end = record_end(&view, place);
	}
	*base = (char *)block_of(ptr) + begin;
	*size_bytes = end - begin;
	return true;
}
