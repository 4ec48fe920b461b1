#include "heap/recover.h"

#include <string.h>

#include "base/config.h"
#include "heap/apart.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "heap/page_heap.h"
#include "heap/release.h"

/* What somebody held when the child was made. */
struct unfinished {
	bool classes[SIZE_CLASS_COUNT];
	bool any_class;
	bool pages;
	bool registry;
	bool shared;
};

static bool was_held(struct lock *lock)
{
	bool held = lock_is_held(lock);

	lock_reset(lock);
	return held;
}

static struct unfinished locks_reset(void)
{
	struct unfinished found = {.pages = was_held(&page_heap_lock)};

	for (uint32_t class = size_class_end_now() - 1; class > 0; class--) {
		found.classes[class] = lock_is_held(&centrals[class].lock);
		found.any_class = found.any_class || found.classes[class];
	}
	central_gate_reset();
	was_held(&release_lock);
	found.shared = was_held(&cache_shared_mutex);
	found.registry = was_held(&cache_registry_lock);
	return found;
}

/* Of the run that a page begins, if it is a span's; 0: it is in none. */
static size_t span_pages_at(size_t page)
{
	const struct span *span = &arena.spans[page];

	bool is_one = span->kind == SPAN_SMALL || span->kind == SPAN_LARGE ||
		span->kind == SPAN_RETIRED;

	return is_one ? span->page_count : 0;
}

static void runs_forget(void)
{
	memset(page_heap.runs, 0, sizeof(page_heap.runs));
	memset(page_heap.nonempty, 0, sizeof(page_heap.nonempty));
	page_heap.dirty_pages = page_heap.fresh_pages = page_heap.inuse_pages = 0;
	page_heap.large_pages = page_heap.large_objects = page_heap.retired_pages = 0;
	arena.hole_pages = 0;
	for (size_t page = 0, pages; page < arena.page_count; page += pages != 0 ? pages : 1) {
		pages = span_pages_at(page);
		if (pages == 0 && arena.spans[page].kind != SPAN_NONE)
			arena.spans[page].kind = SPAN_NONE;
	}
}

static bool was_used(size_t page)
{
	return (arena.page_info[page] & PAGE_WAS_USED) != 0;
}

/* Pages in no span from here on, all used once or none: how many. */
static size_t idle_run(size_t first)
{
	size_t page = first + 1;

	while (page < arena.page_count && span_pages_at(page) == 0 &&
		was_used(page) == was_used(first))
		page++;
	return page - first;
}

static size_t idle_recover(size_t first) UNCHECKED_LOCKING
{
	struct page_range range = {.first = first, .pages = idle_run(first)};

	if (was_used(first))
		page_heap_put_back(&range, false);
	else
		arena.hole_pages += range.pages;
	return range.pages;
}

static void span_count(const struct span *span)
{
	page_heap.inuse_pages += span->page_count;
	if (span->kind == SPAN_RETIRED)
		page_heap.retired_pages += span->page_count;
	if (span->kind == SPAN_LARGE) {
		page_heap.large_pages += span->page_count;
		page_heap.large_objects++;
	}
}

static void runs_recover(void) UNCHECKED_LOCKING
{
	arena_forget_unfinished();
	release_forget();
	runs_forget();
	for (size_t page = 0, pages; page < arena.page_count; page += pages) {
		pages = span_pages_at(page);
		if (pages != 0)
			span_count(&arena.spans[page]);
		else
			pages = idle_recover(page);
	}
}

static void pools_recover(const struct unfinished *found) UNCHECKED_LOCKING
{
	if (!found->any_class)
		return;
	for (uint32_t class = 1; class < size_class_end_now(); class++)
		if (found->classes[class])
			central_forget(class);
	apart_recount_begin();
	for (size_t page = 0, pages; page < arena.page_count; page += pages != 0 ? pages : 1) {
		struct span *span = &arena.spans[page];
		pages = span_pages_at(page);
		if (span->kind == SPAN_SMALL && found->classes[span->class])
			central_adopt(span);
		if (span->kind == SPAN_SMALL)
			apart_recount(span);
	}
}

void heap_fork_recover(void)
{
	struct unfinished found = locks_reset();

	if (found.pages)
		runs_recover();
	else
		release_recover();
	pools_recover(&found);
	cache_recover_others(found.registry || found.pages, found.shared);
	for (uint32_t class = 1; class < size_class_end_now(); class++)
		if (found.classes[class])
			cache_own_lost(class, centrals[class].out_objects);
}
