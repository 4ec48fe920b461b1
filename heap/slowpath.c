#include "heap/slowpath.h"

#include <errno.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/format.h"
#include "heap/cache.h"
#include "base/os.h"
#include "heap/central.h"
#include "heap/checks.h"
#include "heap/cooling.h"
#include "heap/draining.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/large.h"
#include "heap/limit.h"
#include "heap/magazine.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/recover.h"
#include "heap/release.h"
#include "heap/sample.h"
#include "stats/box.h"

enum {
	/* How far the published totals of a class may be behind, a thread: an event
	   costs as much as a dozen pairs. */
	EVENT_OBJECTS = 2048,
	/* Some milliseconds' work for whoever comes by at the end of an interval. */
	SPANS_A_TIDYING = 2048,
	TIDYING_AGAIN_NS = 20 * 1000 * 1000,
	HASTE_NS = 50 * 1000 * 1000,
	HASTE_SHARE = 16,
	HASTE_MIN_BYTES = 1 << 20
};

_Static_assert((int)EVENT_OBJECTS <= INT16_MAX, "a countdown's length fits");

struct heap_hooks heap_hooks;

static struct lock init_lock = {.rank = LOCK_RANK_NONE};

/* Reads 0 in a child of a fork until it is set again.  Where the kernel cannot do
   that it is 0 for ever, and the kernel is asked each time. */
static unsigned char process_word_here = 1;
static unsigned char *process_word = &process_word_here;
static bool process_word_is_wiped;

static void process_word_init(void)
{
	unsigned char *word = os_map(os_page_bytes());

	process_word_is_wiped = word != NULL && os_wipe_on_fork(word, os_page_bytes());
	if (process_word_is_wiped) {
		process_word = word;
		box_memory_move((char **)(void *)word + 1);
	}
	heap_process_is_known();
}

void heap_process_is_known(void)
{
	*process_word = process_word_is_wiped;
}

bool heap_init(void)
{
	if (__atomic_load_n(&arena.is_ready, __ATOMIC_ACQUIRE))
		return true;
	if (heap_hooks.heap_begins != NULL)
		heap_hooks.heap_begins();
	lock_acquire(&init_lock);
	bool ready = arena.is_ready;
	if (!ready) {
		central_init();
		cache_init();
		process_word_init();
		ready = arena_init();
	}
	lock_release(&init_lock);
	return ready;
}

/* A child that no fork handler prepared has one thread, and locks that others
   of its parent may have held. */
static COLD void process_is_new(void)
{
	bool (*is_same)(void) = heap_hooks.is_same_process;

	if (!process_word_is_wiped && (is_same == NULL || is_same()))
		return;
	heap_process_is_known();
	if (heap_hooks.process_forked != NULL)
		heap_hooks.process_forked();
	heap_fork_recover();
}

static inline void process_look(void)
{
	if (UNLIKELY(*process_word == 0))
		process_is_new();
}

bool heap_process_is_asked(void)
{
	return !process_word_is_wiped;
}

bool heap_process_is_new(void)
{
	return process_word_is_wiped && *process_word == 0;
}

void heap_process_look(void)
{
	process_look();
}

void heap_reclaim(struct cache *cache)
{
	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		magazine_empty(cache, class);
		central_lock(class);
		central_drain_all(class);
		publish_class(class);
		central_unlock(class);
	}
	release_wait();
}

bool heap_reclaim_checked(void)
{
	if (heap_checks != NULL)
		return heap_checks->reclaim();
	return heap_sample_checks != NULL && heap_sample_checks->reclaim();
}

void *heap_out_of_memory(size_t bytes)
{
	char text[64];
	struct format line;

	heap_init(); /* which knows a new process too */
	process_look();
	format_init(&line, text, sizeof(text), -1);
	format_text(&line, "out of memory: ");
	format_unsigned(&line, bytes);
	format_text(&line, " bytes refused");
	format_terminate(&line);
	box_log(BOX_EVENT_OUT_OF_MEMORY, text);
	lock_acquire(&page_heap_lock);
	word_add(&page_heap.out_of_memory_count, 1);
	publish_totals();
	lock_release(&page_heap_lock);
	errno = ENOMEM;
	return NULL;
}

struct cache *heap_cache_acquire(void)
{
	process_look();
	if (LIKELY(cache_own != &cache_none))
		return cache_own;
	if (!heap_init())
		return NULL;
	return cache_attach() ? cache_own : cache_shared_lock();
}

void heap_cache_release(struct cache *cache)
{
	if (UNLIKELY(cache->index == CACHE_SHARED))
		cache_shared_unlock();
	release_if_wanted();
}

/* Sets the countdown again.  Half of its length is random, so that a program
   with a rhythm is not looked at always at the same beat. */
static void countdown_arm(struct cache *cache, uint32_t class)
{
	const uint32_t most = CONFIG_TORTURE ? 4 : EVENT_OBJECTS;
	uint32_t count = most / 2 + (uint32_t)(cache_random(cache) % (most / 2)) + 1;
	if (cache->haste != 0) {
		count = cache->haste < count ? cache->haste : count;
		cache->haste = cache->haste < most ? 2 * cache->haste : 0;
	}
	count = sample_countdown(cache, class, count);
	cache_change_begin(cache, class);
	word_add(&cache->classes[class].armed, count);
	magazine_add(&cache->magazines[class], 0, (int32_t)count);
	cache_change_end(cache);
}

/* The weight of the malloc that ended it, if it is a sample. */
static double countdown_end(struct cache *cache, uint32_t class)
{
	double weight = sample_due(cache, class);

	countdown_arm(cache, class);
	return weight;
}

/*
 * Lets the next allocations come by the slow path, first each, then ever more
 * rarely: a thread that allocates now and then, out of full magazines, would
 * not look at the clock again for hours.
 */
static void countdown_hasten(struct cache *cache, uint64_t now_ns)
{
	for (uint32_t class = 1; class < cache->class_end; class++) {
		struct magazine *magazine = &cache->magazines[class];
		int16_t until = magazine->until;
		if (until <= 0)
			continue;
		cache_change_begin(cache, class);
		word_subtract(&cache->classes[class].armed, until);
		magazine_add(magazine, 0, -until);
		cache_change_end(cache);
	}
	cache->haste = 1;
	cache->hastened_ns = now_ns;
	cache->given_bytes = 0;
}

/* Now and then; and when much was freed, for which a thread that frees quickly
   needs less time than that. */
static bool is_haste_due(const struct cache *cache, uint64_t now_ns)
{
	size_t inuse_pages = word_load(&page_heap.inuse_pages);
	uint64_t much = (inuse_pages << PAGE_SHIFT) / HASTE_SHARE;

	return now_ns - cache->hastened_ns >= HASTE_NS ||
		cache->given_bytes >= max_bytes(much, HASTE_MIN_BYTES);
}

/* What the fast path has popped and counted, if that ended the countdown. */
static inline void *popped_object(struct cache *cache, uint32_t class)
{
	const struct magazine *magazine = &cache->magazines[class];

	return CONFIG_BOOKS && magazine->until < 0 ? cache_slots(cache)[magazine->top + 1] : NULL;
}

/* One that is alone in its span is apart as it is. */
static COLD void *sample_instead(struct cache *cache, uint32_t class, void *object, double weight)
{
	bool is_alone = size_classes[class].span_objects == 1 || heap_checks != NULL;
	void *sample = is_alone ? object : sample_take(cache, class, object);

	if (sample != object || is_alone) {
		cache->sampled = sample;
		cache->sampling.weight = weight;
		cache->sampling.home = is_alone ? NULL : object;
	}
	if (sample != object)
		cache->fill_is_zero = false;
	return sample;
}

void *cache_alloc(struct cache *cache, uint32_t class, size_t bytes)
{
	struct magazine *magazine = &cache->magazines[class];
	void *object = popped_object(cache, class);
	double weight = 0;

	if (UNLIKELY(!cache_has_magazine(cache, class)) && !cache_open_hinted(cache))
		return NULL;
	/* At once: what is called at an interval's end may allocate, and must not find
	   that same object. */
	if (object != NULL)
		weight = countdown_end(cache, class);
	heap_tick(cache);
	if (object == NULL) {
		if (cache_held(cache, class) == 0 && !magazine_fill(cache, class))
			return NULL;
		object = cache_slots(cache)[magazine->top];
		magazine_add(magazine, -1, CONFIG_BOOKS ? -1 : 0);
	}
	if (CONFIG_BOOKS && magazine->until < 0)
		weight = countdown_end(cache, class);
	if (CONFIG_BOOKS)
		magazine_sample(cache, class, bytes);
	if (UNLIKELY(weight != 0))
		object = sample_instead(cache, class, object, weight);
	publish_row(cache, class);
	return object;
}

void *heap_alloc_unchecked(uint32_t class, size_t bytes, bool *is_zero)
{
	struct cache *cache = heap_cache_acquire();

	if (cache == NULL)
		return heap_out_of_memory(bytes);
	cache->fill_is_zero = false;
	void *object = cache_alloc(cache, class, bytes);
	if (UNLIKELY(object == NULL)) {
		heap_reclaim(cache);
		do
			object = cache_alloc(cache, class, bytes);
		while (object == NULL && heap_reclaim_checked());
	}
	*is_zero = cache->fill_is_zero;
	bool is_sample = object != NULL && cache->sampled == object;
	double weight = cache->sampling.weight;
	const void *home = cache->sampling.home;
	cache->sampled = NULL;
	heap_cache_release(cache);
	if (UNLIKELY(is_sample && heap_sample_checks != NULL)) {
		object = heap_sample_checks->place(object, class, bytes);
		*is_zero = false;
	}
	if (UNLIKELY(is_sample))
		sample_tell(&(struct sample){.object = object, .bytes = bytes,
			.usable_bytes = size_classes[class].object_bytes, .weight = weight, .home = home});
	if (UNLIKELY(object == NULL))
		return heap_out_of_memory(bytes);
	return heap_checks == NULL ? cache_told(object) : object;
}

void *heap_alloc_class_slow(uint32_t class, size_t bytes, bool *is_zero)
{
	*is_zero = false;
	return UNLIKELY(heap_checks != NULL)
		? heap_checks->alloc(bytes, 1, size_class_family(class), false)
		: heap_alloc_unchecked(class, bytes, is_zero);
}

void *heap_alloc_slow(size_t bytes)
{
	bool is_zero;

	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->alloc(bytes, 1, SIZE_FAMILY_PLAIN, false);
	return bytes > SMALL_MAX_BYTES
		? large_alloc(bytes, 1, false)
		: heap_alloc_class_slow(size_class_of(bytes), bytes, &is_zero);
}

void *heap_alloc_noscan_slow(size_t bytes)
{
	bool is_zero;

	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->alloc(bytes, 1, SIZE_FAMILY_NOSCAN, false);
	if (bytes <= SMALL_MAX_BYTES)
		return heap_alloc_class_slow(size_class_of(bytes) + SIZE_FAMILY_NOSCAN, bytes,
			&is_zero);
	return large_hint(large_alloc(bytes, 1, false), SIZE_FAMILY_NOSCAN);
}

static void cache_free(struct cache *cache, uint32_t class, void *ptr, const void *caller)
{
	struct magazine *magazine = &cache->magazines[class];

	if (magazine->top == magazine->limit)
		magazine_make_room(cache, class, caller);
	word_store(cache_slots(cache) + magazine->top + 1, ptr);
	magazine_add(magazine, 1, 0);
	publish_row(cache, class);
}

void heap_free_class_slow(uint32_t class, bool goes_home, void *ptr, const void *caller)
{
	struct cache *cache = heap_cache_acquire();

	if (cache_slots(cache)[cache->magazines[class].top] == ptr)
		misuse_double_free("free", ptr, caller);
	if (!cache_has_magazine(cache, class) && !cache_open_hinted(cache))
		goes_home = true;
	if (!goes_home) {
		heap_tick(cache);
		cache_free(cache, class, ptr, caller);
	} else if (magazine_pass_home(cache, class, ptr, caller)) {
		heap_tick(cache);
	}
	heap_cache_release(cache);
}

void heap_free_span(const struct span *span, void *ptr, const void *caller)
{
	if (span->kind == SPAN_SMALL)
		heap_free_class_slow(span->class, true, ptr, caller);
	else
		large_free(ptr, caller);
}

void heap_free_for_slow(void *ptr, const void *caller)
{
	size_t page = arena_page_of(ptr);

	if (ptr == NULL)
		return;
	uint32_t class = arena_class_at(page);
	bool is_usual = class - 1 < SIZE_CLASS_COUNT - 1;
	const struct span *span = is_usual ? NULL : span_of_small(ptr);
	if (is_usual && !heap_may_begin(ptr, class))
		misuse_bad_pointer("free", ptr, caller);
	if (is_usual)
		heap_free_class_slow(class, false, ptr, caller);
	else if (span != NULL)
		heap_free_span(span, ptr, caller);
	else
		large_free(ptr, caller);
}

void heap_free_slow(void *ptr)
{
	heap_free_for_slow(ptr, __builtin_return_address(0));
}

/* What nobody has used for an interval goes home, and free pages of spans that
   nobody has touched go back. */
static void pools_tidy(void)
{
	uint32_t budget = SPANS_A_TIDYING;

	cooling_advance();
	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		struct central *central = &centrals[class];
		bool is_due = draining_is_due(class);
		if (word_load(&central->stacked_count) == 0 &&
			word_load(&central->cooling_first) == 0 && !is_due)
			continue;
		central_lock(class);
		central_drain(class);
		if (is_due)
			draining_begin(class);
		budget -= cooling_release(class, budget);
		publish_class(class);
		central_unlock(class);
	}
	if (budget == 0 || limit_presses())
		release_be_due_in(TIDYING_AGAIN_NS);
}

void heap_tick(struct cache *cache)
{
	uint64_t now_ns = os_coarse_ns();

	magazine_decay_next(cache);
	if (CONFIG_BOOKS && is_haste_due(cache, now_ns))
		countdown_hasten(cache, now_ns);
	if (!release_is_due(now_ns))
		return;
	pools_tidy();
	release_with_age();
	if (heap_hooks.interval_passed != NULL && cache->index != CACHE_SHARED)
		heap_hooks.interval_passed();
}
