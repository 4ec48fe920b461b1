#include "check/large.h"

#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "check/fence.h"
#include "check/fill.h"
#include "check/quarantine.h"
#include "check/stack.h"
#include "heap/checks.h"
#include "heap/large.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"

enum {
	/* Before an object. */
	GUARDED_BYTES = 64,
	GUARDED_FENCED_BYTES = 4096,
	LARGEST_PAGE_BYTES = 1 << 20 /* more than any kernel's, twice */
};

/* Its guard bytes behind do not touch a page more than the object does. */
static size_t behind_bytes(const struct span *span)
{
	bool is_fenced = (span->fences & SPAN_FENCE_BEHIND) != 0;
	uintptr_t end = (uintptr_t)span_object(span) + span->bytes;
	uintptr_t span_end = (uintptr_t)span_address(span) + (span->page_count << PAGE_SHIFT);

	end += is_fenced ? 0 : FILL_TAIL_BYTES;
	return min_bytes(bits_round_up(end, os_page_bytes()), span_end) -
		((uintptr_t)span_object(span) + span->bytes);
}

static size_t before_bytes(const struct span *span)
{
	size_t within = (uintptr_t)span_object(span) % os_page_bytes();

	/* Where there is a fence it is what stands in between. */
	if (span->fences != 0)
		return min_bytes(within, GUARDED_FENCED_BYTES);
	return min_bytes(span->offset, GUARDED_BYTES);
}

static void guards_set(const struct span *span)
{
	char *object = span_object(span);

	fill_guard(object + span->bytes, object + span->bytes + behind_bytes(span));
	fill_guard(object - before_bytes(span), object);
}

struct report_object large_described(const struct span *span)
{
	return (struct report_object){.record = records_of(span), .bytes = span->bytes};
}

/* It was there before the process was checked. */
static bool is_early(const struct span *span)
{
	return span->bytes == 0;
}

static void guards_look(const struct span *span, const char *call, const void *caller)
{
	char *object = span_object(span);
	const char *end = object + span->bytes, *guarded_end = end + behind_bytes(span);
	const char *broken = NULL;

	if (is_early(span))
		return;
	if (!fill_guard_holds(end, guarded_end))
		broken = fill_guard_find(end, guarded_end);
	else if (!fill_guard_holds(object - before_bytes(span), object))
		broken = fill_guard_find(object - before_bytes(span), object);
	struct report_object described = large_described(span);
	if (broken != NULL)
		report_beside(call, object, broken, &described, caller);
}

/* If there is no memory for a record, it is not known who asked. */
static void record_begin(const struct span *span, size_t align_bytes,
	const struct backtrace_place *place)
{
	lock_acquire(&page_heap_lock);
	bool is_there = records_open(span, 0, 1);
	lock_release(&page_heap_lock);
	if (!is_there)
		return;
	struct object_record *record = records_of(span);
	record->allocated_at = stack_number(*place);
	word_store(&record->word, record_live_word(0, align_bytes));
}

void large_adopt(const void *object, size_t align_bytes, const struct backtrace_place *place)
{
	const struct span *span = span_of_large(object);

	record_begin(span, align_bytes, place);
	guards_set(span);
}

/* ---- allocation ---------------------------------------------------------------------------- */

/* One that asks for more than a page has nothing before it. */
static struct large_place place_of(size_t bytes, size_t align_bytes)
{
	size_t offset = align_bytes <= PAGE_BYTES ? PAGE_BYTES : 0;
	size_t unit_pages = max_bytes(os_page_bytes() >> PAGE_SHIFT, 1);
	size_t pages = arena_pages_of(offset + bytes + FILL_TAIL_BYTES);

	return (struct large_place){.pages = bits_round_up(pages, unit_pages),
		.align_pages = max_bytes(offset != 0 ? 1 : align_bytes >> PAGE_SHIFT, unit_pages),
		.offset = offset};
}

static void *object_take_checked(size_t bytes, size_t align_bytes, bool is_zeroed)
{
	struct large_place place = place_of(bytes, align_bytes);
	struct span *span = place.align_pages == 1
		? quarantine_take(place.pages, place.offset, bytes) : NULL;

	if (span == NULL)
		return large_alloc_placed(&place, bytes, is_zeroed, true);
	void *object = large_revive(span, bytes);
	return is_zeroed ? memset(object, 0, bytes) : object;
}

static void *object_take_fenced(size_t bytes, size_t align_bytes, bool is_zeroed)
{
	struct large_place place = fence_place(bytes, align_bytes, false, false);
	void *object = large_alloc_placed(&place, bytes, is_zeroed, true);

	if (object != NULL)
		fence_set(span_of_large(object));
	return object;
}

void *large_checked_alloc(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed,
	const struct backtrace_place *place)
{
	bool is_fenced = heap_check_mode == BOX_CHECK_EFENCE;

	if (bytes > PTRDIFF_MAX - LARGEST_PAGE_BYTES)
		return heap_out_of_memory(bytes);
	void *object = is_fenced ? object_take_fenced(bytes, align_bytes, is_zeroed)
				 : object_take_checked(bytes, align_bytes, is_zeroed);
	if (object == NULL)
		return heap_out_of_memory(bytes);
	large_adopt(large_hint(object, family), align_bytes, place);
	return object;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Of an address that no object of this heap's begins at. */
static _Noreturn COLD void gone_report(const void *ptr, const char *call, const void *caller)
{
	struct report_object object = {.record = NULL};
	uint32_t class = 0;

	if (!arena_holds(arena_page_of(ptr)))
		report_and_end(call, ptr, "not a pointer of this heap", &object, caller);
	object.record = record_of_gone(ptr, &class);
	if (object.record == NULL)
		report_and_end(call, ptr, "double free or bad pointer: no object is there now", &object,
			caller);
	object.class_bytes = size_classes[class].object_bytes;
	object.bytes = object.class_bytes - object.record->slack;
	report_and_end(call, ptr, "double free: the object was freed before", &object, caller);
}

/* Of one in the pages of an object, or of what was one. */
static _Noreturn COLD void near_report(const struct span *span, const void *ptr, const char *call,
	const void *caller)
{
	struct report_object object = large_described(span);
	const char *at = ptr, *start = span_object(span);

	if (at == start)
		report_and_end(call, ptr, "double free: the object was freed before", &object, caller);
	if (at < start)
		report_number(call, ptr, "not the start of an object: inside a large one, at byte -",
			(uint64_t)(start - at), "", &object, caller);
	report_number(call, ptr, "not the start of an object: inside a large one, at byte ",
		(uint64_t)(at - start), "", &object, caller);
}

COLD void large_misuse(const void *ptr, const char *call, const void *caller)
{
	const struct span *span = span_around(ptr);
	bool is_one = span != NULL && span->use != SPAN_TABLES &&
		(span->kind == SPAN_LARGE || span->kind == SPAN_RETIRED);

	if (is_one && (heap_checks != NULL || span->bytes != 0))
		near_report(span, ptr, call, caller);
}

static _Noreturn COLD void bad_report(const void *ptr, const char *call, const void *caller)
{
	large_misuse(ptr, call, caller);
	gone_report(ptr, call, caller);
}

static struct span *span_expected(const void *ptr, const char *call, const void *caller)
{
	struct span *span = span_of_large(ptr);

	if (span == NULL)
		bad_report(ptr, call, caller);
	return span;
}

/* By one thread, if two free it at once. */
static struct span *retire_expected(void *ptr, const char *call, const void *caller)
{
	struct span *span = large_retire(ptr);

	if (span == NULL)
		bad_report(ptr, call, caller);
	return span;
}

void large_checked_free(void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place)
{
	struct span *span = span_expected(ptr, call, caller);
	struct object_record *record = records_of(span), found;

	if (record != NULL && !record_leave(record, &found))
		near_report(span, ptr, call, caller);
	guards_look(span, call, caller);
	if (record != NULL)
		record_retire(record, stack_number(*place));
	quarantine_put(retire_expected(ptr, call, caller));
}

void large_look(const void *ptr, const char *call, const void *caller)
{
	guards_look(span_expected(ptr, call, caller), call, caller);
}

void large_expect(const void *ptr, const char *call, const void *caller,
	struct report_object *object)
{
	const struct span *span = span_expected(ptr, call, caller);

	*object = large_described(span);
	if (is_early(span))
		object->bytes = span->page_count << PAGE_SHIFT;
}

/* ---- another size -------------------------------------------------------------------------- */

bool large_checked_resize(void *ptr, size_t bytes, const void *caller,
	const struct backtrace_place *place, size_t *old_bytes)
{
	struct report_object object;

	large_expect(ptr, "realloc", caller, &object);
	struct span *span = span_of_large(ptr);
	struct object_record *record = records_of(span);
	*old_bytes = object.bytes;
	guards_look(span, "realloc", caller);
	if (bytes == *old_bytes)
		return true;
	if (is_early(span) || span->fences != 0 ||
		arena_pages_of(span->offset + bytes + FILL_TAIL_BYTES) != span->page_count)
		return false;
	if (record != NULL) {
		struct object_record now = *record;
		now.allocated_by = record_thread();
		word_store(&record->word, now.word);
		record->allocated_at = stack_number(*place);
	}
	large_shrink(span, bytes);
	return true;
}

void large_shrink(struct span *span, size_t bytes)
{
	span->bytes = bytes;
	guards_set(span);
}
