#include "heap/held.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "heap/span.h"

enum {
	/* What a thread and the pool hold of a class at most, twice over and rounded up: a
	   set that is half empty finds its place at once. */
	SEEN_SLOTS = 8192,
	VIEW_OBJECTS = 1024, /* no magazine is larger */
	VIEW_TRIES = 4
};

/* What one magazine held at one moment. */
struct view {
	const struct cache *cache;
	uint32_t sequence;
	uint32_t word;
	uint32_t count;
};

BULKY void *held_view[VIEW_OBJECTS];
BULKY void *held_seen[SEEN_SLOTS];
BULKY uint64_t held_nfree_known[SIZE_CLASS_COUNT];

/* Pointers by their hash; NULL is an empty place. */
struct seen {
	void **slots;
	size_t slot_count; /* a power of two */
};

static bool seen_open(struct seen *seen, size_t objects)
{
	seen->slots = held_seen;
	seen->slot_count = (size_t)4 << bits_log2(objects);
	if (seen->slot_count > SEEN_SLOTS)
		seen->slots = os_map(seen->slot_count * sizeof(void *));
	else
		memset(held_seen, 0, seen->slot_count * sizeof(void *));
	return seen->slots != NULL;
}

static void seen_close(const struct seen *seen)
{
	if (seen->slots != held_seen)
		os_unmap(seen->slots, seen->slot_count * sizeof(void *));
}

/* False if it is there already.  Fibonacci hashing (Knuth, TAOCP 3, 6.4). */
static bool seen_add(struct seen *seen, void *object)
{
	size_t at = (size_t)((uintptr_t)object * 0x9e3779b97f4a7c15u >> 32);

	for (at &= seen->slot_count - 1; seen->slots[at] != NULL; at = (at + 1) & (seen->slot_count - 1))
		if (seen->slots[at] == object)
			return false;
	seen->slots[at] = object;
	return true;
}

static bool is_still(const struct view *view, uint32_t class)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return word_load(&view->cache->magazines[class].word) == view->word &&
		word_load(&view->cache->sequence) == view->sequence;
}

static void **view_first(const struct view *view, uint32_t class)
{
	return (void **)view->cache + word_load(&view->cache->magazines[class].bottom) + 1;
}

/* False: it is amid a change. */
static bool view_begin(struct view *view, uint32_t class)
{
	const struct magazine *magazine = &view->cache->magazines[class];

	view->sequence = __atomic_load_n(&view->cache->sequence, __ATOMIC_ACQUIRE);
	view->word = __atomic_load_n(&magazine->word, __ATOMIC_ACQUIRE);
	view->count = magazine_held(magazine, (uint16_t)view->word);
	return view->count <= VIEW_OBJECTS && (view->sequence & 1) == 0;
}

/* Without books nothing tells whether another thread's holds still. */
static bool can_be_viewed(const struct cache *cache, uint32_t class)
{
	return class < cache_class_end(cache) && (CONFIG_BOOKS || cache == cache_own);
}

/* Copies what it holds into held_view; nothing, if it does not hold still. */
static uint32_t view_copy(const struct cache *cache, uint32_t class)
{
	struct view view = {.cache = cache};

	for (int tries = 0; can_be_viewed(cache, class) && tries < VIEW_TRIES; tries++) {
		bool is_begun = view_begin(&view, class);
		for (uint32_t i = 0; is_begun && i < view.count; i++)
			held_view[i] = word_load(view_first(&view, class) + i);
		if (is_begun && is_still(&view, class))
			return view.count;
	}
	return 0;
}

static uint32_t times_among(void **objects, uint32_t count, const void *object)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < count; i++)
		times += word_load(objects + i) == object;
	return times;
}

/* How often it is held there, at the moment that *view is of; 0 if it does not hold still. */
static uint32_t view_times(struct view *view, uint32_t class, const void *object)
{
	for (int tries = 0; can_be_viewed(view->cache, class) && tries < VIEW_TRIES; tries++) {
		if (!view_begin(view, class))
			continue;
		uint32_t times = times_among(view_first(view, class), view->count, object);
		if (is_still(view, class))
			return times;
	}
	return 0;
}

/* At one moment: an object may be handed out by one thread and freed by another while
   the one's magazine and then the other's is looked at. */
static bool is_held_twice(uint32_t class, const void *object) REQUIRES(centrals[class].lock)
{
	uint32_t times = times_among(centrals[class].stack, centrals[class].stacked_count, object);
	struct view first = {.cache = NULL};

	for (uint32_t index = 0; times < 2 && index < cache_count(); index++) {
		struct view view = {.cache = cache_at(index)};
		uint32_t more = view_times(&view, class, object);
		if (more == 0)
			continue;
		times += more;
		if (first.cache != NULL && !is_still(&first, class))
			return false;
		first = view;
	}
	return times >= 2;
}

/* What is looked for, and what was found. */
struct search {
	uint32_t class;
	struct seen seen;
	const void *misused; /* NULL: nothing yet */
	bool is_freed_twice;
};

static void search_among(struct search *search, void **objects, uint32_t count)
	REQUIRES(centrals[search->class].lock)
{
	for (uint32_t i = 0; i < count && search->misused == NULL; i++) {
		bool is_out = central_is_out(search->class, objects[i]);
		if (is_out && (seen_add(&search->seen, objects[i]) ||
				      !is_held_twice(search->class, objects[i])))
			continue;
		search->misused = objects[i];
		search->is_freed_twice = is_out || central_is_home(search->class, objects[i]);
	}
}

static void search_class(struct search *search, size_t objects)
	REQUIRES(centrals[search->class].lock)
{
	const struct central *central = &centrals[search->class];

	if (objects + central->stacked_count == 0 ||
		!seen_open(&search->seen, objects + central->stacked_count))
		return;
	search_among(search, central->stack, central->stacked_count);
	for (uint32_t index = 0; index < cache_count(); index++) {
		uint32_t count = view_copy(cache_at(index), search->class);
		if (count > objects)
			break; /* they were given more since they were counted */
		objects -= count;
		search_among(search, held_view, count);
	}
	seen_close(&search->seen);
}

/* Of one class, over all threads. */
struct sums {
	uint64_t nfree;
	uint64_t held_objects;
};

static struct sums sums_of(uint32_t class)
{
	struct sums sums = {0, 0};

	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		if (class >= cache_class_end(cache))
			continue;
		struct cache_row row = cache_read_row(cache, class);
		sums.nfree += row.nmalloc - (uint64_t)row.live_objects;
		sums.held_objects += row.held_objects;
	}
	return sums;
}

void held_fork_child(void)
{
	for (uint32_t class = 1; class < size_class_end_now(); class++)
		held_nfree_known[class] = sums_of(class).nfree;
}

const void *held_find_misused(bool *is_freed_twice)
{
	struct search search = {.class = 1};

	for (; search.class < size_class_end_now() && search.misused == NULL; search.class++) {
		struct sums sums = sums_of(search.class);
		if (sums.nfree == held_nfree_known[search.class] || !central_try(search.class))
			continue;
		search_class(&search, sums.held_objects);
		central_unlock(search.class);
	}
	*is_freed_twice = search.is_freed_twice;
	return search.misused;
}
