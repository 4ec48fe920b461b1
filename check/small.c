#include "check/small.h"

#include <string.h>

#include "check/fill.h"
#include "check/stack.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/magazine.h"
#include "heap/slowpath.h"

enum {
	/* Where a slot is much larger than its object, as for an alignment, so much behind the
	   object is guarded, and the slot's end. */
	GUARDED_MOST_BYTES = 256
};

/* ---- a slot -------------------------------------------------------------------------------- */

struct slot {
	struct object_record *record; /* NULL: there was no memory for one */
	char *start;
	size_t bytes;
	uint32_t class;
	bool is_first; /* nothing of ours may be before it */
};

static ALWAYS_INLINE struct slot slot_of(const struct span *span, uint32_t index)
{
	struct object_record *records = records_of(span);
	size_t bytes = size_classes[span->class].object_bytes;

	return (struct slot){.record = records != NULL ? records + index : NULL,
		.start = span_address(span) + index * bytes,
		.bytes = bytes,
		.class = span->class,
		.is_first = span->lead == 0};
}

static uint32_t index_of(const struct span *span, const void *ptr)
{
	return size_class_index(span->class, (size_t)((const char *)ptr - span_address(span)));
}

static size_t object_bytes(const struct slot *slot)
{
	return slot->bytes - slot->record->slack;
}

static struct report_object described(const struct slot *slot)
{
	bool is_known = slot->record != NULL;

	return (struct report_object){.record = slot->record,
		.bytes = is_known ? object_bytes(slot) : 0,
		.class_bytes = slot->bytes};
}

/* ---- guard bytes --------------------------------------------------------------------------- */

/* Where they end that begin behind the object. */
static ALWAYS_INLINE char *behind_end(const struct slot *slot, size_t slack)
{
	char *end = slot->start + slot->bytes;

	return LIKELY(slack <= GUARDED_MOST_BYTES)
		? end : end - bits_round_down(slack - GUARDED_MOST_BYTES, FILL_TAIL_BYTES);
}

static ALWAYS_INLINE char *tail_of(const struct slot *slot)
{
	return slot->start + slot->bytes - FILL_TAIL_BYTES;
}

static bool is_fresh(const struct object_record *record)
{
	struct object_record now = {.word = __atomic_load_n(&record->word, __ATOMIC_ACQUIRE)};

	return now.state == RECORD_FRESH;
}

static ALWAYS_INLINE void guards_set(const struct slot *slot, size_t slack)
{
	fill_guard(slot->start + slot->bytes - slack, behind_end(slot, slack));
	if (UNLIKELY(slack > GUARDED_MOST_BYTES))
		fill_guard(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES);
	/* That of the slot before stands there since that was first handed out, or not yet. */
	if (!slot->is_first && UNLIKELY(is_fresh(slot->record - 1)))
		fill_guard(slot->start - FILL_TAIL_BYTES, slot->start);
}

static bool is_zero(const char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (from[i] != 0)
			return false;
	return true;
}

/* Where the slot before is free, and its page was given back, nothing stands there; under
   the class's lock no page is. */
static COLD bool before_holds_nothing(const struct slot *slot)
{
	const char *from = slot->start - FILL_TAIL_BYTES;

	central_lock(slot->class);
	bool is_nothing = is_fresh(slot->record - 1) && is_zero(from, FILL_TAIL_BYTES);
	bool holds = is_nothing || fill_guard_holds(from, slot->start);
	central_unlock(slot->class);
	return holds;
}

static ALWAYS_INLINE bool before_holds(const struct slot *slot)
{
	return slot->is_first || LIKELY(fill_guard_holds(slot->start - FILL_TAIL_BYTES, slot->start)) ||
		before_holds_nothing(slot);
}

/* The first byte beside the object that is not as it should be. */
static COLD const char *broken_find(const struct slot *slot, size_t slack)
{
	const char *broken =
		fill_guard_find(slot->start + slot->bytes - slack, behind_end(slot, slack));

	if (broken == NULL)
		broken = fill_guard_find(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES);
	return broken != NULL ? broken : fill_guard_find(slot->start - FILL_TAIL_BYTES, slot->start);
}

static _Noreturn COLD void broken_report(const struct slot *slot, const char *call, const void *caller)
{
	struct report_object object = described(slot);

	report_beside(call, slot->start, broken_find(slot, slot->record->slack), &object, caller);
}

static ALWAYS_INLINE void guards_look(const struct slot *slot, size_t slack, const char *call,
	const void *caller)
{
	bool holds = fill_guard_holds(slot->start + slot->bytes - slack, behind_end(slot, slack)) &&
		(LIKELY(slack <= GUARDED_MOST_BYTES) ||
			fill_guard_holds(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES)) &&
		before_holds(slot);

	if (UNLIKELY(!holds))
		broken_report(slot, call, caller);
}

/* ---- while it is free ---------------------------------------------------------------------- */

static _Noreturn COLD void written_report(const struct slot *slot)
{
	const char *broken = fill_free_find(slot->start, slot->bytes - FILL_TAIL_BYTES);
	struct report_object object = described(slot);

	if (broken == NULL)
		broken = fill_guard_find(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES);
	report_written(slot->start, broken, &object);
}

static ALWAYS_INLINE void free_look(const struct slot *slot)
{
	if (UNLIKELY(!fill_free_holds(slot->start, slot->bytes - FILL_TAIL_BYTES) ||
		    !fill_guard_holds(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES)))
		written_report(slot);
}

/* ---- allocation ---------------------------------------------------------------------------- */

static ALWAYS_INLINE void slot_begin(const struct slot *slot, size_t bytes, size_t align_bytes,
	const struct backtrace_place *place)
{
	struct object_record *record = slot->record;
	size_t slack = slot->bytes - bytes;

	if (UNLIKELY(record == NULL))
		return;
	if (LIKELY(record->state == RECORD_FREED))
		free_look(slot);
	record->allocated_at = stack_number(*place);
	/* Whoever looks at what is before the next slot finds it, if this one is not fresh. */
	guards_set(slot, slack);
	__atomic_store_n(&record->word, record_live_word(slack, align_bytes), __ATOMIC_RELEASE);
}

static ALWAYS_INLINE void adopt(const void *object, size_t bytes, size_t align_bytes,
	const struct backtrace_place *place)
{
	/* It is an object's, and so its page has the way back of its span. */
	size_t page = arena_page_of(object);
	const struct span *span = arena.spans + page - (word_load(&arena.page_info[page]) & PAGE_BACK_MASK);
	struct slot slot = slot_of(span, index_of(span, object));

	slot_begin(&slot, bytes, align_bytes, place);
}

void small_adopt(const void *object, size_t bytes, size_t align_bytes,
	const struct backtrace_place *place)
{
	adopt(object, bytes, align_bytes, place);
}

static uint32_t capacity(const struct magazine *magazine)
{
	return (uint32_t)magazine->limit - magazine->bottom;
}

static NOINLINE void quarantine_fill(uint32_t class)
{
	struct cache *cache = heap_cache_acquire();

	if (cache == NULL)
		return;
	if (cache_has_magazine(cache, class))
		magazine_fill(cache, class);
	heap_cache_release(cache);
}

/* Of two objects that have the same one is passed over for the other, which does no harm. */
static ALWAYS_INLINE uint32_t short_of(const void *object)
{
	return (uint32_t)((uintptr_t)object >> OBJECT_ALIGN_SHIFT);
}

/* All four at once. */
static ALWAYS_INLINE bool was_freed_last(const struct cache *cache, const void *object)
{
	typedef uint32_t shorts __attribute__((vector_size(sizeof(cache->freed_last))));
	typedef uint64_t halves __attribute__((vector_size(sizeof(cache->freed_last))));
	uint32_t it = short_of(object);
	shorts freed;

	memcpy(&freed, cache->freed_last, sizeof(freed));
	halves found = (halves)(freed == (shorts){it, it, it, it});
	return (found[0] | found[1]) != 0;
}

/* One at random for the one on top, but none of those that were just freed; if there is one. */
static ALWAYS_INLINE void *other_of(struct cache *cache, uint32_t class, void *object)
{
	uint32_t held = cache_held(cache, class);
	uint64_t at = (cache_random(cache) >> 32) * held >> 32;
	void **first = cache_slots(cache) + cache->magazines[class].bottom + 1;
	uint32_t most = held < 2 * CACHE_FREED_LAST ? held : 2 * CACHE_FREED_LAST;

	for (uint32_t i = 0; i < most; i++, at = at + 1 < held ? at + 1 : 0) {
		void *other = word_load(first + at);
		if (UNLIKELY(was_freed_last(cache, other)))
			continue;
		word_store(first + at, object); /* a child of fork finds each object once */
		return other;
	}
	return object;
}

static void *object_take(uint32_t class, size_t bytes)
{
	struct cache *cache = cache_own;
	bool is_zero_now;

	if (UNLIKELY(2 * cache_held(cache, class) <= capacity(&cache->magazines[class])) &&
		cache_has_magazine(cache, class))
		quarantine_fill(class);
	void *object = cache_pop(cache, class);
	if (LIKELY(object != NULL))
		return other_of(cache, class, object);
	object = heap_alloc_unchecked(class, bytes, &is_zero_now);
	/* One that comes this way may be a sample, to which that is tied. */
	bool may_be_sample = object != NULL && word_load(&span_of_small(object)->special) != 0;
	return object == NULL || may_be_sample ? object : other_of(cache_own, class, object);
}

static size_t room_of(size_t bytes, size_t align_bytes)
{
	size_t room_bytes;

	/* Near the largest number: too large for any class. */
	if (__builtin_add_overflow(bytes, align_bytes - 1 + FILL_TAIL_BYTES, &room_bytes))
		return SIZE_MAX;
	return bits_round_down(room_bytes, align_bytes);
}

bool small_fits(size_t bytes, size_t align_bytes)
{
	return align_bytes <= PAGE_BYTES && room_of(bytes, align_bytes) <= SHARED_MAX_BYTES;
}

void *small_alloc(size_t bytes, size_t align_bytes, uint32_t family,
	const struct backtrace_place *place)
{
	uint32_t class = size_class_of(room_of(bytes, align_bytes)) + family;
	void *object = object_take(class, bytes);

	if (LIKELY(object != NULL))
		adopt(object, bytes, align_bytes, place);
	return object;
}

/* ---- the end ------------------------------------------------------------------------------- */

static _Noreturn COLD void bad_report(const struct slot *slot, const void *ptr,
	const char *call, const void *caller)
{
	struct report_object object = described(slot);
	bool is_start = (const char *)ptr == slot->start, is_known = slot->record != NULL;
	const char *what = is_start ? "double free or bad pointer: no object is there now"
				    : "not the start of an object";

	if (is_start && is_known && slot->record->state >= RECORD_LEAVING)
		report_and_end(call, ptr, "double free: the object was freed before", &object, caller);
	if (!is_start && is_known && slot->record->state != RECORD_FRESH)
		report_number(call, ptr, "not the start of an object: inside one, at byte ",
			(uint64_t)((const char *)ptr - slot->start), "", &object, caller);
	object.record = NULL;
	report_and_end(call, ptr, what, &object, caller);
}

/* Of a span that was there before the process was checked. */
static bool is_early(const struct span *span, const struct slot *slot)
{
	return slot->record == NULL ||
		(span->lead == 0 && slot->record->state == RECORD_FRESH &&
			span_is_out(span, slot->start));
}

static bool is_handed_out(const struct span *span, uint32_t index)
{
	return index >= span->lead && index < word_load(&span->carved_count);
}

void small_expect(const struct span *span, const void *ptr, const char *call, const void *caller,
	struct report_object *object)
{
	uint32_t index = index_of(span, ptr);
	struct slot slot = slot_of(span, index);

	*object = described(&slot);
	if ((const char *)ptr == slot.start && is_early(span, &slot))
		object->bytes = slot.bytes;
	else if ((const char *)ptr != slot.start || !is_handed_out(span, index) ||
		(slot.record != NULL && slot.record->state != RECORD_LIVE))
		bad_report(&slot, ptr, call, caller);
}

bool small_is_as_said(const void *ptr, size_t bytes, size_t align_bytes)
{
	const struct span *span = span_of_small(ptr);

	if (span == NULL)
		return false;
	struct slot slot = slot_of(span, index_of(span, ptr));
	return slot.record != NULL && ptr == slot.start && slot.record->state == RECORD_LIVE &&
		bytes == object_bytes(&slot) && slot.record->align_log2 == record_align_of(align_bytes);
}

const struct object_record *small_record(const struct span *span, const void *ptr)
{
	return slot_of(span, index_of(span, ptr)).record;
}

size_t small_object_bytes(const struct span *span, const void *ptr)
{
	struct slot slot = slot_of(span, index_of(span, ptr));

	return slot.record != NULL ? object_bytes(&slot) : slot.bytes;
}

static void send_away(struct span *span, void *ptr, const void *caller)
{
	bool goes_home = span->use != SPAN_ORDINARY || span_is_draining(span);
	struct cache *cache = cache_own;

	if (LIKELY(cache != &cache_none))
		cache->freed_last[cache->freed_count++ % CACHE_FREED_LAST] = short_of(ptr);
	if (goes_home || !cache_push(cache, span->class, ptr))
		heap_free_class_slow(span->class, goes_home, ptr, caller);
}

/* It was checked and belongs to nobody: from now on it is free. */
static void slot_end(struct span *span, const struct slot *slot,
	const struct backtrace_place *place)
{
	uint32_t freed_at = stack_number(*place);

	fill_free(slot->start, slot->bytes - FILL_TAIL_BYTES);
	if (span->lead == 0) /* as a first slot that was early has none behind it */
		fill_guard(tail_of(slot), tail_of(slot) + FILL_TAIL_BYTES);
	record_retire(slot->record, freed_at);
}

void small_free(struct span *span, void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place)
{
	uint32_t index = index_of(span, ptr);
	struct slot slot = slot_of(span, index);
	struct object_record found;

	if (UNLIKELY((char *)ptr != slot.start || !is_handed_out(span, index)))
		bad_report(&slot, ptr, call, caller);
	if (LIKELY(slot.record != NULL && record_leave(slot.record, &found)))
		guards_look(&slot, found.slack, call, caller);
	else if (!is_early(span, &slot))
		bad_report(&slot, ptr, call, caller);
	if (LIKELY(slot.record != NULL))
		slot_end(span, &slot, place);
	send_away(span, ptr, caller);
}

static void slot_size(const struct slot *slot, size_t bytes)
{
	struct object_record now = *slot->record;

	now.slack = slot->bytes - bytes;
	now.allocated_by = record_thread();
	word_store(&slot->record->word, now.word);
	guards_set(slot, now.slack);
}

bool small_resize(struct span *span, void *ptr, size_t bytes, const void *caller,
	const struct backtrace_place *place, size_t *old_bytes)
{
	struct slot slot = slot_of(span, index_of(span, ptr));
	struct report_object object;

	small_expect(span, ptr, "realloc", caller, &object);
	*old_bytes = object.bytes;
	if (slot.record == NULL || slot.record->state != RECORD_LIVE)
		return false;
	guards_look(&slot, slot.record->slack, "realloc", caller);
	if (bytes > slot.bytes - FILL_TAIL_BYTES)
		return false;
	/* One that becomes smaller goes where it belongs. */
	if (bytes < object.bytes &&
		size_class_of(bytes + FILL_TAIL_BYTES) != size_class_unhinted(span->class))
		return false;
	slot.record->allocated_at = stack_number(*place);
	slot_size(&slot, bytes);
	return true;
}

void small_shrink(const struct span *span, void *ptr, size_t bytes)
{
	struct slot slot = slot_of(span, index_of(span, ptr));

	if (slot.record != NULL && slot.record->state == RECORD_LIVE)
		slot_size(&slot, bytes);
}

/* ---- spans --------------------------------------------------------------------------------- */

bool small_span_opened(struct span *span) UNCHECKED_LOCKING
{
	return records_open(span, span->class, span_objects(span));
}

/* Of objects that are at home: what was written there is gone. */
void small_span_released(const struct span *span, size_t from, size_t to)
{
	struct object_record *records = records_of(span);
	uint32_t first = size_class_index(span->class, from);
	uint32_t last = size_class_index(span->class, to - 1);

	if (records == NULL)
		return;
	for (uint32_t i = first; i <= last && i < span->carved_count; i++)
		word_store(&records[i].word, 0);
}
