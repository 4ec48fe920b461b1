#include "heap/cache.h"

#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/fatal.h"
#include "base/os.h"
#include "heap/arena.h"
#include "heap/central.h"
#include "heap/hooks.h"
#include "heap/magazine.h"
#include "heap/publish.h"
#include "heap/release.h"

enum {
	MAGAZINE_MAX_OBJECTS = 1024,
	MAGAZINE_MIN_OBJECTS = 8,    /* what the largest classes grow to */
	MAGAZINE_MAX_BYTES = 64 << 10,
	MAGAZINE_MOST_SPANS = 2,     /* of the classes whose objects are spans */
	MAGAZINE_MOST_FINE = 430,    /* of the classes below 16 bytes */
	MAGAZINE_FIRST_OBJECTS = 8,
	MAGAZINE_FIRST_BYTES = 8 << 10,
	/* A cache and its magazines, then those of the hinted classes: cache_init()
	   checks it. */
	FIRST_BYTES = 128 << 10,
	STRIDE_BYTES = 2 * FIRST_BYTES,
	/* The magazines of the smallest classes are two pages each, and a slot: those that
	   a small process uses begin at the beginning of a page. */
	MAGAZINES_ALIGN_BYTES = 4096
};

_Static_assert(STRIDE_BYTES / sizeof(void *) <= UINT16_MAX, "a slot's number fits");

BULKY struct cache cache_none;

THREAD_LOCAL struct cache *cache_own = &cache_none;
THREAD_LOCAL struct cache *cache_self = &cache_none;
THREAD_LOCAL bool cache_is_told;
static bool is_hidden;
static THREAD_LOCAL bool has_detached;

struct lock cache_registry_lock = {.rank = LOCK_RANK_REGISTRY};
struct lock cache_shared_mutex = {.rank = LOCK_RANK_SHARED};

static uint32_t slot_count;  /* slots ever mapped */
static uint32_t live_count;  /* slots of threads */
static uint32_t first_ended; /* slots whose thread has ended; 0: none */
static uint16_t bottom_slot[SIZE_CLASS_COUNT];

uint32_t cache_most_objects(uint32_t class)
{
	uint32_t fits = MAGAZINE_MAX_BYTES / size_classes[class].object_bytes;

	if (size_classes[class].object_bytes > SHARED_MAX_BYTES)
		return MAGAZINE_MOST_SPANS;
	if (CONFIG_TORTURE || fits < MAGAZINE_MIN_OBJECTS)
		return CONFIG_TORTURE ? 4 : MAGAZINE_MIN_OBJECTS;
	if (size_class_is_fine(class))
		return MAGAZINE_MOST_FINE;
	return fits < MAGAZINE_MAX_OBJECTS ? fits : MAGAZINE_MAX_OBJECTS;
}

uint32_t cache_first_objects(uint32_t class)
{
	uint32_t fits = MAGAZINE_FIRST_BYTES / size_classes[class].object_bytes;

	if (size_classes[class].object_bytes > SHARED_MAX_BYTES)
		return 1;
	if (CONFIG_TORTURE || fits < 2)
		return 2;
	return fits < MAGAZINE_FIRST_OBJECTS ? fits : MAGAZINE_FIRST_OBJECTS;
}

uint32_t cache_count(void)
{
	return __atomic_load_n(&slot_count, __ATOMIC_ACQUIRE);
}

uint32_t cache_live_count(void)
{
	return word_load(&live_count);
}

struct cache *cache_at(uint32_t index)
{
	return (struct cache *)(arena.caches + (size_t)index * STRIDE_BYTES);
}

/* A NULL at the bottom of each. */
static void magazines_lay_out(uint32_t first, uint32_t end, size_t from_bytes, size_t to_bytes)
{
	size_t slot = from_bytes / sizeof(void *);

	for (uint32_t class = first; class < end; class++) {
		bottom_slot[class] = (uint16_t)slot;
		slot += 1 + cache_most_objects(class);
	}
	if (slot > to_bytes / sizeof(void *))
		fatal("a thread's magazines do not fit");
}

void cache_init(void)
{
	magazines_lay_out(1, SIZED_CLASS_COUNT,
		bits_round_up(sizeof(struct cache), MAGAZINES_ALIGN_BYTES), FIRST_BYTES);
	magazines_lay_out(SIZED_CLASS_COUNT, SIZE_CLASS_COUNT, FIRST_BYTES, STRIDE_BYTES);
}

/* One half of a slot, the first being the cache itself. */
static bool slot_map(uint32_t index, size_t half) REQUIRES(page_heap_lock)
{
	return arena_map_cache((size_t)index * STRIDE_BYTES + half * FIRST_BYTES, FIRST_BYTES) != NULL;
}

static void magazines_open(struct cache *cache, uint32_t first, uint32_t end)
{
	for (uint32_t class = first; class < end; class++) {
		uint16_t bottom = bottom_slot[class];
		struct magazine *magazine = &cache->magazines[class];
		magazine->limit = (uint16_t)(bottom + cache_first_objects(class));
		word_store(&magazine->bottom, bottom);
		__atomic_store_n(&magazine->word, bottom, __ATOMIC_RELEASE);
	}
}

/* A slot that was never used, its figures all zero. */
static struct cache *slot_make(uint32_t index)
{
	lock_acquire(&page_heap_lock);
	bool is_mapped = slot_map(index, 0);
	lock_release(&page_heap_lock);
	if (!is_mapped)
		return NULL;
	struct cache *cache = cache_at(index);
	cache->index = index;
	magazines_open(cache, 1, SIZED_CLASS_COUNT);
	cache->class_end = SIZED_CLASS_COUNT;
	cache->random = os_random_word(index + 1) | 1;
	return cache;
}

/* All of it under the lock: the child of a fork finds it done, or not begun. */
bool cache_open_hinted(struct cache *cache)
{
	if (cache_has_magazine(cache, SIZE_CLASS_COUNT - 1))
		return true;
	lock_acquire(&page_heap_lock);
	central_init_hinted();
	/* Without magazines too it may free such objects. */
	__atomic_store_n(&cache->class_end, SIZE_CLASS_COUNT, __ATOMIC_RELEASE);
	bool done = slot_map(cache->index, 1);
	if (done)
		magazines_open(cache, SIZED_CLASS_COUNT, SIZE_CLASS_COUNT);
	lock_release(&page_heap_lock);
	return done;
}

/* The slots 0 (shared) and 1 come first, so that a slot's number says whether
   it has been made. */
static struct cache *slot_obtain(void)
{
	uint32_t index = first_ended;

	if (index != 0) {
		struct cache *cache = cache_at(index);
		first_ended = cache->next_ended;
		return cache;
	}
	index = slot_count;
	if (index >= CACHE_MAX)
		return NULL;
	struct cache *cache = slot_make(index);
	if (cache != NULL)
		__atomic_store_n(&slot_count, index + 1, __ATOMIC_RELEASE);
	return cache;
}

/* A slot took address space, or there is a thread more or less. */
static void publish_count(void)
{
	if (!CONFIG_BOOKS)
		return;
	lock_acquire(&page_heap_lock);
	publish_totals();
	lock_release(&page_heap_lock);
}

/* What readers are told of its thread. */
static void slot_describe(struct cache *cache)
{
	cache->base = cache_ended_sums(cache);
	word_store(&cache->tid, os_thread_mark());
	cache->stack_address = (uintptr_t)__builtin_frame_address(0);
	memset(cache->name, 0, sizeof(cache->name));
	os_thread_name(cache->name);
}

static void slot_welcome(struct cache *cache)
{
	if (CONFIG_BOOKS)
		slot_describe(cache);
	__atomic_store_n(&cache->state, CACHE_LIVE, __ATOMIC_RELEASE);
	word_add(&live_count, 1);
	publish_thread(cache);
	publish_count();
}

bool cache_attach(void)
{
	if (has_detached)
		return false;
	lock_acquire(&cache_registry_lock);
	if (slot_count == CACHE_SHARED) {
		/* The shared slot exists before any other, and belongs to no thread. */
		struct cache *shared = slot_make(CACHE_SHARED);
		if (shared != NULL)
			__atomic_store_n(&slot_count, CACHE_SHARED + 1, __ATOMIC_RELEASE);
	}
	struct cache *cache = slot_count > CACHE_SHARED ? slot_obtain() : NULL;
	if (cache != NULL)
		slot_welcome(cache);
	lock_release(&cache_registry_lock);
	if (cache == NULL)
		return false;
	cache_own = cache;
	cache_self = is_hidden || cache_is_told ? &cache_none : cache;
	if (heap_hooks.thread_attached != NULL)
		heap_hooks.thread_attached();
	return true;
}

void cache_hide(void)
{
	is_hidden = true;
	cache_self = &cache_none;
}

void cache_tell(bool is_told)
{
	cache_is_told = is_told;
	cache_self = is_hidden || is_told ? &cache_none : cache_own;
}

void *cache_told_slow(void *object)
{
	if (object != NULL && arena_holds(arena_page_of(object)))
		heap_hooks.allocated(object);
	return object;
}

static void slot_leave(struct cache *cache, bool is_orphaned)
{
	if (cache->tiny.at != 0 || cache->tiny_collectable.at != 0 || cache->tiny_is_changing)
		heap_hooks.cache_leaves(cache, is_orphaned);
	for (uint32_t class = 1; class < cache->class_end; class++)
		if (cache_is_used(cache, class))
			magazine_close(cache, class);
	lock_acquire(&cache_registry_lock);
	__atomic_store_n(&cache->state, CACHE_ENDED, __ATOMIC_RELEASE);
	word_subtract(&live_count, 1);
	publish_thread(cache);
	publish_count();
	cache->next_ended = first_ended;
	first_ended = cache->index;
	lock_release(&cache_registry_lock);
}

void cache_detach(void)
{
	struct cache *cache = cache_own;

	has_detached = true;
	cache_own = cache_self = &cache_none;
	if (cache != &cache_none)
		slot_leave(cache, false);
	release_if_wanted();
}

void cache_abandon_others(void)
{
	for (uint32_t index = CACHE_SHARED + 1; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		if (cache != cache_own && cache->state == CACHE_LIVE) {
			cache_change_undo(cache);
			slot_leave(cache, true);
		}
	}
	if (cache_own != &cache_none)
		cache_own->tid = os_thread_mark();
}

/* Its thread may have been on the way to give them back: not what is back already. */
static void magazine_recover(struct cache *cache, uint32_t class)
{
	struct magazine *magazine = &cache->magazines[class];
	uint32_t held = cache_held(cache, class);

	central_lock(class);
	for (uint32_t slot = magazine->bottom + 1u; slot <= magazine->top; slot++)
		central_give_if_out(class, cache_slots(cache)[slot]);
	central_unlock(class);
	cache->classes[class].net -= held;
	magazine_add(magazine, -(int32_t)held, 0);
}

static void contents_recover(struct cache *cache)
{
	if (cache->tiny.at != 0 || cache->tiny_collectable.at != 0 || cache->tiny_is_changing)
		heap_hooks.cache_leaves(cache, true);
	cache_change_undo(cache);
	for (uint32_t class = 1; class < cache->class_end; class++)
		if (cache_held(cache, class) != 0)
			magazine_recover(cache, class);
}

static bool is_open_hinted(const struct cache *cache)
{
	return cache->magazines[SIZE_CLASS_COUNT - 1].top != 0; /* which is opened last */
}

/* Somebody may have been opening it. */
static void hinted_recover(struct cache *cache)
{
	if (is_open_hinted(cache))
		return;
	memset(cache->magazines + SIZED_CLASS_COUNT, 0,
		HINTED_CLASS_COUNT * sizeof(cache->magazines[0]));
	if (!arena.is_reserved)
		os_unmap((char *)cache + FIRST_BYTES, FIRST_BYTES);
}

static void slots_recover(uint32_t count)
{
	size_t mapped_bytes = arena_tables_bytes();

	if (!arena.is_reserved) /* one that was being mapped */
		os_unmap(cache_at(count), STRIDE_BYTES);
	for (uint32_t index = 0; index < count; index++) {
		struct cache *cache = cache_at(index);
		if (cache->class_end == SIZE_CLASS_COUNT)
			hinted_recover(cache);
		mapped_bytes += is_open_hinted(cache) ? STRIDE_BYTES : FIRST_BYTES;
	}
	word_store(&arena.metadata_bytes, mapped_bytes);
}

void cache_recover_others(bool slots_are_unfinished, bool shared_is_unfinished)
{
	uint32_t count = cache_count();

	if (slots_are_unfinished)
		slots_recover(count);
	if (shared_is_unfinished && count > CACHE_SHARED)
		contents_recover(cache_at(CACHE_SHARED));
	first_ended = 0;
	live_count = cache_own != &cache_none;
	for (uint32_t index = count; index-- > CACHE_SHARED + 1;) {
		struct cache *cache = cache_at(index);
		if (cache == cache_own)
			continue;
		if (cache->state == CACHE_LIVE)
			contents_recover(cache);
		cache->state = CACHE_ENDED;
		cache->next_ended = first_ended;
		first_ended = index;
	}
	if (cache_own != &cache_none)
		cache_own->tid = os_thread_id();
}

void cache_own_lost(uint32_t class, uint64_t out_objects)
{
	struct cache *owner = NULL;
	int64_t lost = (int64_t)out_objects;

	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		lost -= cache->classes[class].net;
		if (cache != cache_own && class < cache->class_end)
			owner = cache;
	}
	if (owner == NULL)
		return;
	owner->classes[class].net += lost;
	if (CONFIG_BOOKS && lost > 0)
		owner->classes[class].armed += (uint64_t)lost;
}

struct cache *cache_shared_lock(void)
{
	if (cache_count() == 0)
		return NULL;
	lock_acquire(&cache_shared_mutex);
	struct cache *cache = cache_at(CACHE_SHARED);
	if (cache->state == CACHE_NEVER) {
		/* Of use from now on: readers see it as a thread that has no id. */
		strcpy(cache->name, "(shared)");
		__atomic_store_n(&cache->state, CACHE_LIVE, __ATOMIC_RELEASE);
		publish_thread(cache);
	}
	return cache;
}

void cache_shared_unlock(void)
{
	lock_release(&cache_shared_mutex);
}
