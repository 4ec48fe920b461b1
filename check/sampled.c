#include "check/sampled.h"

#include <errno.h>

#include "base/bits.h"
#include "check/fence.h"
#include "check/fill.h"
#include "check/large.h"
#include "check/quarantine.h"
#include "check/stack.h"
#include "heap/checks.h"
#include "heap/sample.h"

static size_t sampled_every, slots_most;
static size_t drawn_count;  /* samples */
static size_t placed_count; /* of them, objects that were placed */
static size_t live_count;

/* One for an object that comes.  False: none is free. */
static bool slot_take(void)
{
	size_t live = word_load(&live_count);

	do
		if (live >= slots_most)
			return false;
	while (!__atomic_compare_exchange_n(&live_count, &live, live + 1, false, __ATOMIC_RELAXED,
		__ATOMIC_RELAXED));
	while (live + 1 + quarantine_count() > slots_most && quarantine_drop())
		continue;
	return true;
}

static void slot_give(void)
{
	__atomic_fetch_sub(&live_count, 1, __ATOMIC_RELAXED);
}

/* By turns what runs over its end and what runs over its begin is found at once. */
static void *object_place(uint32_t class, size_t bytes)
{
	bool is_left = __atomic_fetch_add(&placed_count, 1, __ATOMIC_RELAXED) % 2 != 0;
	/* Of what an alignment was asked for, so many bytes are a multiple of it. */
	size_t align = min_bytes(bytes & -bytes, PAGE_BYTES);
	struct large_place place = fence_place(bytes, align, true, is_left);
	struct backtrace_place caller = backtrace_place_here();
	void *object = large_alloc_placed(&place, bytes, false, false);

	if (object == NULL)
		return NULL;
	fence_set(span_of_large(object));
	large_adopt(large_hint(object, size_class_family(class)), 1, &caller);
	return object;
}

static void *sampled_place(void *object, uint32_t class, size_t bytes)
{
	size_t drawn = __atomic_add_fetch(&drawn_count, 1, __ATOMIC_RELAXED);

	if (drawn % sampled_every != 0 || !slot_take())
		return object;
	void *placed = object_place(class, max_bytes(bytes, 1));
	if (placed == NULL) {
		slot_give();
		return object;
	}
	sample_undo(object, class);
	return placed;
}

static void sampled_free(void *ptr, const void *caller)
{
	struct backtrace_place place = backtrace_place_here();
	int saved = errno;

	large_checked_free(ptr, "free", caller, &place);
	slot_give();
	errno = saved;
}

static const struct heap_sample_checks checks = {.place = sampled_place,
	.expect = large_look,
	.free = sampled_free,
	.misuse = large_misuse,
	.reclaim = quarantine_flush,
	.table_bytes = records_bytes};

void sampled_start(uintptr_t own_pc, size_t every, size_t slots)
{
	sampled_every = every;
	slots_most = slots;
	fill_init(false);
	stack_init(own_pc);
	report_init();
	heap_check_mode = BOX_CHECK_SAMPLE;
	heap_sample_checks = &checks;
}
