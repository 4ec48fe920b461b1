/*
 * heap/cache_read.c - reading a cache's figures while its thread changes them.
 *
 * The owner's steps and the reader's:
 *
 *     owner                               reader
 *     busy_* = the class's figures        s = sequence
 *     sequence = odd                      if s is odd and the class is busy_class
 *     (store-store barrier)                   take busy_*
 *     change net, armed, the magazine     else take the words
 *     sequence = even                     again if sequence != s
 *
 * A reader that interrupts the owner finds sequence unchanged, at once.
 */
#include "heap/cache.h"

#include "base/bits.h"
#include "base/config.h"

enum { READ_TRIES = 16 };

void cache_change_begin(struct cache *cache, uint32_t class)
{
	if (!CONFIG_BOOKS)
		return;
	word_store(&cache->busy_class, class);
	word_store(&cache->busy_nmalloc, cache_nmalloc(cache, class));
	word_store(&cache->busy_live, cache->classes[class].net - cache_held(cache, class));
	__atomic_store_n(&cache->sequence, cache->sequence + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void cache_change_end(struct cache *cache)
{
	if (!CONFIG_BOOKS)
		return;
	__atomic_store_n(&cache->sequence, cache->sequence + 1, __ATOMIC_RELEASE);
}

void cache_change_undo(struct cache *cache)
{
	uint32_t class = cache->busy_class;

	if ((cache->sequence & 1) != 0) {
		cache->classes[class].armed = cache->busy_nmalloc +
			(uint64_t)(int64_t)cache->magazines[class].until;
		cache_change_end(cache);
	}
	/* An object that was popped and not yet taken stays counted, and is lost. */
	for (class = 1; class < cache->class_end; class++) {
		struct magazine *magazine = &cache->magazines[class];
		if (magazine->until >= 0)
			continue;
		cache->classes[class].armed -= (uint64_t)(int64_t)magazine->until;
		magazine->until = 0;
	}
}

static struct cache_row read_once(const struct cache *cache, uint32_t class, uint32_t sequence)
{
	const struct magazine magazine = {
		.word = __atomic_load_n(&cache->magazines[class].word, __ATOMIC_ACQUIRE)};
	struct cache_row row = {.held_objects = magazine_held(&cache->magazines[class], magazine.top)};

	if ((sequence & 1) != 0 &&
		word_load(&cache->busy_class) == class) {
		row.nmalloc = word_load(&cache->busy_nmalloc);
		row.live_objects = word_load(&cache->busy_live);
		return row;
	}
	row.nmalloc = word_load(&cache->classes[class].armed) -
		(uint64_t)(int64_t)magazine.until;
	row.live_objects = word_load(&cache->classes[class].net) -
		(int64_t)row.held_objects;
	return row;
}

struct cache_row cache_read_row(const struct cache *cache, uint32_t class)
{
	struct cache_row row;

	for (int tries = 0; tries < READ_TRIES; tries++) {
		uint32_t before = __atomic_load_n(&cache->sequence, __ATOMIC_ACQUIRE);
		row = read_once(cache, class, before);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (word_load(&cache->sequence) == before)
			break;
	}
	return row;
}

static struct cache_sums large_sums(const struct cache *cache)
{
	uint64_t freed = word_load(&cache->large_free_bytes);
	struct cache_sums sums = {
		.nmalloc = word_load(&cache->large_nmalloc),
		.nfree = word_load(&cache->large_nfree),
		.total_alloc = word_load(&cache->large_alloc_bytes),
	};

	sums.alloc = (int64_t)(sums.total_alloc - freed);
	return sums;
}

static void sums_add(struct cache_sums *sums, uint32_t class, uint64_t nmalloc, int64_t live_objects)
{
	int64_t bytes = size_classes[class].object_bytes;

	sums->nmalloc += nmalloc;
	sums->nfree += nmalloc - (uint64_t)live_objects;
	sums->total_alloc += nmalloc * (uint64_t)bytes;
	sums->alloc += live_objects * bytes;
}

struct cache_sums cache_ended_sums(const struct cache *cache)
{
	struct cache_sums sums = large_sums(cache);

	for (uint32_t class = 1; class < cache->class_end; class++) {
		const struct cache_class *row = &cache->classes[class];
		if (row->armed != 0 || row->net != 0)
			sums_add(&sums, class, cache_nmalloc(cache, class), row->net);
	}
	return sums;
}

struct cache_sums cache_read_sums(const struct cache *cache)
{
	struct cache_sums sums = large_sums(cache);

	for (uint32_t class = 1; class < cache_class_end(cache); class++) {
		if (!cache_is_used(cache, class))
			continue;
		struct cache_row row = cache_read_row(cache, class);
		sums_add(&sums, class, row.nmalloc, row.live_objects);
	}
	return sums;
}
