#include "check/large.h"

#include <string.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/os.h"
#include "check/fill.h"
#include "check/quarantine.h"
#include "check/stack.h"
#include "heap/cache.h"
#include "heap/large.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"

enum {
	GUARDED_BYTES = 64, /* before an object */
	MOVE_PAGES_MIN_BYTES = 1 << 20 /* as heap/large.c */
};

static struct object_record *record_of(const struct span *span)
{
	return records_of(span);
}

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
	return (struct report_object){.record = record_of(span), .bytes = span->bytes};
}

static _Noreturn COLD void broken_report(const struct span *span, const char *broken, const char *call,
	const void *caller)
{
	struct report_object object = large_described(span);
	const char *start = span_object(span);
	char text[128];
	struct format line;

	format_init(&line, text, sizeof(text), -1);
	if (broken < start) {
		format_text(&line, "written to ");
		format_unsigned(&line, (uint64_t)(start - broken));
		format_text(&line, " before its begin");
	} else {
		format_text(&line, "written to beyond its end, at byte ");
		format_unsigned(&line, (uint64_t)(broken - start));
	}
	format_terminate(&line);
	report_and_end(call, start, text, &object, caller);
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
	if (broken != NULL)
		broken_report(span, broken, call, caller);
}

static uint32_t thread_here(void)
{
	return (uint32_t)word_load(&cache_own->tid);
}

/* If there is no memory for a record, it is not known who asked. */
static void record_begin(const struct span *span, size_t align_bytes,
	const struct backtrace_place *place)
{
	lock_acquire(&page_heap_lock);
	bool is_there = records_open(span, 0, 1);
	lock_release(&page_heap_lock);
	struct object_record *record = record_of(span), now = {.allocated_at = 0};
	if (!is_there)
		return;
	now.state = RECORD_LIVE;
	now.align = record_align_of(align_bytes);
	now.allocated_by = thread_here();
	record->allocated_at = stack_number(*place);
	word_store(&record->word, now.word);
}

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

/* ---- allocation ---------------------------------------------------------------------------- */

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
	char text[128];
	struct format line;

	format_init(&line, text, sizeof(text), -1);
	if (ptr == span_object(span)) {
		format_text(&line, "double free: the object was freed before");
	} else {
		format_text(&line, "not the start of an object: inside a large one, at byte ");
		format_signed(&line, (const char *)ptr - span_object(span));
	}
	format_terminate(&line);
	report_and_end(call, ptr, text, &object, caller);
}

static COLD void bad_report(const void *ptr, const char *call, const void *caller)
{
	const struct span *span = large_span_near(ptr);

	if (span != NULL)
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

struct span *large_span_near(const void *address)
{
	size_t page = arena_page_of(address);

	if (!arena_holds(page))
		return NULL;
	for (size_t first = page + 1; first-- > 0;) {
		struct span *span = arena.spans + first;
		if (span->kind == SPAN_NONE)
			continue;
		bool is_one = span->kind == SPAN_LARGE || span->kind == SPAN_RETIRED;
		return is_one && page - first < span->page_count ? span : NULL;
	}
	return NULL;
}

void large_checked_free(void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place)
{
	struct span *span = span_expected(ptr, call, caller);
	struct object_record *record = record_of(span), found;

	if (record != NULL && !record_leave(record, &found))
		near_report(span, ptr, call, caller);
	guards_look(span, call, caller);
	if (record != NULL) {
		record->freed_at = stack_number(*place);
		struct object_record freed = *record;
		freed.freed_by = thread_here();
		freed.state = RECORD_FREED;
		word_store(&record->word, freed.word);
	}
	span = retire_expected(ptr, call, caller);
	quarantine_put(span);
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
	struct object_record *record = record_of(span);
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

void large_checked_move(void *to, const void *from, size_t bytes)
{
	size_t whole = bits_round_down(bytes, PAGE_BYTES);
	bool moves = bytes >= MOVE_PAGES_MIN_BYTES && (uintptr_t)to % PAGE_BYTES == 0 &&
		(uintptr_t)from % PAGE_BYTES == 0 && os_move((void *)(uintptr_t)from, to, whole);
	size_t moved = moves ? whole : 0;

	memcpy((char *)to + moved, (const char *)from + moved, bytes - moved);
}
