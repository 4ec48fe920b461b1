#include "profile/reach.h"

#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/maps.h"
#include "base/os.h"
#include "base/pagemap.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "profile/stack_roots.h"
#include "profile/world.h"
#include "tinyalloc/special.h"

enum {
	PAGEMAP_ENTRIES = 512, /* read at a time */
	SPARSE_MIN_BYTES = 64 << 10 /* longer objects may have pages never touched */
};

BULKY uint64_t reach_pagemap_entries[PAGEMAP_ENTRIES];

static struct {
	enum reach_mode mode;
	uint32_t *owner;      /* by page: 1 + the first of its span, 0 if it is in none */
	uint64_t *marks;      /* as the heap's home bits */
	uintptr_t *pending;   /* reached, and not yet looked into */
	size_t pending_count;
	uintptr_t tables;     /* these three */
	size_t tables_bytes;
	struct pagemap pagemap;
} reach;

static bool is_object_span(const struct span *span)
{
	return span->kind == SPAN_SMALL || span->kind == SPAN_LARGE;
}

static uint32_t object_count(const struct span *span)
{
	return span->kind == SPAN_SMALL ? span->carved_count : 1;
}

static size_t object_bytes(const struct span *span)
{
	if (span->kind == SPAN_SMALL)
		return size_classes[span->class].object_bytes;
	return span->bytes != 0 ? span->bytes : (size_t)span->page_count << PAGE_SHIFT;
}

static uintptr_t object_at(const struct span *span, uint32_t index)
{
	return span->kind == SPAN_SMALL ? (uintptr_t)span_address(span) + index * object_bytes(span)
					: (uintptr_t)span_object(span);
}

static bool may_hold_pointers(const struct span *span)
{
	return span->kind == SPAN_SMALL ? span->class < SIZED_CLASS_COUNT
					: span->class == SIZE_FAMILY_PLAIN;
}

/* Whether its live objects are looked into without having been reached. */
static bool is_root(const struct span *span)
{
	return reach.mode == REACH_COLLECTABLE && !span_is_collectable(span) && may_hold_pointers(span);
}

static bool is_looked_into_when_reached(const struct span *span)
{
	return (reach.mode == REACH_ALL || span_is_collectable(span)) && may_hold_pointers(span);
}

static struct span *span_after(const struct span *span, size_t page)
{
	size_t next = span != NULL ? span_page(span) + span->page_count : page;

	for (; next < arena.page_count; next++)
		if (is_object_span(&arena.spans[next]))
			return &arena.spans[next];
	return NULL;
}

static struct span *span_first(void)
{
	return span_after(NULL, 0);
}

static struct span *span_next(const struct span *span)
{
	return span_after(span, 0);
}

uint64_t reach_collectable_most(void)
{
	uint64_t most = 0;

	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		if (span_is_collectable(span))
			most += object_count(span);
	return most;
}

static bool bit_test(const uint64_t *words, uint32_t index)
{
	return (words[index / 64] >> index % 64 & 1) != 0;
}

static void bit_set(uint64_t *words, uint32_t index)
{
	words[index / 64] |= (uint64_t)1 << index % 64;
}

static uint64_t *marks_of(const struct span *span)
{
	return reach.marks + span_page(span) * HOME_WORDS_PER_PAGE;
}

static bool is_free(const struct span *span, uint32_t index)
{
	return span->kind == SPAN_SMALL &&
		(index >= span->carved_count || index < span->lead || bit_test(span_home_words(span), index));
}

/* An object that a pool or a magazine holds counts as home from here on. */
static void note_free(void *object)
{
	struct span *span = span_of_small(object);

	if (span != NULL)
		bit_set(span_home_words(span),
			size_class_index(span->class, (size_t)((char *)object - span_address(span))));
}

static void note_free_objects(void)
{
	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		for (uint32_t i = 0; i < centrals[class].stacked_count; i++)
			note_free(centrals[class].stack[i]);
		for (uint32_t index = 0; index < cache_count(); index++) {
			struct cache *cache = cache_at(index);
			void **slots = cache_slots(cache) + cache->magazines[class].bottom + 1;
			for (uint32_t i = 0; i < cache_held(cache, class); i++)
				note_free(slots[i]);
		}
	}
}

static bool tables_make(void)
{
	size_t pages = arena.page_count;
	size_t marks_bytes = pages * HOME_WORDS_PER_PAGE * sizeof(uint64_t);
	size_t owner_bytes = bits_round_up(pages * sizeof(uint32_t), sizeof(uint64_t));
	uint64_t pending_most = 0;

	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		if (is_looked_into_when_reached(span))
			pending_most += object_count(span);
	reach.tables_bytes = bits_round_up(marks_bytes + owner_bytes +
			(pending_most + 1) * sizeof(uintptr_t), os_page_bytes());
	char *tables = os_map(reach.tables_bytes);
	if (tables == NULL)
		return false;
	reach.tables = (uintptr_t)tables;
	reach.marks = (uint64_t *)tables;
	reach.owner = (uint32_t *)(tables + marks_bytes);
	reach.pending = (uintptr_t *)(tables + marks_bytes + owner_bytes);
	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		for (size_t page = 0; page < span->page_count; page++)
			reach.owner[span_page(span) + page] = (uint32_t)span_page(span) + 1;
	return true;
}

/* A word that may be a pointer. */
static inline void word_look(uintptr_t word)
{
	size_t page = (word - arena.pages_address) >> PAGE_SHIFT;

	if (LIKELY(page >= arena.page_count) || reach.owner[page] == 0)
		return;
	const struct span *span = arena.spans + reach.owner[page] - 1;
	uint32_t index = 0;
	if (span->kind == SPAN_SMALL)
		index = size_class_index(span->class, word - (uintptr_t)span_address(span));
	if (is_free(span, index) || bit_test(marks_of(span), index))
		return;
	bit_set(marks_of(span), index);
	if (is_looked_into_when_reached(span))
		reach.pending[reach.pending_count++] = object_at(span, index);
}

static void words_look(uintptr_t from, uintptr_t to)
{
	for (uintptr_t at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t))
		word_look(*(const uintptr_t *)at);
}

static void memory_look(uintptr_t from, uintptr_t to)
{
	size_t page_bytes = os_page_bytes();
	uintptr_t first = bits_round_up(from, page_bytes), last = bits_round_down(to, page_bytes);

	bool is_short = to - from < SPARSE_MIN_BYTES && arena_page_of((void *)from) < arena.page_count;

	/* A page of a file beyond its end cannot be read: of mappings each is asked for. */
	if (reach.pagemap.fd < 0 || is_short) {
		words_look(from, to);
		return;
	}
	words_look(from, first);
	for (uintptr_t at = first, there; pagemap_next(&reach.pagemap, &at, last, &there);)
		words_look(there, at < last ? at : last);
	words_look(last, to);
}

static bool is_own_stack(const struct maps_line *line, uintptr_t pointer)
{
	return pointer >= line->start && pointer < line->end && !stack_roots_hold(pointer);
}

/* Where a thread's stack pointer is in a mapping, or was when the signal came, or it went
   on on another stack; the lowest.  0: not there. */
static uintptr_t stack_pointer_in(const struct world_thread *thread, const struct maps_line *line)
{
	if (is_own_stack(line, thread->stack_pointer))
		return thread->stack_pointer;
	/* Its handler runs elsewhere. */
	if (is_own_stack(line, thread->program_pointer))
		return thread->program_pointer - RED_ZONE_BYTES;
	return is_own_stack(line, thread->left_pointer) ? thread->left_pointer - RED_ZONE_BYTES : 0;
}

/* From where on a mapping is in use: where it is the stack of one thread and nothing
   else, from that thread's stack pointer on.  libc's stacks have a guard below. */
static uintptr_t live_start(const struct maps_line *line, bool has_guard)
{
	bool is_first_stack = strcmp(line->path, "[stack]") == 0, is_own = false;
	uintptr_t lowest = 0;
	uint32_t count, here = 0;
	const struct world_thread *threads = world_threads(&count);

	for (uint32_t i = 0; i < count; i++) {
		uintptr_t pointer = stack_pointer_in(&threads[i], line);
		if (pointer == 0)
			continue;
		here++;
		lowest = pointer;
		is_own = threads[i].thread_pointer > pointer && threads[i].thread_pointer < line->end;
	}
	bool is_stack = here == 1 && (is_first_stack || (has_guard && is_own));
	return is_stack ? bits_round_down(lowest, sizeof(uintptr_t)) : line->start;
}

/* Some part of a range that is the heap's own, or ours, or other stacks. */
static bool hole_find(uintptr_t *from, uintptr_t *to)
{
	const uintptr_t holes[][2] = {
		{arena.window_address, (uintptr_t)arena_address_of(arena.page_count)},
		{reach.tables, reach.tables + reach.tables_bytes}};

	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		if (holes[i][0] >= *to || holes[i][1] <= *from)
			continue;
		*from = holes[i][0];
		*to = holes[i][1];
		return true;
	}
	return stack_roots_hole(from, to);
}

static void range_look(uintptr_t from, uintptr_t to)
{
	uintptr_t hole = from, hole_end = to;

	if (!hole_find(&hole, &hole_end)) {
		memory_look(from, to);
		return;
	}
	if (from < hole)
		range_look(from, hole);
	if (hole_end < to)
		range_look(hole_end, to);
}

/* What may not be looked at because that may do something. */
static bool is_device(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/zero", 9) != 0 &&
		strncmp(path, "/dev/shm/", 9) != 0;
}

/* False: not all could be read, and nothing is known. */
static bool mappings_look(void)
{
	struct maps_reader reader;
	struct maps_line line;
	uintptr_t guard_end = 0;

	maps_open(&reader);
	bool is_open = reader.fd >= 0;
	/* Then: the last descriptor that there is must be the other's. */
	pagemap_open(&reach.pagemap, reach_pagemap_entries, PAGEMAP_ENTRIES);
	while (maps_next(&reader, &line)) {
		if (line.is_readable && line.is_writable && !line.is_shared && !is_device(line.path))
			range_look(live_start(&line, guard_end == line.start), line.end);
		guard_end = line.is_readable ? 0 : line.end;
	}
	maps_close(&reader);
	return is_open && !reader.has_failed;
}

/* Blocks that threads were changing when all stood still: their addresses are in the
   caches alone. */
static void changing_blocks_look(void)
{
	for (uint32_t index = 0; index < cache_count(); index++) {
		const struct cache *cache = cache_at(index);
		if (cache->tiny_is_changing)
			word_look((uintptr_t)cache->tiny_collectable.start);
	}
}

static void object_look(const struct span *span, uint32_t index)
{
	uintptr_t start = object_at(span, index);

	memory_look(start, start + object_bytes(span));
}

static void heap_roots_look(void)
{
	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		for (uint32_t index = 0; is_root(span) && index < object_count(span); index++)
			if (!is_free(span, index))
				object_look(span, index);
}

/* Objects that are finalized lead to others, but not to themselves. */
static void finalized_look(void)
{
	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		for (uint32_t index = 0; span->special != 0 && may_hold_pointers(span) &&
			index < object_count(span);
			index++)
			if (!is_free(span, index) &&
				special_is_tied(span, index * object_bytes(span), object_bytes(span)))
				object_look(span, index);
}

static void pending_look(void)
{
	while (reach.pending_count > 0) {
		uintptr_t object = reach.pending[--reach.pending_count];
		const struct span *span =
			arena.spans + reach.owner[arena_page_of((void *)object)] - 1;
		memory_look(object, object + object_bytes(span));
	}
}

bool reach_mark(enum reach_mode mode)
{
	reach.mode = mode;
	reach.pending_count = 0;
	note_free_objects();
	if (!tables_make() || !stack_roots_find() || !mappings_look())
		return false;
	stack_roots_look(memory_look);
	changing_blocks_look();
	heap_roots_look();
	finalized_look();
	pending_look();
	return true;
}

void reach_lost(void (*report)(const struct span *span, void *object, void *arg), void *arg)
{
	for (const struct span *span = span_first(); span != NULL; span = span_next(span))
		for (uint32_t index = 0; index < object_count(span); index++)
			if ((reach.mode == REACH_ALL || span_is_collectable(span)) && !is_free(span, index) &&
				!bit_test(marks_of(span), index))
				report(span, (void *)object_at(span, index), arg);
}
