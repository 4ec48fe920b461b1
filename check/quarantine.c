#include "check/quarantine.h"

#include <string.h>

#include "check/fence.h"
#include "check/fill.h"
#include "check/large.h"
#include "heap/checks.h"
#include "heap/large.h"
#include "heap/page_heap.h"

enum {
	/* Longer ones wait with no memory behind them. */
	WAITING_MOST = 128,
	WAITING_MOST_PAGES = (256 << 20) / PAGE_BYTES,
	/* Shorter ones are filled instead, as small ones are: to take their pages away and to
	   have them back takes longer. */
	FILLED_BYTES = 128 << 10,
	FILLED_MOST = 32,
	FILLED_MOST_PAGES = (1 << 20) / PAGE_BYTES,
	FLUSHED_AT_ONCE = 256
};

/* By span->next, the first has waited the longest. */
static struct {
	struct span *first;
	struct span *last;
	uint32_t count;
	size_t pages;
} waiting;

/* The last of them is the newest. */
static struct {
	struct span *spans[FILLED_MOST];
	uint32_t count;
	size_t pages;
} filled;

static bool is_filled(size_t bytes)
{
	return bytes <= FILLED_BYTES;
}

/* ---- those that are filled ----------------------------------------------------------------- */

/* All of the pages that the object was in. */
static size_t filled_bytes(const struct span *span)
{
	return (span->page_count << PAGE_SHIFT) - span->offset;
}

static void filled_look(const struct span *span)
{
	const char *object = span_object(span);
	struct report_object described = large_described(span);

	if (!fill_free_holds(object, filled_bytes(span)))
		report_written(object, fill_free_find(object, filled_bytes(span)), &described);
}

static struct span *filled_remove(uint32_t at)
{
	struct span *span = filled.spans[at];

	filled.count--;
	filled.pages -= span->page_count;
	memmove(filled.spans + at, filled.spans + at + 1,
		(filled.count - at) * sizeof(struct span *));
	return span;
}

struct span *quarantine_take(size_t pages, size_t offset, size_t bytes)
{
	struct span *span = NULL;

	if (!is_filled(bytes))
		return NULL;
	lock_acquire(&page_heap_lock);
	for (uint32_t at = 0; at + 1 < filled.count && span == NULL; at++)
		if (filled.spans[at]->page_count == pages && filled.spans[at]->offset == offset)
			span = filled_remove(at);
	lock_release(&page_heap_lock);
	if (span != NULL)
		filled_look(span);
	return span;
}

static bool filled_is_too_much(void)
{
	return filled.count == FILLED_MOST || (filled.count > 2 && filled.pages > FILLED_MOST_PAGES);
}

static void filled_add(struct span *span)
{
	fill_free(span_object(span), filled_bytes(span));
	lock_acquire(&page_heap_lock);
	while (filled_is_too_much()) {
		struct span *oldest = filled_remove(0);
		lock_release(&page_heap_lock);
		filled_look(oldest);
		large_bury(oldest);
		lock_acquire(&page_heap_lock);
	}
	filled.spans[filled.count++] = span;
	filled.pages += span->page_count;
	lock_release(&page_heap_lock);
}

/* ---- those that are taken away ------------------------------------------------------------- */

static struct span *waiting_first(void) REQUIRES(page_heap_lock)
{
	struct span *out = waiting.first;

	if (out == NULL)
		return NULL;
	waiting.first = out->next;
	out->next = NULL;
	waiting.count--;
	waiting.pages -= out->page_count;
	return out;
}

static bool waiting_is_too_much(void) REQUIRES(page_heap_lock)
{
	return heap_check_mode == BOX_CHECK_FULL && waiting.count > 1 &&
		(waiting.count > WAITING_MOST || waiting.pages > WAITING_MOST_PAGES);
}

static void waiting_add(struct span *span) REQUIRES(page_heap_lock)
{
	span->next = NULL;
	if (waiting.first == NULL)
		waiting.first = span;
	else
		waiting.last->next = span;
	waiting.last = span;
	waiting.count++;
	waiting.pages += span->page_count;
}

/* One that has to go; NULL. */
static struct span *waiting_take(bool any)
{
	lock_acquire(&page_heap_lock);
	struct span *out = any || waiting_is_too_much() ? waiting_first() : NULL;
	lock_release(&page_heap_lock);
	return out;
}

/* If the kernel refuses to give them back, nobody has its pages ever again. */
static void span_bury(struct span *span)
{
	if (fence_open(span))
		large_bury(span);
}

bool quarantine_drop(void)
{
	struct span *span = waiting_take(true);

	if (span != NULL)
		span_bury(span);
	return span != NULL;
}

uint32_t quarantine_count(void)
{
	return word_load(&waiting.count);
}

void quarantine_recover(void) UNCHECKED_LOCKING
{
	memset(&filled, 0, sizeof(filled));
	memset(&waiting, 0, sizeof(waiting));
	for (size_t page = 0; heap_check_mode != BOX_CHECK_NONE && page < arena.page_count; page++)
		if (arena.spans[page].kind == SPAN_RETIRED && arena.spans[page].use != SPAN_TABLES)
			waiting_add(&arena.spans[page]);
}

static struct span *filled_take(void)
{
	lock_acquire(&page_heap_lock);
	struct span *span = filled.count != 0 ? filled_remove(0) : NULL;
	lock_release(&page_heap_lock);
	return span;
}

bool quarantine_flush(void)
{
	struct span *span;
	uint32_t count = 0;

	for (; (span = filled_take()) != NULL; count++) {
		filled_look(span);
		large_bury(span);
	}
	while (count < FLUSHED_AT_ONCE && quarantine_drop())
		count++;
	return count != 0;
}

static void span_retire(struct span *span)
{
	fence_close(span);
	lock_acquire(&page_heap_lock);
	waiting_add(span);
	lock_release(&page_heap_lock);
	while ((span = waiting_take(false)) != NULL)
		span_bury(span);
}

/* One that was there before the process was checked is of no bytes that are known. */
void quarantine_put(struct span *span)
{
	if (heap_check_mode == BOX_CHECK_FULL && span->bytes != 0 && is_filled(span->bytes))
		filled_add(span);
	else
		span_retire(span);
}
