#include "tinyalloc/tagged.h"

#include "base/bits.h"
#include "heap/checks.h"
#include "tinyalloc/special_pool.h"

/* NULL: no object of the span is tagged. */
static struct special *record_of_span(const struct span *span)
{
	struct special *first = span->special != 0 ? special_at(span->special) : NULL;

	return first != NULL && first->kind == SPECIAL_TAGGED ? first : NULL;
}

static uint16_t *place_of(const struct span *span, struct special *record, size_t offset)
{
	return span->kind == SPAN_SMALL ? record->tags + size_class_index(span->class, offset)
					: &record->tag;
}

/* For a large object, which is alone, no array. */
static bool array_make(const struct span *span, struct special *record)
{
	if (span->kind != SPAN_SMALL)
		return true;
	size_t bytes = span_objects(span) * sizeof(*record->tags);
	record->array_log2 = (uint16_t)special_array_log2(bytes);
	record->tags = special_array_new(record->array_log2);
	return record->tags != NULL;
}

static struct special *record_make(struct span *span)
{
	uint32_t number = special_new();

	if (number == 0)
		return NULL;
	struct special *record = special_at(number);
	*record = (struct special){.kind = SPECIAL_TAGGED};
	if (!array_make(span, record)) {
		special_delete(number);
		return NULL;
	}
	record->next = span->special;
	word_store(&span->special, number);
	return record;
}

static void record_end(struct span *span, struct special *record)
{
	uint32_t number = span->special;

	word_store(&span->special, record->next);
	if (record->tags != NULL)
		special_array_delete(record->tags, record->array_log2);
	special_delete(number);
}

enum tagged tagged_set(struct span *span, size_t offset, uint32_t tag)
{
	struct special *record = record_of_span(span);

	if (record == NULL && (record = record_make(span)) == NULL)
		return TAGGED_REFUSED;
	uint16_t *place = place_of(span, record, offset);
	if (*place != 0)
		return TAGGED_BEFORE;
	*place = (uint16_t)tag;
	record->tagged_count++;
	return TAGGED_NOW;
}

uint32_t tagged_take(struct span *span, size_t offset)
{
	struct special *record = record_of_span(span);
	uint16_t *place = record != NULL ? place_of(span, record, offset) : NULL;
	uint32_t tag = place != NULL ? *place : 0;

	if (tag == 0)
		return 0;
	*place = 0;
	if (--record->tagged_count == 0)
		record_end(span, record);
	return tag;
}

bool tagged_is_sound(const struct span *span)
{
	struct special *record = record_of_span(span);
	uint32_t objects = span->kind == SPAN_SMALL ? span_objects(span) : 0, count = 0;

	if (record == NULL)
		return true;
	for (uint32_t i = 0; i < objects; i++)
		count += record->tags[i] != 0;
	count += record->tag != 0;
	return count != 0 && count == record->tagged_count;
}

size_t tagged_bytes(const struct span *span, const void *object)
{
	if (UNLIKELY(heap_checks != NULL))
		return heap_checks->object_bytes(span, object);
	if (span->kind == SPAN_SMALL)
		return size_classes[span->class].object_bytes;
	return span->bytes != 0 ? span->bytes : (size_t)span->page_count << PAGE_SHIFT;
}
