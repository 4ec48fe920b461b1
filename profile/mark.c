#include "profile/mark.h"

#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "base/pagemap.h"
#include "heap/cache.h"
#include "heap/central.h"

enum {
	PAGEMAP_ENTRIES = 512,       /* read at a time */
	SPARSE_MIN_BYTES = 64 << 10, /* longer objects may have pages never touched */
	/* Objects that were asked for and are not looked at yet: the memory's latency. */
	OBJECTS_AHEAD = 16,
	LINE_BYTES = 64
};

BULKY uint64_t mark_pagemap_entries[PAGEMAP_ENTRIES];

/* Whose a page is. */
struct owner {
	uint32_t first;      /* 1 + the first page of its span; 0: it is in none */
	uint32_t first_word; /* of the bitmaps */
	uint8_t class;       /* 0: a large object */
	uint8_t is_followed;
};

struct pointer {
	uint64_t bit;
	uintptr_t object;
	uintptr_t word;      /* the pointer itself */
	bool is_followed;
};

/* An object on its way. */
struct ahead {
	uintptr_t object;
	size_t bytes;
};

static struct {
	struct owner *owners;
	uint64_t *maps[MARK_MAPS];
	size_t map_words;
	uintptr_t *pending;  /* marked, and not yet looked into */
	size_t pending_count;
	uintptr_t tables;    /* all of these */
	size_t tables_bytes;
	enum mark_phase phase;
	uint64_t looked_bytes;
	struct pagemap pagemap;
	struct ahead ahead[OBJECTS_AHEAD];
	uint32_t ahead_begin, ahead_count;
} state;

void (*mark_found_behind)(const struct mark_object *object);

/* ---- spans --------------------------------------------------------------------------------- */

const struct span *mark_span_next(const struct span *span)
{
	size_t next = span != NULL ? span_page(span) + span->page_count : 0;

	for (; next < arena.page_count; next++)
		if (arena.spans[next].kind == SPAN_SMALL || arena.spans[next].kind == SPAN_LARGE)
			return &arena.spans[next];
	return NULL;
}

uint32_t mark_object_count(const struct span *span)
{
	return span->kind == SPAN_SMALL ? span->carved_count : 1;
}

size_t mark_object_bytes(const struct span *span)
{
	if (span->kind == SPAN_SMALL)
		return size_classes[span->class].object_bytes;
	return span->bytes != 0 ? span->bytes : (size_t)span->page_count << PAGE_SHIFT;
}

uintptr_t mark_object_start(const struct mark_object *object)
{
	const struct span *span = object->span;

	return span->kind == SPAN_SMALL
		? (uintptr_t)span_address(span) + object->index * mark_object_bytes(span)
		: (uintptr_t)span_object(span);
}

/* Of its bitmaps: one for each place that a pointer may be to. */
static uint32_t span_words(const struct span *span)
{
	size_t last_byte = ((size_t)span->page_count << PAGE_SHIFT) - 1;

	return span->kind == SPAN_SMALL ? size_class_index(span->class, last_byte) / 64 + 1 : 1;
}

static uint64_t first_bit(const struct span *span)
{
	return (uint64_t)state.owners[span_page(span)].first_word * 64;
}

/* ---- which objects are free ---------------------------------------------------------------- */

static void bit_set(uint64_t *words, uint64_t bit)
{
	words[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void note_free(const void *object)
{
	const struct span *span = span_of_small(object);

	if (span != NULL)
		bit_set(state.maps[MARK_MARKED], first_bit(span) + size_class_index(span->class,
			(size_t)((const char *)object - span_address(span))));
}

/* What a pool or a magazine holds. */
static void held_note(void)
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

/* What is home, was never handed out, or is nobody's; and what no object is at. */
static void home_note(const struct span *span)
{
	bool is_small = span->kind == SPAN_SMALL;
	const uint64_t *home = span_home_words(span);
	uint64_t *marks = state.maps[MARK_MARKED] + first_bit(span) / 64;
	uint32_t count = mark_object_count(span), words = span_words(span);

	for (uint32_t i = 0; i < words; i++)
		marks[i] = i * 64 >= count ? ~(uint64_t)0 : is_small ? home[i] : 0;
	if (count % 64 != 0)
		marks[count / 64] |= ~(uint64_t)0 << count % 64;
	for (uint32_t i = 0; is_small && i < span->lead; i++)
		bit_set(marks, i);
}

/* ---- tables -------------------------------------------------------------------------------- */

static void span_enter(const struct span *span, size_t first_word, bool is_followed)
{
	struct owner owner = {.first = (uint32_t)span_page(span) + 1,
		.first_word = (uint32_t)first_word,
		.class = span->kind == SPAN_SMALL ? span->class : 0,
		.is_followed = is_followed};

	for (size_t page = 0; page < span->page_count; page++)
		state.owners[span_page(span) + page] = owner;
	home_note(span);
}

static bool tables_make(uint64_t pending_most)
{
	size_t map_bytes = state.map_words * sizeof(uint64_t);
	size_t owners_bytes = bits_round_up(arena.page_count * sizeof(struct owner), sizeof(uint64_t));

	state.tables_bytes = bits_round_up(MARK_MAPS * map_bytes + owners_bytes +
		(pending_most + 1) * sizeof(uintptr_t), os_page_bytes());
	char *tables = os_map(state.tables_bytes);
	if (tables == NULL)
		return false;
	os_want_huge(tables, state.tables_bytes, true);
	state.tables = (uintptr_t)tables;
	for (int map = 0; map < MARK_MAPS; map++, tables += map_bytes)
		state.maps[map] = (uint64_t *)tables;
	state.owners = (struct owner *)tables;
	state.pending = (uintptr_t *)(tables + owners_bytes);
	return true;
}

bool mark_begin(bool (*is_followed)(const struct span *span))
{
	uint64_t pending_most = 0, word = 0;

	state.pending_count = state.ahead_count = 0;
	state.looked_bytes = state.map_words = 0;
	state.phase = MARK_ANY;
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span)) {
		state.map_words += span_words(span);
		if (is_followed(span))
			pending_most += mark_object_count(span);
	}
	if (state.map_words > UINT32_MAX || !tables_make(pending_most))
		return false;
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span)) {
		span_enter(span, word, is_followed(span));
		word += span_words(span);
	}
	held_note();
	/* The last descriptor that there is must be another's: the mappings' are read, too. */
	pagemap_open(&state.pagemap, mark_pagemap_entries, PAGEMAP_ENTRIES);
	return true;
}

void mark_tables(uintptr_t *from, uintptr_t *to)
{
	*from = state.tables;
	*to = state.tables + state.tables_bytes;
}

void mark_set_phase(enum mark_phase phase)
{
	state.phase = phase;
}

uint64_t mark_looked_bytes(void)
{
	return state.looked_bytes;
}

uint64_t *mark_bits(enum mark_map map)
{
	return state.maps[map];
}

/* ---- words --------------------------------------------------------------------------------- */

static size_t followed_bytes(uintptr_t object)
{
	const struct owner *owner = &state.owners[arena_page_of((const void *)object)];

	return owner->class != 0 ? size_classes[owner->class].object_bytes
				 : mark_object_bytes(arena.spans + owner->first - 1);
}

static inline void follow(uintptr_t object)
{
	state.pending[state.pending_count++] = object;
	__builtin_prefetch((const void *)object);
}

/* A pointer behind the number of elements: eight bytes into the array that new[] made, which
   has it in the word before; or sixteen, as ld.so's table of a thread has it, which has it in
   the first word, less two. */
static NOINLINE bool is_behind_count(const struct pointer *pointer)
{
	uintptr_t offset = pointer->word - pointer->object;
	size_t room_bytes = followed_bytes(pointer->object) - offset;
	const uint64_t *words = (const uint64_t *)pointer->object;

	if (!pointer->is_followed || (offset != 8 && offset != 16))
		return false;
	bool is_array = words[offset / 8 - 1] - 1 < room_bytes;
	bool is_thread_table = offset == 16 && words[0] - 1 < room_bytes / 16;
	return is_array || is_thread_table;
}

static bool is_exact(const struct pointer *pointer)
{
	return pointer->word == pointer->object ||
		state.owners[arena_page_of((const void *)pointer->object)].class == SIZE_CLASS_TINY ||
		is_behind_count(pointer);
}

static NOINLINE void tell_behind(const struct pointer *pointer)
{
	const struct owner *owner = &state.owners[arena_page_of((const void *)pointer->object)];
	struct mark_object object = {.span = arena.spans + owner->first - 1,
		.index = (uint32_t)(pointer->bit - (uint64_t)owner->first_word * 64),
		.bit = pointer->bit};

	mark_found_behind(&object);
}

static ALWAYS_INLINE void pointer_resolve(const struct pointer *pointer)
{
	uint64_t *marks = state.maps[MARK_MARKED] + pointer->bit / 64;
	uint64_t mask = (uint64_t)1 << pointer->bit % 64;

	if ((*marks & mask) != 0)
		return;
	if (UNLIKELY(state.phase == MARK_BEHIND))
		tell_behind(pointer);
	if (state.phase == MARK_EXACT && UNLIKELY(pointer->word != pointer->object) &&
		!is_exact(pointer)) {
		bit_set(state.maps[MARK_SUSPECTED], pointer->bit);
		return;
	}
	*marks |= mask;
	if (pointer->is_followed)
		follow(pointer->object);
}

/* A word that is an address in the heap, of the page that it is in. */
static ALWAYS_INLINE void address_look(uintptr_t word, size_t page)
{
	struct owner owner = state.owners[page];

	if (owner.first == 0)
		return;
	uintptr_t start = (uintptr_t)arena_address_of(owner.first - 1);
	struct pointer pointer = {.word = word,
		.bit = (uint64_t)owner.first_word * 64,
		.is_followed = owner.is_followed};
	if (owner.class != 0) {
		uint32_t index = size_class_index(owner.class, word - start);
		pointer.bit += index;
		pointer.object = start + (size_t)index * size_classes[owner.class].object_bytes;
	} else {
		pointer.object = (uintptr_t)span_object(arena.spans + owner.first - 1);
	}
	pointer_resolve(&pointer);
}

void mark_words(uintptr_t from, uintptr_t to)
{
	const uintptr_t pages_address = arena.pages_address;
	const size_t page_count = arena.page_count;

	for (uintptr_t at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t)) {
		uintptr_t word = *(const uintptr_t *)at;
		size_t page = (word - pages_address) >> PAGE_SHIFT;
		if (UNLIKELY(page < page_count))
			address_look(word, page);
	}
	state.looked_bytes += to - from;
}

void mark_memory(uintptr_t from, uintptr_t to)
{
	size_t page_bytes = os_page_bytes();
	uintptr_t first = bits_round_up(from, page_bytes), last = bits_round_down(to, page_bytes);
	bool is_short = to - from < SPARSE_MIN_BYTES && arena_page_of((void *)from) < arena.page_count;

	/* A page of a file beyond its end cannot be read: of mappings each is asked for. */
	if (state.pagemap.fd < 0 || is_short) {
		mark_words(from, to);
		return;
	}
	mark_words(from, first);
	for (uintptr_t at = first, there; pagemap_next(&state.pagemap, &at, last, &there);)
		mark_words(there, at < last ? at : last);
	mark_words(last, to);
}

/* ---- objects ------------------------------------------------------------------------------- */

void mark_look_into(const struct mark_object *object)
{
	uintptr_t start = mark_object_start(object);

	mark_memory(start, start + mark_object_bytes(object->span));
}

void mark_object(const struct mark_object *object)
{
	if (mark_test(MARK_MARKED, object->bit))
		return;
	bit_set(state.maps[MARK_MARKED], object->bit);
	if (state.owners[span_page(object->span)].is_followed)
		follow(mark_object_start(object));
}

/* The next that is pending comes into the row of those that are on their way. */
static inline void pending_fetch(void)
{
	uintptr_t object = state.pending[--state.pending_count];
	size_t bytes = followed_bytes(object);

	if (bytes > LINE_BYTES)
		__builtin_prefetch((const void *)(object + LINE_BYTES));
	state.ahead[(state.ahead_begin + state.ahead_count++) % OBJECTS_AHEAD] =
		(struct ahead){object, bytes};
}

void mark_run(void)
{
	for (;;) {
		while (state.ahead_count < OBJECTS_AHEAD && state.pending_count != 0)
			pending_fetch();
		if (state.ahead_count == 0)
			return;
		struct ahead next = state.ahead[state.ahead_begin];
		state.ahead_begin = (state.ahead_begin + 1) % OBJECTS_AHEAD;
		state.ahead_count--;
		if (next.bytes < SPARSE_MIN_BYTES)
			mark_words(next.object, next.object + next.bytes);
		else
			mark_memory(next.object, next.object + next.bytes);
	}
}

/* ---- maps ---------------------------------------------------------------------------------- */

/* Those whose bit is not set. */
uint64_t mark_count_others(enum mark_map map, const struct span *span)
{
	const uint64_t *words = state.maps[map] + first_bit(span) / 64;
	uint32_t count = mark_object_count(span);
	uint64_t others = 0;

	for (uint32_t i = 0; i < (count + 63) / 64; i++)
		others += (unsigned)__builtin_popcountll(~words[i]);
	return others;
}

void mark_visit_others(enum mark_map map, const struct span *span,
	void (*visit)(const struct mark_object *object, void *arg), void *arg)
{
	struct mark_object object = {.span = span};
	uint64_t first = first_bit(span);
	uint32_t count = mark_object_count(span);

	for (uint32_t i = 0; i < count; i += 64)
		for (uint64_t done = 0, others;
			(others = ~state.maps[map][(first + i) / 64] & ~done) != 0;) {
			unsigned at = (unsigned)__builtin_ctzll(others);
			done |= at == 63 ? ~(uint64_t)0 : ((uint64_t)2 << at) - 1;
			object.index = i + at;
			object.bit = first + i + at;
			if (i + at < count)
				visit(&object, arg);
		}
}

void mark_copy(enum mark_map from, enum mark_map to)
{
	memcpy(state.maps[to], state.maps[from], state.map_words * sizeof(uint64_t));
}

void mark_clear(enum mark_map map)
{
	memset(state.maps[map], 0, state.map_words * sizeof(uint64_t));
}
