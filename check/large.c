#include "check/large.h"

#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "check/fill.h"
#include "check/quarantine.h"
#include "check/stack.h"
#include "heap/large.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"

enum {
	GUARDED_BYTES = 64 /* before an object */
};

/* Its guard bytes behind do not touch a page more than the object does. */
static size_t behind_bytes(const struct span *span)
{
	size_t page_bytes = os_page_bytes();
	uintptr_t end = (uintptr_t)span_object(span) + span->bytes;
	uintptr_t span_end = (uintptr_t)span_address(span) + (span->page_count << PAGE_SHIFT);

	return min_bytes(bits_round_up(end + FILL_TAIL_BYTES, page_bytes), span_end) - end;
}

static size_t before_bytes(const struct span *span)
{
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

/* ---- allocation ---------------------------------------------------------------------------- */

static void *object_take(size_t bytes, size_t offset, size_t align_pages, bool is_zeroed)
{
	size_t pages = arena_pages_of(offset + bytes + FILL_TAIL_BYTES);
	struct span *span = align_pages == 1 ? quarantine_take(pages, offset, bytes) : NULL;

	if (span == NULL) {
		void *object = large_alloc_placed(pages, align_pages, offset, bytes, is_zeroed);
		if (object == NULL && quarantine_flush())
			object = large_alloc_placed(pages, align_pages, offset, bytes, is_zeroed);
		return object != NULL ? object : heap_out_of_memory(bytes);
	}
	void *object = large_revive(span, bytes);
	return is_zeroed ? memset(object, 0, bytes) : object;
}

void *large_checked_alloc(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed,
	const struct backtrace_place *place)
{
	/* One that asks for more than a page has nothing before it. */
	size_t offset = align_bytes <= PAGE_BYTES ? PAGE_BYTES : 0;
	size_t align_pages = offset != 0 ? 1 : align_bytes >> PAGE_SHIFT;

	if (bytes > PTRDIFF_MAX - PAGE_BYTES)
		return heap_out_of_memory(bytes);
	void *object = object_take(bytes, offset, align_pages, is_zeroed);
	if (object == NULL)
		return NULL;
	const struct span *span = span_of_large(large_hint(object, family));
	record_begin(span, align_bytes, place);
	guards_set(span);
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

static COLD void bad_report(const void *ptr, const char *call, const void *caller)
{
	const struct span *span = span_around(ptr);

	if (span != NULL && (span->kind == SPAN_LARGE || span->kind == SPAN_RETIRED))
		near_report(span, ptr, call, caller);
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
	if (is_early(span) || arena_pages_of(span->offset + bytes + FILL_TAIL_BYTES) != span->page_count)
		return false;
	if (record != NULL)
		record->allocated_at = stack_number(*place);
	large_shrink(span, bytes);
	return true;
}

void large_shrink(struct span *span, size_t bytes)
{
	span->bytes = bytes;
	guards_set(span);
}
