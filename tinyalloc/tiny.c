#include "tinyalloc/tiny.h"

#include <string.h>

#include "base/fatal.h"
#include "heap/collectable.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/slowpath.h"

enum { FREES_A_LOOK = 1024 }; /* as often the books of a thread that frees are published */

bool tiny_watched;

static bool is_on;

static void *block_of(const void *ptr)
{
	return (void *)((uintptr_t)ptr & ~(uintptr_t)(TINY_BLOCK_BYTES - 1));
}

static size_t place_of(const void *ptr)
{
	return (uintptr_t)ptr % TINY_BLOCK_BYTES;
}

/* All of its objects are freed, and nobody puts more into it. */
static void block_give(void *block, const void *caller)
{
	const struct span *span = span_of_small(block);
	bool goes_home = span->is_collectable ||
		__atomic_load_n(&span->list, __ATOMIC_RELAXED) == SPAN_DRAINING;

	if (UNLIKELY(goes_home || !cache_push(cache_self, SIZE_CLASS_TINY, block)))
		heap_free_class_slow(SIZE_CLASS_TINY, goes_home, block, caller);
}

static COLD _Noreturn void refuse(const char *call, const void *ptr, bool is_object,
	const void *caller)
{
	if (is_object)
		misuse_double_free(call, ptr, caller);
	misuse_bad_pointer(call, ptr, caller);
}

/* An object that its own thread and another freed: neither saw it of the other. */
static void freed_check(const struct tiny_block *block, uint32_t by_others)
{
	uint32_t twice = block->freed & by_others;

	if (UNLIKELY(twice != 0)) {
		size_t left = twice & 1 ? TINY_BLOCK_BYTES : (size_t)__builtin_ctz(twice);
		misuse_double_free("free", block->end - left, NULL);
	}
}

/* What its own thread freed of an open block, so that others see it. */
static void freed_merge(struct tiny_block *block)
{
	if (block->freed == 0)
		return;
	union record before = {.word = __atomic_fetch_or(&block->record->word,
				       block->freed << RECORD_FREED_SHIFT, __ATOMIC_RELEASE)};
	freed_check(block, before.freed);
	block->freed = 0;
}

/* Its own thread freed the last object. */
static void block_close(struct tiny_block *block, uint32_t objects, const void *caller)
{
	uint32_t closed = (objects & ~(uint32_t)RECORD_OPEN) | objects << RECORD_FREED_SHIFT;

	freed_check(block, record_freed(block->record));
	__atomic_store_n(&block->record->word, closed, __ATOMIC_RELAXED);
	block->left_bytes = 0;
	block->freed = 0;
	block_give(block->end - TINY_BLOCK_BYTES, caller);
}

/* The last object takes what is left over. */
static void block_abandon(struct tiny_block *block)
{
	uint32_t kept = ~(RECORD_OPEN | (uint32_t)1 << block->left_bytes);

	freed_merge(block);
	block->left_bytes = 0;
	union record now = {
		.word = __atomic_and_fetch(&block->record->word, kept, __ATOMIC_ACQ_REL)};
	if (now.freed == record_objects(now.starts))
		block_give(block->end - TINY_BLOCK_BYTES, NULL);
}

static void cache_leaves(struct cache *cache)
{
	if (cache->tiny.left_bytes != 0)
		block_abandon(&cache->tiny);
	if (cache->tiny_collectable.left_bytes != 0)
		block_abandon(&cache->tiny_collectable);
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

static void count_frees(uint32_t count)
{
	struct cache *cache = heap_cache_acquire();

	word_add(&cache->tiny_nfree, count);
	publish_thread(cache);
	heap_cache_release(cache);
}

static void count_free(struct cache *cache)
{
	if (UNLIKELY(cache == &cache_none || cache->tiny_nfree % FREES_A_LOOK == 0))
		count_frees(1);
	else
		word_add(&cache->tiny_nfree, 1);
}

static void *counted(struct cache *cache, void *object)
{
	if (CONFIG_BOOKS && object != NULL)
		cache->tiny_nmalloc++;
	return object;
}

/* Its first object; the thread goes on to cut it up. */
static ALWAYS_INLINE void block_open(struct tiny_block *block, void *object, size_t bytes)
{
	uint32_t left = TINY_BLOCK_BYTES - (uint32_t)bytes;
	uint32_t starts = RECORD_OPEN | (uint32_t)1 << left;

	memset(object, 0, TINY_BLOCK_BYTES);
	block->left_bytes = left;
	__atomic_store_n(&block->record->word, starts, __ATOMIC_RELAXED);
}

/* If more is left of it than of the thread's block, it is the thread's now; else the
   object takes all of it. */
static void block_use(struct tiny_block *block, char *object, size_t bytes)
{
	union record *record = record_of(span_of_small(object), object);

	if (TINY_BLOCK_BYTES - bytes <= block->left_bytes) {
		memset(object, 0, TINY_BLOCK_BYTES);
		__atomic_store_n(&record->word, 0, __ATOMIC_RELAXED);
		return;
	}
	if (block->left_bytes != 0)
		block_abandon(block);
	block->end = object + TINY_BLOCK_BYTES;
	block->record = record;
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

static NOINLINE void *alloc_anywhere(size_t bytes, size_t align_bytes)
{
	if (!is_on || !has_cache())
		return heap_alloc_zeroed(bytes, SIZE_FAMILY_NOSCAN);

	struct cache *cache = cache_self;
	void *object = NULL;
	if (cache->tiny.freed != 0) { /* it would fill the block up */
		freed_merge(&cache->tiny);
		object = tiny_cut(&cache->tiny, bytes, align_bytes);
	}
	if (object != NULL)
		return counted(cache, object);
	object = cache_pop(cache, SIZE_CLASS_TINY);
	if (UNLIKELY(object == NULL))
		return alloc_popped(bytes);
	block_use(&cache->tiny, object, bytes);
	return counted(cache, object);
}

void *tiny_alloc_slow(size_t bytes, size_t align_bytes)
{
	struct cache *cache = cache_self;
	struct magazine *magazine = &cache->magazines[SIZE_CLASS_TINY];
	char *start = cache->tiny.end - TINY_BLOCK_BYTES;

	/* The block that this thread gave back last, whose record it knows. */
	if (UNLIKELY(cache_slots(cache)[magazine->top] != start))
		return alloc_anywhere(bytes, align_bytes);
	magazine->word -= MAGAZINE_POP;
	if (CONFIG_BOOKS && UNLIKELY((int32_t)magazine->word < 0))
		return alloc_popped(bytes);
	block_open(&cache->tiny, start, bytes);
	return counted(cache, start);
}

/* Whoever stops the thread in between leaves the block alone. */
static void collectable_change(struct cache *cache, bool is_changing)
{
	__atomic_store_n(&cache->tiny_is_changing, is_changing, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void *tiny_alloc_collectable(size_t bytes, size_t align_bytes)
{
	if (!is_on || !has_cache())
		return collectable_alloc(bytes, SIZE_FAMILY_NOSCAN);

	struct cache *cache = cache_self;
	collectable_change(cache, true);
	void *object = tiny_cut(&cache->tiny_collectable, bytes, align_bytes);
	collectable_change(cache, false);
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
		struct tiny_block *block = &cache->tiny_collectable;
		if (cache->tiny_is_changing || block->left_bytes == 0)
			continue;
		block->record->starts &= (uint16_t)~(RECORD_OPEN | 1u << block->left_bytes);
		block->left_bytes = 0;
	}
}

static uint32_t count_live(union record record)
{
	return (uint32_t)__builtin_popcount(record_objects(record.starts) & ~(uint32_t)record.freed);
}

uint32_t tiny_count(const struct span *span, const void *block)
{
	return count_live((union record){
		.word = __atomic_load_n(&record_of(span, block)->word, __ATOMIC_ACQUIRE)});
}

uint32_t tiny_collect(const struct span *span, void *block)
{
	union record *record = record_of(span, block);
	union record now = {.word = __atomic_load_n(&record->word, __ATOMIC_ACQUIRE)};
	uint32_t live = count_live(now);

	if ((now.starts & RECORD_OPEN) != 0)
		return 0;
	if (CONFIG_BOOKS)
		count_frees(live);
	now.freed = (uint16_t)record_objects(now.starts);
	__atomic_store_n(&record->word, now.word, __ATOMIC_RELAXED);
	block_give(block, NULL);
	return live;
}

static void free_own(void *ptr, const void *caller)
{
	struct cache *cache = cache_self;
	struct tiny_block *block = &cache->tiny;
	uint32_t objects = record_objects(record_starts(block->record));
	uint32_t freed = block->freed | record_freed(block->record), bit = record_bit(ptr);

	if (UNLIKELY((objects & ~freed & bit) == 0))
		refuse("free", ptr, (objects & bit) != 0, caller);
	if (CONFIG_BOOKS)
		cache->tiny_nfree++;
	block->freed |= bit;
	if ((freed | bit) == objects)
		block_close(block, objects, caller);
}

void tiny_free(const struct span *span, void *ptr, const void *caller)
{
	union record *record = record_of(span, ptr);
	uint32_t bit = record_bit(ptr);

	if (tiny_is_own(ptr)) {
		free_own(ptr, caller);
		return;
	}
	if (UNLIKELY(record == NULL))
		refuse("free", ptr, false, caller);
	union record before = {.word = __atomic_fetch_or(&record->word,
				       bit << RECORD_FREED_SHIFT, __ATOMIC_ACQ_REL)};
	uint32_t objects = record_objects(before.starts);
	if (UNLIKELY((objects & ~before.freed & bit) == 0))
		refuse("free", ptr, (objects & bit) != 0, caller);
	if (CONFIG_BOOKS)
		count_free(cache_self);
	if ((before.starts & RECORD_OPEN) == 0 && (before.freed | bit) == objects)
		block_give(block_of(ptr), caller);
}

/* As its own thread sees it, if that is who asks. */
static union record record_read(const union record *record, const void *ptr)
{
	union record now = {.word = __atomic_load_n(&record->word, __ATOMIC_ACQUIRE)};

	if (tiny_is_own(ptr))
		now.freed |= (uint16_t)cache_self->tiny.freed;
	return now;
}

bool tiny_is_live(const struct span *span, const void *object)
{
	const union record *record = record_of(span, object);

	if (record == NULL)
		return false;
	union record now = record_read(record, object);
	uint32_t freed = now.freed;
	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct tiny_block *block = &cache_at(index)->tiny;
		if (__atomic_load_n(&block->record, __ATOMIC_RELAXED) == record &&
			__atomic_load_n(&block->left_bytes, __ATOMIC_RELAXED) != 0)
			freed |= __atomic_load_n(&block->freed, __ATOMIC_RELAXED);
	}
	return (record_objects(now.starts) & ~freed & record_bit(object)) != 0;
}

void tiny_watch(void)
{
	__atomic_store_n(&tiny_watched, true, __ATOMIC_RELAXED);
}

size_t tiny_usable_bytes(const struct span *span, const void *ptr, const char *call,
	const void *caller)
{
	const union record *record = record_of(span, ptr);
	union record now = record != NULL ? record_read(record, ptr) : (union record){0};
	uint32_t objects = record_objects(now.starts), bit = record_bit(ptr);

	if (UNLIKELY(record == NULL || (objects & ~now.freed & bit) == 0))
		refuse(call, ptr, record != NULL && (objects & bit) != 0, caller);
	return TINY_BLOCK_BYTES - place_of(ptr) - record_left_behind(now.starts, place_of(ptr));
}

bool tiny_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes)
{
	const union record *record = record_of(span, ptr);
	union record now = record != NULL ? record_read(record, ptr) : (union record){.freed = 1};
	bool is_open = (now.starts & RECORD_OPEN) != 0;
	uint32_t from = TINY_BLOCK_BYTES, behind = 0;

	if (is_open || now.freed != record_objects(now.starts)) {
		from = record_left_from(now.starts, place_of(ptr));
		behind = record_left_behind(now.starts, place_of(ptr));
	}
	*base = (char *)block_of(ptr) + TINY_BLOCK_BYTES - from;
	*size_bytes = from - behind;
	return !is_open || behind != 0;
}
