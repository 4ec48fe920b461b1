#include "check/check.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "check/fill.h"
#include "check/large.h"
#include "check/quarantine.h"
#include "check/small.h"
#include "check/stack.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/slowpath.h"
#include "tinyalloc/object.h"

static void *alloc_at(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed,
	const struct backtrace_place *place)
{
	bytes = bytes != 0 ? bytes : 1; /* of no bytes would be what realloc() frees */
	if (UNLIKELY(heap_check_mode == BOX_CHECK_EFENCE || !small_fits(bytes, align_bytes)))
		return large_checked_alloc(bytes, align_bytes, family, is_zeroed, place);
	void *object = small_alloc(bytes, align_bytes, family, place);
	return object != NULL && is_zeroed ? memset(object, 0, bytes) : object;
}

static void *check_alloc(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed)
{
	struct backtrace_place place = backtrace_place_here();

	heap_process_look();
	return cache_told(alloc_at(bytes, align_bytes, family, is_zeroed, &place));
}

static void check_adopt(void *object, size_t bytes)
{
	struct backtrace_place place = backtrace_place_here();

	small_adopt(object, bytes, 1, &place);
}

static void free_at(void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place)
{
	struct span *span = span_of_object(ptr);

	if (ptr == NULL || ptr == object_of_no_bytes)
		return;
	if (span != NULL && UNLIKELY(word_load(&span->special) != 0))
		object_specials_end(span, ptr);
	if (LIKELY(span != NULL && span->kind == SPAN_SMALL))
		small_free(span, ptr, call, caller, place);
	else
		large_checked_free(ptr, call, caller, place);
}

static void check_free(void *ptr, const void *caller)
{
	struct backtrace_place place = backtrace_place_here();
	int saved = errno;

	heap_process_look();
	stack_look_unloaded(caller);
	free_at(ptr, "free", caller, &place);
	errno = saved;
}

static void expect_at(const void *ptr, const char *call, const void *caller,
	struct report_object *object)
{
	const struct span *span = span_of_small(ptr);

	if (span != NULL)
		small_expect(span, ptr, call, caller, object);
	else
		large_expect(ptr, call, caller, object);
}

/* *old_bytes: what was asked for before. */
static bool resize_in_place(void *ptr, size_t bytes, const void *caller,
	const struct backtrace_place *place, size_t *old_bytes)
{
	struct span *span = span_of_small(ptr);

	return span != NULL ? small_resize(span, ptr, bytes, caller, place, old_bytes)
			    : large_checked_resize(ptr, bytes, caller, place, old_bytes);
}

static void check_shrink(void *ptr, size_t bytes)
{
	const struct span *span = span_of_small(ptr);

	if (span != NULL)
		small_shrink(span, ptr, bytes);
	else
		large_shrink(span_of_large(ptr), bytes);
}

static void *check_resize(void *ptr, size_t bytes, const void *caller)
{
	struct backtrace_place place = backtrace_place_here();
	size_t old_bytes;
	int saved = errno;

	heap_process_look();
	if (resize_in_place(ptr, bytes, caller, &place, &old_bytes))
		return ptr;
	void *to = alloc_at(bytes, 1, heap_family(ptr), false, &place);
	if (to == NULL && bytes <= old_bytes) {
		errno = saved; /* to make an object smaller never fails, as in glibc */
		check_shrink(ptr, bytes);
		return ptr;
	}
	if (to == NULL)
		return NULL;
	large_move(to, ptr, min_bytes(old_bytes, bytes));
	free_at(ptr, "realloc", caller, &place);
	return to;
}

static size_t check_usable_bytes(const void *ptr, const char *call, const void *caller)
{
	struct report_object object;

	if (ptr == NULL)
		return 0;
	expect_at(ptr, call, caller, &object);
	return object.bytes;
}

static size_t check_object_bytes(const struct span *span, const void *ptr)
{
	return span->kind == SPAN_SMALL ? small_object_bytes(span, ptr) : span->bytes;
}

static uint32_t check_allocated_at(const struct span *span, const void *object)
{
	const struct object_record *record = span->kind == SPAN_SMALL ? small_record(span, object)
								      : records_of(span);

	return record != NULL && record->state == RECORD_LIVE ? record->allocated_at : 0;
}

/* What is no object's start nothing is said of: the free that follows does. */
static bool is_live(const void *ptr, struct report_object *object)
{
	const struct span *span = span_of_object(ptr);
	bool is_small = span != NULL && span->kind == SPAN_SMALL;

	if (span == NULL || (is_small && !span_is_out(span, ptr)))
		return false;
	const struct object_record *record = is_small ? small_record(span, ptr) : records_of(span);
	if (record == NULL || record->state != RECORD_LIVE)
		return false;
	expect_at(ptr, "free", NULL, object);
	return true;
}

static void check_expect(const void *ptr, size_t bytes, size_t align_bytes, const char *call,
	const void *caller)
{
	struct report_object object;

	heap_process_look();
	if (LIKELY(align_bytes <= 1 && small_is_as_said(ptr, bytes, 1)) || !is_live(ptr, &object))
		return;
	if (align_bytes != 0 && (!bits_is_power_of_two(align_bytes) ||
		(uintptr_t)ptr % align_bytes != 0 ||
		record_align_of(align_bytes) != object.record->align_log2))
		report_number(call, ptr, "wrong alignment: ", align_bytes, " bytes were given",
			&object, caller);
	/* A C++ runtime's own aligned new has rounded before. */
	size_t asked = max_bytes(bytes, 1);
	size_t rounded = align_bytes > 1 ? bits_round_up(asked, align_bytes) : asked;
	if (asked != object.bytes && rounded != object.bytes)
		report_number(call, ptr, "wrong size: ", bytes, " bytes were given", &object,
			caller);
}

static const struct heap_checks checks = {.alloc = check_alloc,
	.adopt = check_adopt,
	.free = check_free,
	.resize = check_resize,
	.shrink = check_shrink,
	.usable_bytes = check_usable_bytes,
	.object_bytes = check_object_bytes,
	.allocated_at = check_allocated_at,
	.expect = check_expect,
	.reclaim = quarantine_flush,
	.span_opened = small_span_opened,
	.span_released = small_span_released,
	.tail_bytes = FILL_TAIL_BYTES,
	.table_bytes = records_bytes};

/* What was allocated before is not known, but that it is there. */
static void early_spans_open(void)
{
	lock_acquire(&page_heap_lock);
	for (size_t page = 0; page < arena.page_count; page++) {
		struct span *span = arena.spans + page;
		if (span->kind == SPAN_SMALL)
			small_span_opened(span);
	}
	lock_release(&page_heap_lock);
}

void check_start(uintptr_t own_pc, enum box_check_mode mode, bool with_zeroes)
{
	fill_init(with_zeroes);
	stack_init(own_pc);
	report_init();
	cache_hide();
	heap_check_mode = mode;
	heap_checks = &checks;
	if (arena.is_ready)
		early_spans_open();
}
