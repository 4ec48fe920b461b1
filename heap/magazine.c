#include "heap/magazine.h"

#include <string.h>

#include "base/config.h"
#include "heap/central.h"
#include "heap/publish.h"

enum {
	/* The magazines of one thread may grow by so much.  All classes at their
	   largest would be 8 MiB. */
	BUDGET_BYTES = 1 << 20,
	/* Objects that are passed home, between two looks at the books and the
	   clock: fewer than the smallest magazine holds. */
	PASSES_A_LOOK = 8
};

static uint32_t capacity(const struct cache *cache, uint32_t class)
{
	const struct magazine *magazine = &cache->magazines[class];

	return (uint32_t)magazine->limit - magazine->bottom;
}

static bool grow(struct cache *cache, uint32_t class)
{
	uint32_t now = capacity(cache, class), most = cache_most_objects(class);
	uint32_t more = now <= most - now ? now : most - now;
	size_t more_bytes = (size_t)more * size_classes[class].object_bytes;

	if (more == 0 || cache->grown_bytes + more_bytes > BUDGET_BYTES)
		return false;
	cache->magazines[class].limit += (uint16_t)more;
	cache->grown_bytes += more_bytes;
	return true;
}

static void shrink(struct cache *cache, uint32_t class)
{
	uint32_t first = cache_first_objects(class);

	cache->grown_bytes -= (size_t)(capacity(cache, class) - first) *
		size_classes[class].object_bytes;
	cache->magazines[class].limit = (uint16_t)(cache->magazines[class].bottom + first);
}

/* Class's lock held: the pool's share of the samples. */
static void hand_samples(struct cache *cache, uint32_t class)
{
	if (!CONFIG_BOOKS)
		return;
	struct cache_class *row = &cache->classes[class];
	word_add(&centrals[class].sampled_objects, row->sampled_count);
	word_add(&centrals[class].sampled_bytes, row->sampled_bytes);
	row->sampled_count = 0;
	row->sampled_bytes = 0;
}

void magazine_sample(struct cache *cache, uint32_t class, size_t bytes)
{
	cache->classes[class].sampled_count++;
	cache->classes[class].sampled_bytes += bytes;
}

bool magazine_fill(struct cache *cache, uint32_t class)
{
	struct magazine *magazine = &cache->magazines[class];

	grow(cache, class);
	uint32_t want = (capacity(cache, class) + 1) / 2;

	central_lock(class);
	uint32_t got = central_take(class, cache_slots(cache) + magazine->top + 1, want);
	cache->fill_is_zero = centrals[class].taken_is_zero;
	cache_change_begin(cache, class);
	word_add(&cache->classes[class].net, got);
	magazine_add(magazine, (int32_t)got, 0);
	cache_change_end(cache);
	hand_samples(cache, class);
	publish_batch(class);
	central_unlock(class);
	return got != 0;
}

/* Gives back the `count` objects that were freed the longest ago. */
static void give_oldest(struct cache *cache, uint32_t class, uint32_t count, const void *caller)
{
	struct magazine *magazine = &cache->magazines[class];
	void **first = cache_slots(cache) + magazine->bottom + 1;
	uint32_t held = cache_held(cache, class);

	central_lock(class);
	central_give(class, first, count, caller);
	cache->given_bytes += (uint64_t)count * size_classes[class].object_bytes;
	pointers_move(first, first + count, held - count);
	cache_change_begin(cache, class);
	word_subtract(&cache->classes[class].net, count);
	magazine_add(magazine, -(int32_t)count, 0);
	cache_change_end(cache);
	hand_samples(cache, class);
	publish_batch(class);
	central_unlock(class);
	publish_row(cache, class);
}

void magazine_make_room(struct cache *cache, uint32_t class, const void *caller)
{
	uint32_t held = cache_held(cache, class);

	if (!grow(cache, class))
		give_oldest(cache, class, held - held / 2, caller);
}

bool magazine_pass_home(struct cache *cache, uint32_t class, void *object, const void *caller)
{
	bool is_due = ++cache->passed_count % PASSES_A_LOOK == 0;

	central_lock(class);
	central_give_home(class, object, caller);
	cache->given_bytes += size_classes[class].object_bytes;
	cache_change_begin(cache, class);
	word_subtract(&cache->classes[class].net, 1);
	cache_change_end(cache);
	if (is_due)
		publish_class(class);
	central_unlock(class);
	if (is_due)
		publish_row(cache, class);
	return is_due;
}

void magazine_empty(struct cache *cache, uint32_t class)
{
	uint32_t held = cache_held(cache, class);

	if (held != 0)
		give_oldest(cache, class, held, NULL);
}

void magazine_close(struct cache *cache, uint32_t class)
{
	uint32_t held = cache_held(cache, class);

	if (held != 0)
		give_oldest(cache, class, held, NULL);
	else
		publish_row(cache, class);
	shrink(cache, class);
}

void magazine_decay_next(struct cache *cache)
{
	uint32_t class = cache->decay_class + 1 < cache->class_end ? cache->decay_class + 1 : 1;
	struct cache_class *row = &cache->classes[class];
	uint64_t nmalloc = cache_nmalloc(cache, class);
	uint16_t top = cache->magazines[class].top;

	cache->decay_class = class;
	if (!cache_has_magazine(cache, class))
		return;
	if (nmalloc == row->decay_nmalloc && top == row->decay_top) {
		magazine_empty(cache, class);
		shrink(cache, class);
	}
	row->decay_nmalloc = nmalloc;
	row->decay_top = cache->magazines[class].top;
}
