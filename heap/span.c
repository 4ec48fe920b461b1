#include "heap/span.h"

#include <string.h>

#include "base/bits.h"

struct span *span_of_small(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (page >= arena.page_count)
		return NULL;
	/* The way back may be one that a former span left behind. */
	struct span *span = arena.spans + page - (arena.page_info[page] & PAGE_BACK_MASK);
	bool holds = span->kind == SPAN_SMALL && page - span_page(span) < span->page_count;
	return holds ? span : NULL;
}

struct span *span_containing(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (page >= arena.page_count)
		return NULL;
	for (size_t first = page + 1; first-- > 0;) {
		struct span *span = arena.spans + first;
		if (span->kind == SPAN_NONE)
			continue;
		bool holds = span->kind == SPAN_SMALL || span->kind == SPAN_LARGE;
		return holds && page - first < span->page_count ? span : NULL;
	}
	return NULL;
}

void span_list_push(struct span **head, struct span *span)
{
	span->next = *head;
	span->link = head;
	if (span->next != NULL)
		span->next->link = &span->next;
	*head = span;
}

void span_list_remove(struct span *span)
{
	*span->link = span->next;
	if (span->next != NULL)
		span->next->link = span->link;
	span->next = NULL;
	span->link = NULL;
}

void span_open_small(struct span *span, uint32_t class)
{
	size_t first = span_page(span);

	for (size_t i = 0; i < span->page_count; i++) {
		uint8_t *info = &arena.page_info[first + i];
		*info = (uint8_t)((*info & ~PAGE_BACK_MASK) | i);
	}
	memset(span_home_words(span), 0,
		(size_classes[class].span_objects + 63) / 64 * sizeof(uint64_t));
	span->kind = SPAN_SMALL;
	span->class = (uint8_t)class;
	span->home_count = 0;
	span->carved_count = 0;
	span->list = 0;
	span->cooling_next = span->cooling_prev = 0;
	span->released[0] = span->released[1] = 0;
	memset(arena.class_map + first, (int)class, span->page_count);
}

void span_close_small(struct span *span)
{
	memset(arena.class_map + span_page(span), 0, span->page_count);
}

/* The lowest home objects, off the bitmap. */
static uint32_t take_home(struct span *span, void **objects, uint32_t want)
{
	uint64_t *words = span_home_words(span);
	size_t object_bytes = size_classes[span->class].object_bytes;
	char *start = span_address(span);
	uint32_t got = 0;

	for (uint32_t word = 0; got < want && span->home_count > 0; word++) {
		uint64_t bits = words[word];
		while (bits != 0 && got < want) {
			uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
			bits &= bits - 1;
			objects[got++] = start + index * object_bytes;
			span->home_count--;
		}
		words[word] = bits;
	}
	return got;
}

/* Memory stands behind the pages that objects are carved from, and no other. */
static void mark_carved(const char *from, const char *to)
{
	for (size_t page = arena_page_of(from); page <= arena_page_of(to - 1); page++)
		arena.page_info[page] |= PAGE_WAS_USED | PAGE_IS_DIRTY;
}

static uint32_t take_carved(struct span *span, void **objects, uint32_t want)
{
	const struct size_class *class = &size_classes[span->class];
	uint32_t left = class->span_objects - span->carved_count;
	uint32_t got = want < left ? want : left;
	char *at = span_address(span) + (size_t)span->carved_count * class->object_bytes;

	if (got == 0)
		return 0;
	mark_carved(at, at + (size_t)got * class->object_bytes);
	for (uint32_t i = 0; i < got; i++, at += class->object_bytes)
		objects[i] = at;
	span->carved_count += got;
	return got;
}

static void reverse(void **objects, uint32_t count)
{
	for (uint32_t i = 0; i < count / 2; i++) {
		void *object = objects[i];
		objects[i] = objects[count - 1 - i];
		objects[count - 1 - i] = object;
	}
}

uint32_t span_take_objects(struct span *span, void **objects, uint32_t want)
{
	uint32_t got = take_home(span, objects, want);

	got += take_carved(span, objects + got, want - got);
	reverse(objects, got);
	return got;
}

enum span_put_result span_put_object(struct span *span, const void *object)
{
	size_t offset = (size_t)((const char *)object - span_address(span));
	uint32_t index = size_class_index(span->class, offset);
	uint64_t bit = (uint64_t)1 << index % 64;
	uint64_t *word = span_home_words(span) + index / 64;

	if (index * (size_t)size_classes[span->class].object_bytes != offset ||
		index >= span->carved_count)
		return SPAN_PUT_NOT_AN_OBJECT;
	if ((*word & bit) != 0)
		return SPAN_PUT_IS_HOME;
	*word |= bit;
	span->home_count++;
	return SPAN_PUT_DONE;
}

uint32_t span_put_objects(struct span *span, void *const *objects, uint32_t count)
{
	const char *start = span_address(span);
	size_t bytes = (size_t)span->page_count << PAGE_SHIFT;
	uint32_t done = 0;

	while (done < count && (size_t)((char *)objects[done] - start) < bytes &&
		span_put_object(span, objects[done]) == SPAN_PUT_DONE)
		done++;
	return done;
}
