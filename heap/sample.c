#include "heap/sample.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/exponential.h"
#include "base/os.h"
#include "heap/apart.h"
#include "heap/hooks.h"
#include "heap/publish.h"
#include "heap/slowpath.h"

enum {
	/* Some ticks of the coarse clock: what a program allocates when it begins, or all at once,
	   is looked at as if it had done so slowly. */
	WINDOW_NS = 32 * 1000 * 1000,
	SHORTEST_NS = 4 * 1000 * 1000, /* a tick */
	SHIFT_MOST = 24,
	DISTANCE_MOST = 1 << 30 /* in objects */
};

/* A sample takes some microseconds: 1,000 a second are some thousandths of it. */
uint32_t sample_window_most = 32;

static uint64_t rate_bytes;

/* Of all threads.  Two that change it at once count a few samples less. */
static struct {
	uint64_t begin_ns;
	uint32_t samples; /* in it */
	uint32_t shift;   /* the rate is 2^shift as much */
} window;

void sample_set_rate(uint64_t bytes)
{
	word_store(&rate_bytes, bytes);
	word_store(&window.shift, 0);
}

uint64_t sample_rate(void)
{
	return word_load(&rate_bytes);
}

/* 0: none are taken. */
static float rate_now(void)
{
	return (float)word_load(&rate_bytes) * (float)((uint32_t)1 << word_load(&window.shift));
}

/* By as much as they came too fast, as far as the coarse clock can tell. */
static void rate_lower(uint64_t took_ns)
{
	uint32_t more = bits_log2(WINDOW_NS / max_bytes(took_ns, SHORTEST_NS));

	word_store(&window.shift, (uint32_t)min_bytes(word_load(&window.shift) + max_bytes(more, 1),
		SHIFT_MOST));
	word_store(&window.samples, 0);
}

/* Slower by as much as there were too many, faster by as much as there was time. */
static void rate_recover(uint64_t windows)
{
	uint32_t shift = word_load(&window.shift);
	uint32_t samples = __atomic_exchange_n(&window.samples, 0, __ATOMIC_RELAXED);
	uint32_t back = windows > sample_window_most ? (uint32_t)bits_log2(windows / sample_window_most) : 0;

	if (samples < sample_window_most / 2)
		back++;
	if (samples < sample_window_most / 8)
		back += 2;
	word_store(&window.shift, shift > back ? shift - back : 0);
}

static void window_follow(bool is_sample)
{
	uint64_t now_ns = os_coarse_ns(), begin_ns = word_load(&window.begin_ns);
	bool is_over = now_ns >= begin_ns + WINDOW_NS;

	if (is_sample && __atomic_fetch_add(&window.samples, 1, __ATOMIC_RELAXED) ==
			sample_window_most && !is_over)
		rate_lower(now_ns - begin_ns);
	if (is_over && __atomic_compare_exchange_n(&window.begin_ns, &begin_ns, now_ns, false,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		rate_recover((now_ns - begin_ns) / WINDOW_NS);
}

/* From the last `passed` mallocs on: the number of the malloc that is the next sample. */
static void draw(struct cache *cache, uint32_t class, float rate, uint64_t passed)
{
	struct cache_class *row = &cache->classes[class];
	double objects = exponential_draw(cache_random(cache)) * (double)rate /
		size_classes[class].object_bytes;

	row->sample_rate = rate;
	row->sample_at = cache_nmalloc(cache, class) - passed + 1 +
		(objects < DISTANCE_MOST ? (uint64_t)objects : DISTANCE_MOST);
}

static bool is_due(const struct cache *cache, uint32_t class)
{
	uint64_t at = cache->classes[class].sample_at;

	return at != 0 && cache_nmalloc(cache, class) >= at;
}

/* A distance holds at the rate that it was drawn at, up to here; from here on any will do
   that is drawn anew. */
double sample_due(struct cache *cache, uint32_t class)
{
	struct cache_class *row = &cache->classes[class];
	double weight = 0;

	if (cache->index == CACHE_SHARED || class == SIZE_CLASS_TINY)
		return 0;
	float rate = rate_now();
	if (rate == 0) {
		row->sample_at = 0;
		return 0;
	}
	if (row->sample_at == 0)
		draw(cache, class, rate, 1);
	bool is_sample = is_due(cache, class);
	if (is_sample)
		weight = 1 / exponential_share(size_classes[class].object_bytes / (double)row->sample_rate);
	if (is_sample || UNLIKELY(word_load(&window.shift) != 0))
		window_follow(is_sample);
	rate = rate_now();
	if (is_sample || row->sample_rate != rate)
		draw(cache, class, rate, 0);
	return weight;
}

uint32_t sample_countdown(struct cache *cache, uint32_t class, uint32_t most)
{
	uint64_t at = cache->classes[class].sample_at, now = cache_nmalloc(cache, class);

	if (at == 0)
		return most;
	return at - now < most ? (uint32_t)(at - now) : most;
}

void *sample_take(struct cache *cache, uint32_t class, void *object)
{
	struct magazine *magazine = &cache->magazines[class];

	if (magazine->top == magazine->limit)
		return object; /* somebody was called meanwhile, who freed */
	central_lock(class);
	void *sample = apart_take(class, SPAN_SAMPLED);
	if (sample != NULL) {
		cache_change_begin(cache, class);
		word_add(&cache->classes[class].net, 1);
		word_store(cache_slots(cache) + magazine->top + 1, object);
		magazine_add(magazine, 1, 0);
		cache_change_end(cache);
		publish_batch(class);
	}
	central_unlock(class);
	return sample != NULL ? sample : object;
}

void sample_undo(void *object, uint32_t class)
{
	const struct span *span = span_of_small(object);

	heap_free_class_slow(class, span_mapped_class(span) == 0, object, NULL);
	struct cache *cache = cache_own; /* a sample is of a thread that has one */
	cache_change_begin(cache, class);
	word_subtract(&cache->classes[class].armed, 1);
	cache_change_end(cache);
	if (cache->classes[class].sample_at != 0)
		cache->classes[class].sample_at--;
	publish_row(cache, class);
}

double sample_large_due(struct cache *cache, size_t bytes)
{
	struct cache_sampling *sampling = &cache->sampling;

	if (cache->index == CACHE_SHARED)
		return 0;
	float rate = rate_now();
	if (rate == 0)
		return 0;
	if (sampling->large_left_bytes <= 0 || sampling->large_rate != rate)
		sampling->large_left_bytes = exponential_draw(cache_random(cache)) * (double)rate;
	sampling->large_rate = rate;
	sampling->large_left_bytes -= (double)bytes;
	if (sampling->large_left_bytes > 0)
		return 0;
	window_follow(true);
	return 1 / exponential_share((double)bytes / (double)rate);
}

void sample_tell(const struct sample *sample)
{
	if (heap_hooks.sampled != NULL)
		heap_hooks.sampled(sample);
}
