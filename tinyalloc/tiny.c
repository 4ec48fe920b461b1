#include "tinyalloc/tiny.h"

#include <string.h>

#include "base/fatal.h"
#include "base/os.h"
#include "heap/collectable.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/slowpath.h"

enum { VIEW_TRIES = 1000 };

bool tiny_watched;

static bool is_on;
static uint32_t undropped_count; /* of the last tiny_drop_collectable() */

static void *block_of(const void *ptr)
{
	return (void *)((uintptr_t)ptr & ~(uintptr_t)(TINY_BLOCK_BYTES - 1));
}

static char *start_of(const struct tiny_block *block)
{
	return block->end - TINY_BLOCK_BYTES;
}

static NOINLINE void block_give_slow(void *block, bool goes_home, const void *caller)
{
	heap_free_class_slow(SIZE_CLASS_TINY, goes_home, block, caller);
	if (cache_self != &cache_none)
		publish_thread(cache_self);
}

/* All of its objects are freed, and nobody puts more into it. */
static inline void block_give(void *block, const void *caller)
{
	bool goes_home = arena.class_map[arena_page_of(block)] != CLASS_MAP_TINY;

	if (UNLIKELY(goes_home || !cache_push(cache_self, SIZE_CLASS_TINY, block)))
		block_give_slow(block, goes_home, caller);
}

static COLD _Noreturn void refuse(const char *call, const void *ptr, bool is_object,
	const void *caller)
{
	if (is_object)
		misuse_double_free(call, ptr, caller);
	misuse_bad_pointer(call, ptr, caller);
}

/* Others have freed what its own thread has freed too, or what is no object: neither
   saw it of the other. */
static COLD _Noreturn void refuse_bit(const struct tiny_block *block, uint32_t wrong)
{
	uint32_t bit = wrong & -wrong;

	refuse("free", start_of(block) + __builtin_ctz(bit), (block->starts & bit) != 0, NULL);
}

/* What begins where, and lives, is written down from now on; what is left over belongs
   to the last object.  True: none lives. */
static bool block_close(struct tiny_block *block)
{
	const struct tiny_block closed = *block;
	uint32_t kept = closed.starts & ~closed.freed, gone = RECORD_ALL & ~kept;

	block->starts = 0;
	block->left_bytes = 0;
	block->freed = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	union record before = record_subtract(closed.record,
		(gone << RECORD_LIVE_SHIFT) - closed.starts);
	if (UNLIKELY((before.live & gone) != gone))
		refuse_bit(&closed, gone & ~(uint32_t)before.live);
	return (before.live & kept) == 0;
}

static void block_abandon(struct tiny_block *block)
{
	char *start = start_of(block);

	if (block_close(block))
		block_give(start, NULL);
}

/* Whoever stops the thread in between leaves the block alone. */
static void collectable_change(struct cache *cache, bool is_changing)
{
	__atomic_store_n(&cache->tiny_is_changing, is_changing, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void cache_leaves(struct cache *cache)
{
	if (cache->tiny.starts != 0)
		block_abandon(&cache->tiny);
	collectable_change(cache, true);
	if (cache->tiny_collectable.starts != 0)
		block_abandon(&cache->tiny_collectable);
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

void tiny_watch(void)
{
	__atomic_store_n(&tiny_watched, true, __ATOMIC_RELAXED);
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

static void count_frees(uint32_t count)
{
	struct cache *cache = heap_cache_acquire();

	word_add(&cache->tiny_nfree, count);
	publish_thread(cache);
	heap_cache_release(cache);
}

static inline void *counted(struct cache *cache, void *object)
{
	if (CONFIG_BOOKS && object != NULL)
		cache->tiny_nmalloc++;
	return object;
}

/* Its first object; it is the thread's block now. */
static ALWAYS_INLINE void block_open(struct tiny_block *block, char *object, size_t bytes)
{
	union record *record = record_of(object);

	memset(object, 0, TINY_BLOCK_BYTES);
	__atomic_store_n(&record->word, (uint32_t)RECORD_ALL << RECORD_LIVE_SHIFT, __ATOMIC_RELAXED);
	block->end = object + TINY_BLOCK_BYTES;
	block->record = record;
	block->freed = 0;
	block->left_bytes = TINY_BLOCK_BYTES - (uint32_t)bytes;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	block->starts = 1;
}

/* If more is left of it than of the thread's block, it is the thread's now; else the
   object takes all of it. */
static void block_use(struct tiny_block *block, char *object, size_t bytes)
{
	if (TINY_BLOCK_BYTES - bytes <= block->left_bytes) {
		memset(object, 0, TINY_BLOCK_BYTES);
		__atomic_store_n(&record_of(object)->word, (uint32_t)1 << RECORD_LIVE_SHIFT | 1,
			__ATOMIC_RELAXED);
		return;
	}
	if (block->starts != 0)
		block_abandon(block);
	block_open(block, object, bytes);
}

/* A block from a magazine that is empty, or whose countdown ended. */
static NOINLINE void *alloc_popped(size_t bytes)
{
	bool is_zero;
	void *object = heap_alloc_class_slow(SIZE_CLASS_TINY, TINY_BLOCK_BYTES, &is_zero);

	publish_thread(cache_self);
	if (object != NULL)
		block_use(&cache_self->tiny, object, bytes);
	return counted(cache_self, object);
}

/* The object that takes all that is left.  It lives: the block does not go. */
static inline void *cut_last(struct tiny_block *block, size_t bytes)
{
	char *object = block->end - bytes;

	block->starts |= (uint32_t)1 << (TINY_BLOCK_BYTES - bytes);
	block_close(block);
	return object;
}

static NOINLINE void *alloc_unusual(size_t bytes)
{
	if (!is_on || !has_cache())
		return heap_alloc_zeroed(bytes, SIZE_FAMILY_NOSCAN);
	return alloc_popped(bytes);
}

static NOINLINE void *alloc_beside(size_t bytes, size_t align_bytes)
{
	struct cache *cache = cache_self;

	if (tiny_room(&cache->tiny, align_bytes) == bytes)
		return counted(cache, cut_last(&cache->tiny, bytes));
	void *object = cache_pop(cache, SIZE_CLASS_TINY);
	if (UNLIKELY(object == NULL))
		return alloc_unusual(bytes);
	block_use(&cache->tiny, object, bytes);
	return counted(cache, object);
}

/* Without a frame where there is no block yet. */
void *tiny_alloc_slow(size_t bytes, size_t align_bytes)
{
	struct cache *cache = cache_self;

	if (cache->tiny.starts != 0)
		return alloc_beside(bytes, align_bytes);
	void *object = cache_pop(cache, SIZE_CLASS_TINY);
	if (UNLIKELY(object == NULL))
		return alloc_unusual(bytes);
	block_open(&cache->tiny, object, bytes);
	return counted(cache, object);
}

/* From what is left of the thread's block; NULL: a new one is needed. */
static void *collectable_cut(struct cache *cache, size_t bytes, size_t align_bytes)
{
	struct tiny_block *block = &cache->tiny_collectable;

	collectable_change(cache, true);
	void *object = tiny_cut(block, bytes, align_bytes);
	if (object == NULL && tiny_room(block, align_bytes) == bytes)
		object = cut_last(block, bytes);
	collectable_change(cache, false);
	return object;
}

void *tiny_alloc_collectable(size_t bytes, size_t align_bytes)
{
	if (!is_on || !has_cache())
		return collectable_alloc(bytes, SIZE_FAMILY_NOSCAN);

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
	undropped_count = 0;
	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		if (cache->tiny_is_changing)
			undropped_count++;
		else if (cache->tiny_collectable.starts != 0)
			block_close(&cache->tiny_collectable); /* if none lives it is collected */
	}
}

/* The block that an address lies in, as the cache's thread cuts it up. */
static const struct tiny_block *cut_by(const struct cache *cache, const void *ptr)
{
	const struct tiny_block *blocks[] = {&cache->tiny, &cache->tiny_collectable};
	uintptr_t end = (uintptr_t)block_of(ptr) + TINY_BLOCK_BYTES;

	for (int i = 0; i < 2; i++)
		if (__atomic_load_n(&blocks[i]->starts, __ATOMIC_ACQUIRE) != 0 &&
			(uintptr_t)__atomic_load_n(&blocks[i]->end, __ATOMIC_RELAXED) == end)
			return blocks[i];
	return NULL;
}

/* As some thread does; NULL: nobody does. */
static const struct tiny_block *cut_by_anyone(const void *ptr)
{
	const struct tiny_block *block = cut_by(cache_self, ptr);

	for (uint32_t index = 0; block == NULL && index < cache_count(); index++)
		block = cut_by(cache_at(index), ptr);
	return block;
}

/* A block, whether it is being cut up or not. */
struct view {
	uint32_t starts;
	uint32_t live;       /* 0: it was given back, or never used */
	uint32_t left_bytes;
};

static uint32_t word_of(const void *ptr)
{
	return __atomic_load_n(&record_of(ptr)->word, __ATOMIC_ACQUIRE);
}

/* False: its thread was about to turn to it, or away. */
static bool open_view(const void *ptr, uint32_t live, struct view *view)
{
	const struct tiny_block *block = cut_by_anyone(ptr);

	if (block == NULL)
		return false;
	/* What is left before what begins: no object is taken for longer than it is. */
	view->left_bytes = __atomic_load_n(&block->left_bytes, __ATOMIC_ACQUIRE);
	uint32_t freed = __atomic_load_n(&block->freed, __ATOMIC_ACQUIRE);
	view->starts = __atomic_load_n(&block->starts, __ATOMIC_ACQUIRE);
	view->live = view->starts & ~freed & live;
	union record after = {.word = word_of(ptr)};
	return view->starts != 0 && after.starts == 0 && cut_by_anyone(ptr) == block;
}

static struct view block_view(const void *ptr)
{
	struct view view;

	for (int tries = 0; tries < VIEW_TRIES; tries++) {
		union record now = {.word = word_of(ptr)};
		if (now.live == 0 || now.starts != 0)
			return (struct view){now.starts, now.live, 0};
		if (open_view(ptr, now.live, &view))
			return view;
		os_yield();
	}
	/* In a child of a fork, whose parent's thread was just turning away. */
	return (struct view){1 | record_bit(ptr), RECORD_ALL & (1 | record_bit(ptr)), 0};
}

static uint32_t popcount(uint32_t bits)
{
	return (uint32_t)__builtin_popcount(bits);
}

uint32_t tiny_count(const void *block)
{
	return popcount(block_view(block).live);
}

uint32_t tiny_collect(void *block)
{
	union record *record = record_of(block);
	uint32_t live = __atomic_load_n(&record->live, __ATOMIC_ACQUIRE);

	if (undropped_count != 0 && cut_by_anyone(block) != NULL)
		return 0;
	if (CONFIG_BOOKS)
		count_frees(popcount(live));
	record_subtract(record, live << RECORD_LIVE_SHIFT);
	block_give(block, NULL);
	return popcount(live);
}

/* An object of the block that this thread cuts up: no atomic operation. */
static void free_own(void *ptr, const void *caller)
{
	struct cache *cache = cache_self;
	struct tiny_block *block = &cache->tiny;
	uint32_t live = __atomic_load_n(&block->record->live, __ATOMIC_ACQUIRE) & ~block->freed;
	uint32_t bit = record_bit(ptr);

	if (UNLIKELY((block->starts & live & bit) == 0))
		refuse("free", ptr, (block->starts & bit) != 0, caller);
	if (CONFIG_BOOKS)
		cache->tiny_nfree++;
	block->freed |= bit;
	if ((block->starts & live) == bit)
		block_abandon(block);
}

/* By a thread at its end. */
static NOINLINE void free_without_cache(void *block, bool is_last, const void *caller)
{
	if (CONFIG_BOOKS)
		count_frees(1);
	if (is_last)
		block_give_slow(block, arena.class_map[arena_page_of(block)] != CLASS_MAP_TINY, caller);
}

void tiny_free(void *ptr, const void *caller)
{
	struct cache *cache = cache_self;
	uint32_t bit = record_bit(ptr);

	if (tiny_is_own(ptr)) {
		free_own(ptr, caller);
		return;
	}
	if (UNLIKELY(!record_is_there(ptr)))
		refuse("free", ptr, false, caller);
	union record before = record_subtract(record_of(ptr), bit << RECORD_LIVE_SHIFT);
	if (UNLIKELY((before.live & bit) == 0)) /* where all bits were set it was one */
		refuse("free", ptr, ((before.live != 0 && before.starts == 0) || (before.starts & bit) != 0),
			caller);
	if (UNLIKELY(cache == &cache_none)) {
		free_without_cache(block_of(ptr), before.live == bit, caller);
		return;
	}
	if (CONFIG_BOOKS)
		cache->tiny_nfree++;
	if (before.live == bit)
		block_give(block_of(ptr), caller);
}

bool tiny_is_live(const void *object)
{
	return record_is_there(object) && (block_view(object).live & record_bit(object)) != 0;
}

size_t tiny_usable_bytes(const void *ptr, const char *call, const void *caller)
{
	struct view view = record_is_there(ptr) ? block_view(ptr) : (struct view){0};
	uint32_t bit = record_bit(ptr);

	if (UNLIKELY((view.live & bit) == 0))
		refuse(call, ptr, (view.starts & bit) != 0, caller);
	size_t end = record_end(view.starts, record_place(ptr));
	if (end == TINY_BLOCK_BYTES)
		end -= view.left_bytes;
	return end - record_place(ptr);
}

bool tiny_find(const void *ptr, void **base, size_t *size_bytes)
{
	size_t place = record_place(ptr), first = 0, end = TINY_BLOCK_BYTES;

	if (!record_is_there(ptr))
		return false;
	struct view view = block_view(ptr);
	if (place >= TINY_BLOCK_BYTES - view.left_bytes)
		return false;
	if (view.live != 0 || view.left_bytes != 0) {
		first = record_begin(view.starts, place);
		end = record_end(view.starts, place);
	}
	if (end == TINY_BLOCK_BYTES)
		end -= view.left_bytes;
	*base = (char *)block_of(ptr) + first;
	*size_bytes = end - first;
	return true;
}
