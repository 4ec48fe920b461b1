#include "heap/release.h"

#include "base/bits.h"
#include "base/os.h"
#include "heap/huge.h"
#include "heap/limit.h"
#include "heap/publish.h"

enum {
	/* 1/20 of the recent peak: with the spans that magazines and pools pin,
	   below what the leanest fast peer holds after everything was freed (12 %). */
	KEEP_PEAK_SHARE = 20,
	KEEP_MIN_PAGES = (4 << 20) / PAGE_BYTES,
	/* At once goes at most the recent peak a second, and three times that
	   after a pause: a program that frees all and allocates it again, thirty
	   times a second, would fault all of it in each time. */
	ALLOWANCE_SECONDS = 3,
	SECOND_NS = 1000 * 1000 * 1000,
	INTERVAL_NS = 200 * 1000 * 1000,
	LONG_INTERVALS = 4,
	RANGES_MAX = 64 /* on their way at one time */
};

struct lock release_lock = {.rank = LOCK_RANK_RELEASE};
bool release_is_wanted;

static uint64_t interval_end_ns;
static size_t recent_peak_pages;

/* The fewest pages kept in this interval, and in this row of them. */
static size_t low_water_pages, long_low_water_pages;
static uint32_t intervals_passed;

/* What may still go back at once, and when that was worked out. */
static size_t allowance_pages;
static uint64_t allowance_ns;

/* On their way; changed under the page heap's lock too. */
static struct page_range ranges[RANGES_MAX];
static uint32_t range_count;

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

static void ranges_withdraw(size_t keep_pages, bool only_whole_blocks) REQUIRES(page_heap_lock)
{
	struct span *run = page_heap_next_dirty(NULL), *next;

	for (; run != NULL && page_heap.dirty_pages > keep_pages && range_count < RANGES_MAX;
		run = next) {
		next = page_heap_next_dirty(run);
		if (page_heap_withdraw(run, page_heap.dirty_pages - keep_pages, only_whole_blocks,
			    &ranges[range_count]))
			range_count++;
	}
}

/* Returns the pages that had memory and have none now. */
static size_t ranges_put_back(const bool *is_released) REQUIRES(page_heap_lock)
{
	size_t released = 0;

	for (uint32_t i = 0; i < range_count; i++) {
		page_heap_put_back(&ranges[i], is_released[i]);
		released += is_released[i] ? ranges[i].dirty : 0;
	}
	range_count = 0;
	note_low_water();
	publish_totals();
	return released;
}

static size_t release_some(size_t keep_pages, bool only_whole_blocks) REQUIRES(release_lock)
{
	bool is_released[RANGES_MAX] = {false};
	size_t released = 0, now;

	do {
		lock_acquire(&page_heap_lock);
		ranges_withdraw(keep_pages, only_whole_blocks);
		lock_release(&page_heap_lock);
		if (range_count == 0)
			break;
		for (uint32_t i = 0; i < range_count; i++) {
			huge_break_run(ranges[i].first, ranges[i].pages);
			is_released[i] = os_release(arena_address_of(ranges[i].first),
				ranges[i].pages << PAGE_SHIFT);
		}
		lock_acquire(&page_heap_lock);
		now = ranges_put_back(is_released);
		lock_release(&page_heap_lock);
		released += now;
	} while (now != 0); /* locked memory, for one, does not go */
	return released;
}

size_t release_down_to(size_t keep_pages)
{
	lock_acquire(&release_lock);
	size_t released = release_some(keep_pages, false);
	lock_release(&release_lock);
	return released;
}

void release_wait(void)
{
	lock_acquire(&release_lock);
	lock_release(&release_lock);
}

void release_forget(void)
{
	range_count = 0;
}

void release_recover(void)
{
	const bool none[RANGES_MAX] = {false};

	ranges_put_back(none);
}

/* Grows with time, by the pages of the recent peak. */
static size_t allowance_now(void) REQUIRES(page_heap_lock)
{
	uint64_t now_ns = os_coarse_ns(), passed_ns = now_ns - allowance_ns;
	uint64_t most_ns = (uint64_t)ALLOWANCE_SECONDS * SECOND_NS;

	passed_ns = passed_ns < most_ns ? passed_ns : most_ns;
	allowance_pages += recent_peak_pages * passed_ns / SECOND_NS;
	allowance_pages = min_bytes(allowance_pages, recent_peak_pages * ALLOWANCE_SECONDS);
	allowance_ns = now_ns;
	return allowance_pages;
}

/* Twice of what is in use: a program that replaces large objects at random has as
   much free between two peaks. */
static size_t keep_bound(void) REQUIRES(page_heap_lock)
{
	size_t bound = max_bytes(recent_peak_pages / KEEP_PEAK_SHARE + 2 * page_heap.inuse_pages,
		KEEP_MIN_PAGES);

	return min_bytes(bound, limit_keep_pages());
}

void release_after_change(void)
{
	if (page_heap.inuse_pages > recent_peak_pages)
		recent_peak_pages = page_heap.inuse_pages;
	note_low_water();
	bool is_too_much = page_heap.dirty_pages > keep_bound() &&
		page_heap.dirty_pages > in_vain_pages;
	if (limit_follow() || is_too_much)
		word_store(&release_is_wanted, true);
}

/* Down to three quarters of the bound, if that is allowed. */
static size_t keep_at_once(void) REQUIRES(page_heap_lock)
{
	size_t bound = keep_bound(), keep = bound - bound / 4, allowed = allowance_now();

	if (limit_keep_pages() <= bound)
		return keep;
	if (page_heap.dirty_pages > keep + allowed)
		keep = page_heap.dirty_pages - allowed;
	return keep;
}

void release_at_once(void)
{
	if (!lock_try(&release_lock))
		return;
	word_store(&release_is_wanted, false);
	lock_acquire(&page_heap_lock);
	size_t keep = keep_at_once();
	lock_release(&page_heap_lock);
	/* Huge pages stay whole here: what is broken up comes back page by page. */
	size_t released = release_some(keep, !limit_presses());
	lock_acquire(&page_heap_lock);
	allowance_pages -= min_bytes(allowance_pages, released);
	in_vain_pages = page_heap.dirty_pages + page_heap.dirty_pages / 8;
	lock_release(&page_heap_lock);
	lock_release(&release_lock);
	limit_tell();
}

bool release_is_due(uint64_t now_ns)
{
	uint64_t end = word_load(&interval_end_ns);

	/* One thread wins the interval. */
	return now_ns >= end && __atomic_compare_exchange_n(&interval_end_ns, &end,
				    now_ns + INTERVAL_NS, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void release_be_due_in(uint64_t ns)
{
	word_store(&interval_end_ns, os_coarse_ns() + ns);
}

/* What was kept all through the interval, or the row of them, goes. */
static size_t keep_after(size_t low_pages) REQUIRES(page_heap_lock)
{
	return page_heap.dirty_pages - min_bytes(page_heap.dirty_pages, low_pages);
}

static void marks_begin(bool is_long)
{
	lock_acquire(&page_heap_lock);
	low_water_pages = page_heap.dirty_pages;
	if (is_long)
		long_low_water_pages = low_water_pages;
	lock_release(&page_heap_lock);
}

void release_with_age(void)
{
	if (!lock_try(&release_lock))
		return;
	lock_acquire(&page_heap_lock);
	/* The peak fades too, by an eighth of its distance an interval. */
	recent_peak_pages -= (recent_peak_pages - page_heap.inuse_pages) / 8;
	in_vain_pages = 0;
	bool is_long = ++intervals_passed >= LONG_INTERVALS;
	size_t keep = keep_after(is_long ? long_low_water_pages : low_water_pages);
	lock_release(&page_heap_lock);
	if (is_long)
		intervals_passed = 0;
	release_some(keep, !is_long && !limit_presses());
	marks_begin(is_long);
	lock_release(&release_lock);
}
