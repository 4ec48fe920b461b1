#include "check/record.h"

#include <string.h>

#include "base/compiler.h"
#include "base/os.h"

enum {
	PIECE_BYTES = 256 << 10,
	LENGTHS = 12      /* 1, 2, 4 ... 2048 records */
};

BULKY struct record_place *record_chunks[RECORD_CHUNKS];

static struct object_record *pool[LENGTHS]; /* linked by `next` */
static char *piece;
static size_t piece_left_bytes;
static size_t mapped_bytes;

static void *map(size_t bytes)
{
	void *memory = os_map(bytes);

	if (memory != NULL)
		word_add(&mapped_bytes, bytes);
	return memory;
}

static struct record_place *place_make(size_t page)
{
	size_t number = page >> RECORD_CHUNK_SHIFT;

	if (number >= RECORD_CHUNKS)
		return NULL;
	if (record_chunks[number] == NULL)
		__atomic_store_n(&record_chunks[number], map(RECORD_CHUNK_PAGES * sizeof(struct record_place)),
			__ATOMIC_RELEASE);
	return record_place_at(page);
}

/* Where no address space is left but what the heap has: a span that is never given back. */
static COLD void *heap_take(size_t bytes) REQUIRES(page_heap_lock)
{
	bool is_zero;
	struct span *span = page_heap_take(arena_pages_of(bytes), 1, &is_zero);

	if (span == NULL)
		return NULL;
	span->class = 0;
	span->special = 0;
	span->use = SPAN_TABLES;
	span->offset = span->bytes = span->fences = 0;
	span_set_kind(span, SPAN_RETIRED);
	page_heap.retired_pages += span->page_count;
	memset(arena.page_info + span_page(span), PAGE_WAS_USED | PAGE_IS_DIRTY, span->page_count);
	return is_zero ? span_address(span)
		       : memset(span_address(span), 0, (size_t)span->page_count << PAGE_SHIFT);
}

static struct object_record *carve(size_t bytes) REQUIRES(page_heap_lock)
{
	if (piece_left_bytes < bytes) {
		size_t got_bytes = PIECE_BYTES;
		piece = map(got_bytes);
		if (piece == NULL) {
			got_bytes = arena_pages_of(bytes) << PAGE_SHIFT;
			piece = heap_take(got_bytes);
		}
		piece_left_bytes = piece != NULL ? got_bytes : 0;
	}
	if (piece_left_bytes < bytes)
		return NULL;
	void *records = piece;
	piece += bytes;
	piece_left_bytes -= bytes;
	return records;
}

static void pool_give(struct object_record *records, uint32_t length)
{
	if (records == NULL)
		return;
	records->next = pool[length];
	pool[length] = records;
}

static struct object_record *pool_pop(uint32_t length)
{
	struct object_record *records = pool[length];

	if (records != NULL)
		pool[length] = records->next;
	return records;
}

/* Of a longer one the first half is taken, the others are shorter ones. */
static struct object_record *pool_split(uint32_t length)
{
	uint32_t from = length;

	while (from < LENGTHS && pool[from] == NULL)
		from++;
	if (from == LENGTHS)
		return NULL;
	struct object_record *records = pool_pop(from);
	while (from-- > length)
		pool_give(records + ((size_t)1 << from), from);
	return records;
}

/* There is no memory: what spans that are gone had goes into the pool. */
static COLD void pool_gather(void)
{
	for (size_t page = 0; page < arena.page_count; page++) {
		struct record_place *place = record_place_at(page);
		const struct span *span = arena.spans + page;
		bool is_wanted = span->kind == SPAN_SMALL || span->kind == SPAN_LARGE ||
			span->kind == SPAN_RETIRED;
		if (place == NULL || place->records == NULL || is_wanted)
			continue;
		pool_give(place->records, place->length);
		place->records = NULL;
	}
}

static struct object_record *pool_take(uint32_t length) REQUIRES(page_heap_lock)
{
	size_t bytes = sizeof(struct object_record) << length;
	struct object_record *records = pool_pop(length);

	if (records == NULL) {
		records = carve(bytes);
		if (records != NULL)
			return records; /* zero */
		pool_gather();
		records = pool_split(length);
	}
	return records != NULL ? memset(records, 0, bytes) : NULL;
}

static uint32_t length_of(uint32_t objects)
{
	return objects > 1 ? (uint32_t)bits_log2(objects - 1) + 1 : 0;
}

bool records_open(const struct span *span, uint32_t class, uint32_t objects)
{
	struct record_place *place = place_make(span_page(span));
	uint32_t length = length_of(objects);

	if (place == NULL)
		return false;
	place->class = (uint16_t)class;
	if (place->records != NULL && place->length == length) {
		memset(place->records, 0, sizeof(struct object_record) << length);
		return true;
	}
	struct object_record *records = pool_take(length);
	pool_give(place->records, place->length);
	place->length = (uint16_t)length;
	__atomic_store_n(&place->records, records, __ATOMIC_RELEASE);
	return records != NULL;
}

const struct object_record *record_of_gone(const void *ptr, uint32_t *class)
{
	size_t page = arena_page_of(ptr);

	if (!arena_holds(page))
		return NULL;
	/* The way back of a span that was there. */
	page -= word_load(&arena.page_info[page]) & PAGE_BACK_MASK;
	const struct record_place *place = record_place_at(page);
	if (place == NULL || place->records == NULL || place->class == 0)
		return NULL;
	*class = place->class;
	size_t offset = (size_t)((const char *)ptr - arena_address_of(page));
	uint32_t index = size_class_index(place->class, offset);
	if (index >> place->length != 0 || index * (size_t)size_classes[*class].object_bytes != offset)
		return NULL;
	const struct object_record *record = place->records + index;
	return record->state == RECORD_FREED ? record : NULL;
}

size_t records_bytes(void)
{
	return word_load(&mapped_bytes);
}
