#include "heap/span.h"

#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/checks.h"

enum box_check_mode heap_check_mode;
const struct heap_checks *heap_checks;
const struct heap_sample_checks *heap_sample_checks;

struct span *span_of_small(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (!arena_holds(page))
		return NULL;
	/* The way back may be one that a former span left behind. */
	struct span *span = arena.spans + page - (word_load(&arena.page_info[page]) & PAGE_BACK_MASK);
	bool holds = span->kind == SPAN_SMALL && page - span_page(span) < span->page_count;
	return holds ? span : NULL;
}

/* Of a checked one the object may begin behind the span's first page, but in its first three
   OS pages. */
static COLD struct span *span_before(const void *ptr, size_t page)
{
	size_t most = 3 * os_page_bytes() >> PAGE_SHIFT;

	for (size_t back = 1; back <= most && arena_holds(page - back); back++) {
		struct span *span = arena.spans + page - back;
		if (span->kind == SPAN_LARGE && span_object(span) == ptr)
			return span;
	}
	return NULL;
}

struct span *span_of_large(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (!arena_holds(page))
		return NULL;
	struct span *span = arena.spans + page;
	bool is_it = span->kind == SPAN_LARGE && span_object(span) == ptr;
	return is_it ? span : span_before(ptr, page);
}

struct span *span_of_object(const void *ptr)
{
	struct span *span = span_of_small(ptr);

	return span != NULL ? span : span_of_large(ptr);
}

struct span *span_around(const void *ptr)
{
	size_t page = arena_page_of(ptr);

	if (!arena_holds(page))
		return NULL;
	for (size_t first = page + 1; first-- > 0;) {
		struct span *span = arena.spans + first;
		if (span->kind != SPAN_NONE)
			return page - first < span->page_count ? span : NULL;
	}
	return NULL;
}

struct span *span_containing(const void *ptr)
{
	struct span *span = span_around(ptr);
	bool holds = span != NULL && (span->kind == SPAN_SMALL || span->kind == SPAN_LARGE);

	return holds ? span : NULL;
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

/* Memory stands behind the pages that objects are carved from, and records, and no
   other. */
static void mark_touched(const char *from, const char *to)
{
	for (size_t page = arena_page_of(from); page <= arena_page_of(to - 1); page++)
		word_store(&arena.page_info[page],
			arena.page_info[page] | PAGE_WAS_USED | PAGE_IS_DIRTY);
}

static void tail_clear(struct span *span)
{
	char *end = span_pages_end(span);

	mark_touched(span_records(span), end);
	memset(span_records(span), 0, (size_t)(end - span_records(span)));
}

void span_open_small(struct span *span, uint32_t class, enum span_use use)
{
	size_t first = span_page(span);

	span->class = (uint8_t)class;
	for (size_t i = 0; i < span->page_count; i++) {
		uint8_t *info = &arena.page_info[first + i];
		*info = (uint8_t)((*info & ~PAGE_BACK_MASK) | i);
	}
	if (size_class_has_tail(class))
		tail_clear(span);
	memset(span_home_words(span), 0, span_bit_words(span) * sizeof(uint64_t));
	span->lead = (uint8_t)heap_checks_lead(size_class_has_tail(class) ? 0 : span_objects(span));
	span->home_count = 0;
	span->carved_count = span->lead;
	if (span->lead != 0) { /* its end is written to */
		const char *end = span_address(span) + size_classes[class].object_bytes;
		mark_touched(end - 1, end);
	}
	span->list = 0;
	span->cooling_next = span->cooling_prev = 0;
	span->released[0] = span->released[1] = 0;
	span->special = 0;
	span->use = (uint8_t)use;
	span_set_kind(span, SPAN_SMALL);
	span_map(span);
}

/* The pages' neighbours are read meanwhile, and these of a span that changes. */
static void map(const struct span *span, uint8_t class)
{
	uint8_t *first = arena.class_map + span_page(span);

	for (size_t page = 0; page < span->page_count; page++)
		word_store(first + page, class);
}

void span_map(struct span *span)
{
	map(span, span_mapped_class(span));
}

void span_close_small(struct span *span)
{
	map(span, 0);
}

/* The lowest home objects, off the bitmap; each lands below the one before it.
   Returns how many. */
static uint32_t take_home(struct span *span, void **end, uint32_t want)
{
	uint64_t *words = span_home_words(span);
	size_t object_bytes = size_classes[span->class].object_bytes;
	char *start = span_address(span);
	uint32_t left = want < span->home_count ? want : span->home_count;
	uint32_t got = left;

	span->home_count -= (uint16_t)got;
	for (uint32_t word = 0; left > 0; word++) {
		uint64_t bits = words[word];
		for (; bits != 0 && left > 0; left--, bits &= bits - 1) {
			uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
			word_store(--end, start + index * object_bytes);
		}
		word_store(words + word, bits);
	}
	return got;
}

static void take_carved(struct span *span, void **end, uint32_t want)
{
	size_t object_bytes = size_classes[span->class].object_bytes;
	char *at = span_address(span) + span->carved_count * object_bytes;

	if (want == 0)
		return;
	mark_touched(at, at + want * object_bytes);
	word_add(&span->carved_count, (uint16_t)want);
	for (; want > 0; want--, at += object_bytes)
		word_store(--end, at);
}

uint32_t span_take_objects(struct span *span, void **objects, uint32_t want)
{
	uint32_t free = span_free_objects(span);
	uint32_t count = want < free ? want : free;
	uint32_t home = take_home(span, objects + count, count);

	take_carved(span, objects + count - home, count - home);
	return count;
}

/* Objects that were handed out, by their numbers: from lead up to carved. */
struct handed_out {
	uint32_t class;
	uint32_t lead;
	uint32_t count;
};

static ALWAYS_INLINE struct handed_out handed_out_of(const struct span *span)
{
	return (struct handed_out){.class = span->class,
		.lead = span->lead,
		.count = (uint32_t)word_load(&span->carved_count) - span->lead};
}

/* Whether one of them begins at an offset, and which.  Of an offset that is beyond the span
   the product is any number; no index that is in range leads back there. */
static ALWAYS_INLINE bool is_start(const struct handed_out *out, size_t offset, uint32_t *index)
{
	*index = size_class_index(out->class, offset);
	return *index * (size_t)size_classes[out->class].object_bytes == offset &&
		*index - out->lead < out->count;
}

/* Objects that were freed one after the other often share a word: it is written when
   the next is another's. */
uint32_t span_put_objects(struct span *span, void *const *objects, uint32_t count)
{
	const struct handed_out out = handed_out_of(span);
	uintptr_t start = (uintptr_t)span_address(span);
	uint64_t *words = span_home_words(span), *word = words, bits = *word;
	uint32_t done = 0, index;

	for (; done < count; done++) {
		if (!is_start(&out, (uintptr_t)objects[done] - start, &index))
			break;
		if (words + index / 64 != word) {
			word_store(word, bits);
			word = words + index / 64;
			bits = *word;
		}
		uint64_t bit = (uint64_t)1 << index % 64;
		if ((bits & bit) != 0)
			break;
		bits |= bit;
	}
	word_store(word, bits);
	span->home_count += (uint16_t)done;
	return done;
}

/* Of what was handed out once: its number, and whether it is home. */
static bool span_knows(const struct span *span, const void *object, bool *is_home)
{
	size_t offset = (size_t)((const char *)object - span_address(span));
	const struct handed_out out = handed_out_of(span);
	uint32_t index;

	if (!is_start(&out, offset, &index))
		return false;
	*is_home = (word_load(span_home_words(span) + index / 64) >> index % 64 & 1) != 0;
	return true;
}

bool span_is_home(const struct span *span, const void *object)
{
	bool is_home;

	return span_knows(span, object, &is_home) && is_home;
}

bool span_is_out(const struct span *span, const void *object)
{
	bool is_home;

	return span_knows(span, object, &is_home) && !is_home;
}
