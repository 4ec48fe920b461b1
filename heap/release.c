#include "heap/release.h"

#include "base/bits.h"
#include "base/os.h"

enum {
	/* 1/10 of the recent peak: below what the leanest fast peer holds after
	   everything was freed (12 %). */
	KEEP_PEAK_SHARE = 20,
	KEEP_MIN_PAGES = (4 << 20) / PAGE_BYTES,
	/* At once goes at most the recent peak a second, and three times that
	   after a pause: a program that frees all and allocates it again, thirty
	   times a second, would fault all of it in each time. */
	ALLOWANCE_PER_SECOND = 1,
	ALLOWANCE_SECONDS = 3,
	SECOND_NS = 1000 * 1000 * 1000,
	INTERVAL_NS = 200 * 1000 * 1000,
	LONG_INTERVALS = 5
};

static uint64_t interval_end_ns;
static size_t recent_peak_pages;

/* The fewest pages kept in this interval, and in this row of them. */
static size_t low_water_pages, long_low_water_pages;
static uint32_t intervals_passed;

/* What may still go back at once, and when that was worked out. */
static size_t allowance_pages;
static uint64_t allowance_ns;

/* There was nothing to give back at once with so many pages kept: until there
   are more, looking again is in vain. */
static size_t in_vain_pages;

static void note_low_water(void)
{
	if (page_heap.dirty_pages < low_water_pages)
		low_water_pages = page_heap.dirty_pages;
	if (page_heap.dirty_pages < long_low_water_pages)
		long_low_water_pages = page_heap.dirty_pages;
}

static size_t release_some(size_t keep_pages, bool only_whole_blocks)
	REQUIRES(page_heap_lock)
{
	size_t released = 0;
	struct span *run = page_heap_next_dirty(NULL), *next;

	for (; run != NULL && page_heap.dirty_pages > keep_pages; run = next) {
		next = page_heap_next_dirty(run);
		released += page_heap_release_run(run, page_heap.dirty_pages - keep_pages,
			only_whole_blocks);
	}
	note_low_water();
	return released;
}

size_t release_down_to(size_t keep_pages)
{
	return release_some(keep_pages, false);
}

/* Grows with time, by the pages of the recent peak. */
static size_t allowance_now(void)
{
	uint64_t now_ns = os_coarse_ns(), passed_ns = now_ns - allowance_ns;
	uint64_t most_ns = (uint64_t)ALLOWANCE_SECONDS * SECOND_NS;
	size_t most = recent_peak_pages * ALLOWANCE_PER_SECOND * ALLOWANCE_SECONDS;

	passed_ns = passed_ns < most_ns ? passed_ns : most_ns;
	allowance_pages += recent_peak_pages * ALLOWANCE_PER_SECOND * (passed_ns >> 10) /
		(SECOND_NS >> 10);
	allowance_pages = min_bytes(allowance_pages, most);
	allowance_ns = now_ns;
	return allowance_pages;
}

void release_after_change(void)
{
	/* As much as is in use: a program that replaces large objects at random
	   frees about half of that between two peaks. */
	size_t bound = recent_peak_pages / KEEP_PEAK_SHARE + page_heap.inuse_pages;

	bound = max_bytes(bound, KEEP_MIN_PAGES);
	if (page_heap.inuse_pages > recent_peak_pages)
		recent_peak_pages = page_heap.inuse_pages;
	note_low_water();
	if (page_heap.dirty_pages <= bound || page_heap.dirty_pages <= in_vain_pages)
		return;
	/* Huge pages stay whole here: what is broken up comes back page by page. */
	size_t keep = bound - bound / 4, allowed = allowance_now();
	if (page_heap.dirty_pages - keep > allowed)
		keep = page_heap.dirty_pages - allowed;
	allowance_pages -= min_bytes(allowance_pages, release_some(keep, true));
	in_vain_pages = page_heap.dirty_pages + page_heap.dirty_pages / 8;
}

bool release_is_due(uint64_t now_ns)
{
	uint64_t end = __atomic_load_n(&interval_end_ns, __ATOMIC_RELAXED);

	/* One thread wins the interval. */
	return now_ns >= end && __atomic_compare_exchange_n(&interval_end_ns, &end,
				    now_ns + INTERVAL_NS, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void release_be_due_in(uint64_t ns)
{
	__atomic_store_n(&interval_end_ns, os_coarse_ns() + ns, __ATOMIC_RELAXED);
}

void release_with_age(void)
{
	/* The peak fades too, by an eighth of its distance an interval. */
	recent_peak_pages -= (recent_peak_pages - page_heap.inuse_pages) / 8;
	in_vain_pages = 0;
	release_some(page_heap.dirty_pages - low_water_pages, true);
	low_water_pages = page_heap.dirty_pages;
	if (++intervals_passed < LONG_INTERVALS)
		return;
	intervals_passed = 0;
	release_some(page_heap.dirty_pages - long_low_water_pages, false);
	long_low_water_pages = low_water_pages = page_heap.dirty_pages;
}
