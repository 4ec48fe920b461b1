#include "heap/sample.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/exponential.h"
#include "base/os.h"
#include "heap/apart.h"
#include "heap/hooks.h"
#include "heap/publish.h"

enum {
	/* Some ticks of the coarse clock: what a program allocates when it begins, or all at once,
	   is looked at as if it had done so slowly. */
	WINDOW_NS = 32 * 1000 * 1000,
	SHIFT_MOST = 24,
	DISTANCE_MOST = 1 << 30 /* in objects */
};

/* A sample takes some microseconds: 2,000 a second are less than a hundredth of it. */
uint32_t sample_window_most = 64;

static uint64_t rate_bytes;
static uint32_t rate_generation = 1;

void sample_set_rate(uint64_t bytes)
{
	word_store(&rate_bytes, bytes);
	__atomic_fetch_add(&rate_generation, 1, __ATOMIC_RELEASE);
}

uint64_t sample_rate(void)
{
	return word_load(&rate_bytes);
}

/* 0: none are taken. */
static float rate_of(const struct cache *cache)
{
	return (float)word_load(&rate_bytes) * (float)((uint32_t)1 << cache->sampling.shift);
}

static void follow_rate(struct cache *cache)
{
	uint32_t generation = __atomic_load_n(&rate_generation, __ATOMIC_ACQUIRE);

	if (LIKELY(cache->sampling.generation == generation))
		return;
	cache->sampling.generation = generation;
	cache->sampling.shift = 0;
}

/* Slower by as much as there were too many, faster by as much as there was time. */
static void shift_follow(struct cache *cache, bool is_sample)
{
	uint64_t now_ns = os_coarse_ns(), passed_ns = now_ns - cache->sampling.window_ns;

	cache->sampling.window_samples += is_sample;
	if (passed_ns < WINDOW_NS) {
		if (cache->sampling.window_samples > sample_window_most) {
			cache->sampling.shift = (uint32_t)min_bytes(cache->sampling.shift + 1,
				SHIFT_MOST);
			cache->sampling.window_samples = 0;
		}
		return;
	}
	uint64_t windows = passed_ns / WINDOW_NS;
	uint32_t back = windows > sample_window_most ? (uint32_t)bits_log2(windows / sample_window_most) : 0;
	if (cache->sampling.window_samples < sample_window_most / 2)
		back++;
	if (cache->sampling.window_samples < sample_window_most / 8)
		back += 2;
	cache->sampling.shift = cache->sampling.shift > back ? cache->sampling.shift - back : 0;
	cache->sampling.window_ns = now_ns;
	cache->sampling.window_samples = 0;
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
	follow_rate(cache);
	if (rate_of(cache) == 0) {
		row->sample_at = 0;
		return 0;
	}
	if (row->sample_at == 0)
		draw(cache, class, rate_of(cache), 1);
	bool is_sample = is_due(cache, class);
	if (is_sample)
		weight = 1 / exponential_share(size_classes[class].object_bytes / (double)row->sample_rate);
	if (is_sample || UNLIKELY(cache->sampling.shift != 0))
		shift_follow(cache, is_sample);
	if (is_sample || row->sample_rate != rate_of(cache))
		draw(cache, class, rate_of(cache), 0);
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

double sample_large_due(struct cache *cache, size_t bytes)
{
	struct cache_sampling *sampling = &cache->sampling;

	if (cache->index == CACHE_SHARED)
		return 0;
	follow_rate(cache);
	float rate = rate_of(cache);
	if (rate == 0)
		return 0;
	if (sampling->large_left_bytes <= 0 || sampling->large_rate != rate)
		sampling->large_left_bytes = exponential_draw(cache_random(cache)) * (double)rate;
	sampling->large_rate = rate;
	sampling->large_left_bytes -= (double)bytes;
	if (sampling->large_left_bytes > 0)
		return 0;
	shift_follow(cache, true);
	return 1 / exponential_share((double)bytes / (double)rate);
}

void sample_tell(void *object, size_t bytes, size_t usable_bytes, double weight)
{
	struct sample sample = {.object = object, .bytes = bytes, .usable_bytes = usable_bytes,
		.weight = weight};

	if (heap_hooks.sampled != NULL)
		heap_hooks.sampled(&sample);
}
