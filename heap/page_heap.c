#include "heap/page_heap.h"

#include <string.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "base/os.h"

BULKY struct page_heap page_heap;
struct lock page_heap_lock = {.rank = LOCK_RANK_PAGES};

enum {
	FIT_TRIES = 16, /* runs of one list that are looked at for the best */
	HUGE_PAGE_PAGES = OS_HUGE_PAGE_BYTES / PAGE_BYTES
};

static uint32_t list_of(size_t pages)
{
	if (pages < RUN_EXACT_LISTS)
		return (uint32_t)pages;
	uint32_t log = bits_log2(pages);
	uint32_t part = (uint32_t)(pages >> (log - 3)) & (RUN_LISTS_PER_DOUBLING - 1);

	return RUN_EXACT_LISTS + (log - 6) * RUN_LISTS_PER_DOUBLING + part;
}

/* The first list at or behind `list` that holds a run; RUN_LISTS if none. */
static uint32_t nonempty_list(uint32_t list)
{
	for (uint32_t word = list / 64; word < RUN_LIST_WORDS; word++) {
		uint64_t bits = page_heap.nonempty[word];
		if (word == list / 64)
			bits &= ~(uint64_t)0 << list % 64;
		if (bits != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
	return RUN_LISTS;
}

/* How many of the pages have memory, how many were never used.  Eight info
   bytes at a time: a run of large objects has thousands. */
static void count_pages(size_t first, size_t pages, uint32_t *dirty, uint32_t *fresh)
{
	const uint8_t *info = arena.page_info + first;
	uint64_t each = UINT64_C(0x0101010101010101), word;
	size_t i = 0, is_dirty = 0, was_used = 0;

	for (; i + sizeof(word) <= pages; i += sizeof(word)) {
		memcpy(&word, info + i, sizeof(word));
		/* The multiplication adds the bytes up, in the highest. */
		is_dirty += ((word >> 7 & each) * each) >> 56;
		was_used += ((word >> 6 & each) * each) >> 56;
	}
	for (; i < pages; i++) {
		is_dirty += info[i] >> 7;
		was_used += info[i] >> 6 & 1;
	}
	*dirty = (uint32_t)is_dirty;
	*fresh = (uint32_t)(pages - was_used);
}

static void run_insert(size_t first, size_t pages, uint32_t dirty, uint32_t fresh)
{
	struct span *run = arena.spans + first, *last = run + pages - 1;
	uint32_t list = list_of(pages);
	struct span **head = &page_heap.runs[list];

	run->kind = SPAN_FREE;
	run->page_count = (uint32_t)pages;
	run->dirty_pages = dirty;
	run->fresh_pages = fresh;
	if (last != run) {
		last->kind = SPAN_FREE_LAST;
		last->page_count = (uint32_t)pages;
	}
	/* A run with memory behind it is the better one to take: no faults. */
	if (dirty == 0 && *head != NULL && (*head)->dirty_pages != 0)
		head = &(*head)->next;
	span_list_push(head, run);
	page_heap.nonempty[list / 64] |= (uint64_t)1 << list % 64;
}

static void run_remove(struct span *run)
{
	uint32_t list = list_of(run->page_count);

	span_list_remove(run);
	run->kind = SPAN_NONE;
	run[run->page_count - 1].kind = SPAN_NONE;
	if (page_heap.runs[list] == NULL)
		page_heap.nonempty[list / 64] &= ~((uint64_t)1 << list % 64);
}

/* Makes pages that are in no run a free run, joined with its neighbours. */
static void run_free(size_t first, size_t pages)
{
	uint32_t dirty, fresh;

	count_pages(first, pages, &dirty, &fresh);
	word_add(&page_heap.dirty_pages, dirty);
	word_add(&page_heap.fresh_pages, fresh);
	if (first > 0) {
		const struct span *before = arena.spans + first - 1;
		struct span *run = NULL;
		if (before->kind == SPAN_FREE)
			run = arena.spans + first - 1;
		else if (before->kind == SPAN_FREE_LAST)
			run = arena.spans + first - before->page_count;
		if (run != NULL) {
			run_remove(run);
			first -= run->page_count;
			pages += run->page_count;
			dirty += run->dirty_pages;
			fresh += run->fresh_pages;
		}
	}
	if (first + pages < arena.page_count) {
		struct span *run = arena.spans + first + pages;
		if (run->kind == SPAN_FREE) {
			run_remove(run);
			pages += run->page_count;
			dirty += run->dirty_pages;
			fresh += run->fresh_pages;
		}
	}
	run_insert(first, pages, dirty, fresh);
}

/* Takes [first, first + pages) out of a free run; what is left stays free.
   Returns how many of the pages have memory. */
static uint32_t run_split(struct span *run, size_t first, size_t pages)
{
	size_t start = span_page(run), count = run->page_count;
	size_t before = first - start, after = count - before - pages;
	uint32_t dirty, fresh, side_dirty, side_fresh;

	run_remove(run);
	if (run->dirty_pages == 0 && run->fresh_pages == count) {
		dirty = 0;
		fresh = (uint32_t)pages;
	} else {
		count_pages(first, pages, &dirty, &fresh);
	}
	uint32_t other_dirty = run->dirty_pages - dirty, other_fresh = run->fresh_pages - fresh;

	if (before != 0) {
		count_pages(start, before, &side_dirty, &side_fresh);
		run_insert(start, before, side_dirty, side_fresh);
		other_dirty -= side_dirty;
		other_fresh -= side_fresh;
	}
	if (after != 0)
		run_insert(first + pages, after, other_dirty, other_fresh);
	word_subtract(&page_heap.dirty_pages, dirty);
	word_subtract(&page_heap.fresh_pages, fresh);
	return dirty;
}

static void run_cut(struct span *run, size_t first, size_t pages, bool *is_zero)
{
	*is_zero = run_split(run, first, pages) == 0;
	word_add(&page_heap.inuse_pages, pages);
	if (page_heap.inuse_pages > page_heap.peak_inuse_pages)
		page_heap.peak_inuse_pages = page_heap.inuse_pages;
}

/* The first page of the run that is aligned and has `pages` behind it;
   SIZE_MAX if there is none. */
static size_t run_fit(const struct span *run, size_t pages, size_t align_pages)
{
	size_t base = arena.pages_address >> PAGE_SHIFT; /* alignment is of addresses */
	size_t first = bits_round_up(base + span_page(run), align_pages) - base;
	size_t skipped = first - span_page(run);

	if (skipped > run->page_count || run->page_count - skipped < pages)
		return SIZE_MAX;
	return first;
}

/* The shortest run of one list that fits, of those it is worth looking at. */
static struct span *list_best(uint32_t list, size_t pages, size_t align_pages, bool look_at_all)
{
	struct span *best = NULL;
	int tries = 0;

	for (struct span *run = page_heap.runs[list]; run != NULL; run = run->next) {
		if (run_fit(run, pages, align_pages) != SIZE_MAX &&
			(best == NULL || run->page_count < best->page_count))
			best = run;
		if (!look_at_all && ++tries >= FIT_TRIES)
			break;
	}
	return best;
}

static struct span *run_find_among(size_t pages, size_t align_pages, bool look_at_all)
{
	for (uint32_t list = nonempty_list(list_of(pages)); list < RUN_LISTS;
		list = nonempty_list(list + 1)) {
		struct span *best = list_best(list, pages, align_pages, look_at_all);
		if (best != NULL)
			return best;
	}
	return NULL;
}

/* Some runs of the request's own list are too short, and a long list of those
   must not be walked each time; before the heap grows for it, it is. */
static struct span *run_find(size_t pages, size_t align_pages)
{
	struct span *run = run_find_among(pages, align_pages, false);

	return run != NULL ? run : run_find_among(pages, align_pages, true);
}

struct span *page_heap_take(size_t pages, size_t align_pages, bool *is_zero)
{
	struct span *run = run_find(pages, align_pages);

	if (run == NULL) {
		size_t need, got;
		if (__builtin_add_overflow(pages, align_pages - 1, &need))
			return NULL;
		size_t first = arena_grow(need, &got);
		if (first == SIZE_MAX)
			return NULL;
		run_free(first, got);
		run = run_find(pages, align_pages);
	}
	size_t first = run_fit(run, pages, align_pages);
	run_cut(run, first, pages, is_zero);
	struct span *span = arena.spans + first;
	span->page_count = (uint32_t)pages;
	return span;
}

void page_heap_give(struct span *span)
{
	size_t first = span_page(span), pages = span->page_count;

	span->kind = SPAN_NONE;
	word_subtract(&page_heap.inuse_pages, pages);
	run_free(first, pages);
}

bool page_heap_extend(struct span *span, size_t pages)
{
	size_t end = span_page(span) + span->page_count;
	size_t more = pages - span->page_count;
	struct span *next = arena.spans + end;
	bool is_zero;

	if (end >= arena.page_count || next->kind != SPAN_FREE)
		return false;
	if (next->page_count < more) {
		/* The last run may grow with the arena. */
		size_t got;
		if (end + next->page_count != arena.page_count)
			return false;
		size_t first = arena_grow(more - next->page_count, &got);
		if (first == SIZE_MAX)
			return false;
		run_free(first, got);
		if (next->kind != SPAN_FREE || next->page_count < more)
			return false; /* a hole came between */
	}
	run_cut(next, end, more, &is_zero);
	span->page_count = (uint32_t)pages;
	return true;
}

void page_heap_trim(struct span *span, size_t pages)
{
	size_t first = span_page(span), count = span->page_count;

	span->page_count = (uint32_t)pages;
	word_subtract(&page_heap.inuse_pages, count - pages);
	run_free(first + pages, count - pages);
}

/* The whole huge pages within; all of it below the part that has them. */
static void whole_blocks(size_t *first, size_t *end)
{
	if (*first < arena.huge_from_page)
		return;
	*first = bits_round_up(*first, HUGE_PAGE_PAGES);
	*end = bits_round_down(*end, HUGE_PAGE_PAGES);
}

/* The whole pages of the kernel within, which may be longer than ours. */
static void whole_os_pages(size_t *first, size_t *end)
{
	size_t unit = max_bytes(os_page_bytes() / PAGE_BYTES, 1);

	*first = bits_round_up(*first, unit);
	*end = bits_round_down(*end, unit);
}

/* The highest page from which on `want_pages` of those before `end` have memory,
   by whole huge pages; `lowest` if they are fewer. */
static size_t page_from_which(size_t lowest, size_t end, size_t want_pages)
{
	size_t first = end, found = 0;

	while (first > lowest && found < want_pages) {
		size_t block = max_bytes(lowest, bits_round_down(first - 1, HUGE_PAGE_PAGES));
		uint32_t dirty, fresh;
		count_pages(block, first - block, &dirty, &fresh);
		/* The last need not go as a whole if it is all memory. */
		if (dirty == first - block && found + dirty > want_pages)
			block = first - (want_pages - found);
		found += dirty;
		first = block;
	}
	return first;
}

bool page_heap_withdraw(struct span *run, size_t want_pages, bool only_whole_blocks,
	struct page_range *range)
{
	size_t first = span_page(run), end = first + run->page_count;

	if (only_whole_blocks)
		whole_blocks(&first, &end);
	whole_os_pages(&first, &end);
	if (first >= end)
		return false;
	size_t from = page_from_which(first, end, want_pages);
	if (only_whole_blocks && from >= arena.huge_from_page)
		from = max_bytes(first, bits_round_down(from, HUGE_PAGE_PAGES));
	whole_os_pages(&from, &end);
	if (from >= end)
		return false;
	uint32_t dirty, fresh;
	count_pages(from, end - from, &dirty, &fresh);
	if (dirty == 0)
		return false;
	*range = (struct page_range){from, end - from, run_split(run, from, end - from)};
	return true;
}

void page_heap_put_back(const struct page_range *range, bool is_released)
{
	for (size_t page = range->first; is_released && page < range->first + range->pages; page++)
		arena.page_info[page] &= (uint8_t)~PAGE_IS_DIRTY;
	run_free(range->first, range->pages);
}

struct span *page_heap_next_dirty(struct span *run)
{
	struct span *next = run == NULL ? NULL : run->next;
	uint32_t list = run == NULL ? RUN_LISTS : list_of(run->page_count);

	for (;;) {
		while (next != NULL && next->dirty_pages == 0)
			next = next->next;
		if (next != NULL || list == 0)
			return next;
		next = page_heap.runs[--list];
	}
}

void page_heap_audit(void)
{
	size_t idle = 0, dirty = 0, fresh = 0;

	for (uint32_t list = 0; list < RUN_LISTS; list++) {
		for (const struct span *run = page_heap.runs[list]; run != NULL; run = run->next) {
			uint32_t run_dirty, run_fresh;
			count_pages(span_page(run), run->page_count, &run_dirty, &run_fresh);
			if (run->kind != SPAN_FREE || list_of(run->page_count) != list ||
				run_dirty != run->dirty_pages || run_fresh != run->fresh_pages)
				fatal("audit: a free run disagrees with its pages");
			idle += run->page_count;
			dirty += run_dirty;
			fresh += run_fresh;
		}
	}
	if (idle != page_heap_idle_pages() || dirty != page_heap.dirty_pages ||
		fresh != page_heap.fresh_pages)
		fatal("audit: the page heap's counts disagree with its runs");
}
