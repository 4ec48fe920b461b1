#include "heap/central.h"

#include <limits.h>
#include <string.h>

#include "base/config.h"
#include "base/fatal.h"
#include "base/os.h"
#include "heap/apart.h"
#include "heap/checks.h"
#include "heap/cooling.h"
#include "heap/draining.h"
#include "heap/limit.h"
#include "heap/page_heap.h"
#include "heap/publish.h"
#include "heap/release.h"

BULKY struct central centrals[SIZE_CLASS_COUNT];

enum {
	/* What one class may keep stacked: enough for two threads that trade full
	   magazines, little enough to forget about. */
	STACK_MAX_BYTES = 128 << 10,
	STACK_MIN_OBJECTS = 8,
	STACK_MOST_SPANS = 2, /* of the classes whose objects are spans */
	STACK_MAX_OBJECTS = 2048,
	/* The sums over the classes, first those without a hint; classes_init() checks them. */
	SIZED_SLOTS = 12 * STACK_MAX_OBJECTS,
	HINTED_SLOTS = SIZED_SLOTS + (1 + FINE_CLASS_COUNT) * STACK_MAX_OBJECTS
};

BULKY void *stack_slots[SIZED_SLOTS + HINTED_SLOTS];

static uint32_t stack_capacity(uint32_t class)
{
	uint32_t fits = STACK_MAX_BYTES / size_classes[class].object_bytes;

	if (size_classes[class].object_bytes > SHARED_MAX_BYTES)
		return STACK_MOST_SPANS;
	if (CONFIG_TORTURE || fits < STACK_MIN_OBJECTS)
		return STACK_MIN_OBJECTS;
	return fits < STACK_MAX_OBJECTS ? fits : STACK_MAX_OBJECTS;
}

static void classes_init(uint32_t first, uint32_t end, void **slots, uint32_t slot_count)
{
	uint32_t used = 0;

	for (uint32_t class = first; class < end; class++) {
		struct central *central = &centrals[class];
		lock_init(&central->lock, LOCK_RANK_CENTRAL);
		central->stack_capacity = stack_capacity(class);
		central->stack_room = central->stack_capacity;
		central->stack = slots + used;
		used += central->stack_capacity;
	}
	if (used > slot_count)
		fatal("the size classes' stacks do not fit");
}

void central_init(void)
{
	classes_init(1, SIZED_CLASS_COUNT, stack_slots, SIZED_SLOTS);
}

void central_init_hinted(void)
{
	if (size_class_end == SIZE_CLASS_COUNT)
		return;
	classes_init(SIZED_CLASS_COUNT, SIZE_CLASS_COUNT, stack_slots + SIZED_SLOTS, HINTED_SLOTS);
	__atomic_store_n(&size_class_end, SIZE_CLASS_COUNT, __ATOMIC_SEQ_CST);
}

enum { GATE_OPEN = 0, GATE_CLOSED = 1, GATE_AWAITED = 2 };

uint32_t central_gate;

void central_gate_close(void)
{
	__atomic_store_n(&central_gate, GATE_CLOSED, __ATOMIC_SEQ_CST);
	for (uint32_t class = 1; class < size_class_end_now(); class++)
		lock_await(&centrals[class].lock);
}

void central_gate_open(void)
{
	if (__atomic_exchange_n(&central_gate, GATE_OPEN, __ATOMIC_RELEASE) == GATE_AWAITED)
		os_futex_wake(&central_gate, INT_MAX);
}

void central_gate_reset(void)
{
	central_gate = GATE_OPEN;
	for (uint32_t class = size_class_end_now() - 1; class > 0; class--)
		lock_reset(&centrals[class].lock);
}

void central_gate_wait(uint32_t class)
{
	uint32_t state = __atomic_load_n(&central_gate, __ATOMIC_SEQ_CST);

	while (state != GATE_OPEN) {
		lock_release(&centrals[class].lock);
		if (state == GATE_AWAITED ||
			__atomic_compare_exchange_n(&central_gate, &state, GATE_AWAITED, false,
				__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			os_futex_wait(&central_gate, GATE_AWAITED);
		lock_acquire(&centrals[class].lock);
		state = __atomic_load_n(&central_gate, __ATOMIC_SEQ_CST);
	}
}

bool central_try(uint32_t class)
{
	if (!lock_try(&centrals[class].lock))
		return false;
	if (LIKELY(__atomic_load_n(&central_gate, __ATOMIC_SEQ_CST) == 0))
		return true;
	lock_release(&centrals[class].lock);
	return false;
}

/* The fullest spans have the lowest list. */
static uint32_t fullness_list(const struct span *span)
{
	return span_free_objects(span) * CENTRAL_FULLNESS_LISTS / (span_objects(span) + 1);
}

static void span_relist(struct central *central, struct span *span)
{
	uint32_t list = span_free_objects(span) == 0 ? 0 : fullness_list(span) + 1;

	if (span->use != SPAN_ORDINARY) {
		apart_relist(central, span);
		return;
	}
	if (list == span->list || span_is_draining(span))
		return;
	if (span->list != 0)
		span_list_remove(span);
	if (list != 0)
		span_list_push(&central->partial[list - 1], span);
	span->list = (uint16_t)list;
}

static struct span *span_fullest(struct central *central)
{
	for (int list = 0; list < CENTRAL_FULLNESS_LISTS; list++)
		if (central->partial[list] != NULL)
			return central->partial[list];
	return NULL;
}

/* The fewest that leave at most an eighth of them over. */
static uint32_t short_span_pages(uint32_t class)
{
	uint32_t object_bytes = size_classes[class].object_bytes, pages = 1;

	while ((pages << PAGE_SHIFT) / object_bytes * object_bytes < (pages << PAGE_SHIFT) / 8 * 7)
		pages++;
	return pages;
}

static uint32_t new_span_pages(uint32_t class, enum span_use use)
{
	uint32_t object_bytes = size_classes[class].object_bytes, usual = size_classes[class].span_pages;

	if (use == SPAN_SAMPLED)
		return (object_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	/* In a checked process the first of eight or more is nobody's (heap_checks_lead()). */
	if (LIKELY(!limit_wants_short_spans()) || object_bytes > SHARED_MAX_BYTES || heap_checks != NULL)
		return usual;
	return short_span_pages(class);
}

static void count_span(struct central *central, const struct span *span)
{
	word_add(&central->span_count, 1);
	word_add(&central->span_objects, span_objects(span));
	word_add(&central->span_pages, span->page_count);
	word_add(&central->lead_objects, span->lead);
}

static bool make_small(struct span *span, uint32_t class, enum span_use use)
{
	span_open_small(span, class, use);
	if (heap_checks == NULL || heap_checks->span_opened(span))
		return true;
	span_close_small(span);
	return false;
}

struct span *central_obtain(uint32_t class, enum span_use use)
{
	struct central *central = &centrals[class];
	bool is_zero;

	lock_acquire(&page_heap_lock);
	struct span *span = page_heap_take(new_span_pages(class, use), 1, &is_zero);
	if (span != NULL && !make_small(span, class, use)) {
		page_heap_give(span);
		span = NULL;
	}
	if (span != NULL) {
		count_span(central, span);
		central->taken_is_zero = is_zero && size_classes[class].span_objects == 1;
		release_after_change();
	}
	publish_totals();
	lock_release(&page_heap_lock);
	return span;
}

static void span_give_up(struct central *central, struct span *span)
{
	if (span_is_draining(span))
		draining_forget(central, span);
	else if (span->list != 0)
		span_list_remove(span);
	word_subtract(&central->span_count, 1);
	word_subtract(&central->span_objects, span_objects(span));
	word_subtract(&central->span_pages, span->page_count);
	word_subtract(&central->lead_objects, span->lead);
	cooling_forget(central, span);
	lock_acquire(&page_heap_lock);
	span_close_small(span);
	page_heap_give(span);
	release_after_change();
	publish_totals();
	lock_release(&page_heap_lock);
}

static uint32_t take_from_spans(struct central *central, uint32_t class, void **objects,
	uint32_t want) REQUIRES(centrals[class].lock)
{
	uint32_t got = 0;

	while (got < want) {
		struct span *span = span_fullest(central);
		if (span == NULL) {
			/* A new span for the first object only, not to round a batch up. */
			if (got > 0)
				break;
			span = draining_end_one(central);
			if (span == NULL)
				span = central_obtain(class, SPAN_ORDINARY);
			if (span == NULL)
				break;
		}
		uint32_t taken = span_take_objects(span, objects + got, want - got);
		cooling_reuse(central, span, objects + got, taken);
		cooling_touch(central, span, false);
		span_relist(central, span);
		got += taken;
	}
	return got;
}

uint32_t central_take(uint32_t class, void **objects, uint32_t want)
{
	struct central *central = &centrals[class];
	uint32_t got = want < central->stacked_count ? want : central->stacked_count;

	word_subtract(&central->stacked_count, got);
	central->stack_was_used = true;
	central->taken_is_zero = false;
	if (central->stacked_count < central->stacked_low)
		central->stacked_low = central->stacked_count;
	if (got > 0) {
		pointers_move(objects, central->stack + central->stacked_count, got);
	} else {
		central->stack_room = central->stack_capacity;
		got = take_from_spans(central, class, objects, want);
	}
	word_add(&central->out_objects, got);
	return got;
}

bool central_is_out(uint32_t class, const void *object)
{
	const struct span *span = span_of_small(object);

	return span != NULL && span->class == class && span_is_out(span, object);
}

/* A span that is no more, or another class's by now, had all of its objects home. */
bool central_is_home(uint32_t class, const void *object)
{
	const struct span *span = span_of_small(object);

	return span == NULL || span->class != class || span_is_home(span, object);
}

static COLD _Noreturn void refuse(uint32_t class, const void *object, const void *caller)
	REQUIRES(centrals[class].lock)
{
	bool is_home = central_is_home(class, object);

	fatal_pointer("free", object,
		is_home ? "double free: the object was freed before" : "not the start of an object",
		size_classes[class].object_bytes, caller);
}

static void span_came_home(struct central *central, struct span *span, uint32_t count)
{
	if (span_is_draining(span))
		word_add(&central->draining_free, count);
	if (span_is_all_home(span) && !apart_keep(central, span)) {
		span_give_up(central, span);
		return;
	}
	span_relist(central, span);
	cooling_touch(central, span, true);
}

/* What is freed one after the other often lies in one span: its lists are
   looked after once. */
static void send_home(struct central *central, uint32_t class, void **objects, uint32_t count,
	const void *caller) REQUIRES(centrals[class].lock)
{
	for (uint32_t i = 0, done; i < count; i += done) {
		struct span *span = span_of_small(objects[i]);
		bool is_gone = span == NULL || span->class != class;
		done = is_gone ? 0 : span_put_objects(span, objects + i, count - i);
		if (UNLIKELY(done == 0))
			refuse(class, objects[i], caller);
		span_came_home(central, span, done);
	}
}

static void drain_some(uint32_t class, uint32_t count) REQUIRES(centrals[class].lock)
{
	struct central *central = &centrals[class];

	/* The oldest lie lowest. */
	if (count == 0)
		return;
	send_home(central, class, central->stack, count, NULL);
	word_subtract(&central->stacked_count, count);
	memmove(central->stack, central->stack + count, central->stacked_count * sizeof(void *));
	if (central->stacked_low > central->stacked_count)
		central->stacked_low = central->stacked_count;
}

/* Nobody took of it since it was last too full: what lies in it pins a span
   each, if objects are freed at random. */
static void stack_shrink(uint32_t class) REQUIRES(centrals[class].lock)
{
	struct central *central = &centrals[class];

	if (central->stack_room > STACK_MIN_OBJECTS)
		central->stack_room /= 2;
	if (central->stacked_count > central->stack_room)
		drain_some(class, central->stacked_count - central->stack_room);
}

void central_give(uint32_t class, void **objects, uint32_t count, const void *caller)
{
	struct central *central = &centrals[class];

	word_subtract(&central->out_objects, count);
	if (central->stacked_count + count > central->stack_room) {
		send_home(central, class, objects, count, caller);
		if (!central->stack_was_used)
			stack_shrink(class);
		central->stack_was_used = false;
		return;
	}
	memcpy(central->stack + central->stacked_count, objects, count * sizeof(void *));
	word_add(&central->stacked_count, count);
}

void central_give_home(uint32_t class, void *object, const void *caller)
{
	word_subtract(&centrals[class].out_objects, 1);
	send_home(&centrals[class], class, &object, 1, caller);
}

void central_drain(uint32_t class)
{
	struct central *central = &centrals[class];

	drain_some(class, central->stacked_low);
	central->stacked_low = central->stacked_count;
}

void central_drain_all(uint32_t class)
{
	struct span *span = centrals[class].apart[SPAN_SAMPLED], *next;

	drain_some(class, centrals[class].stacked_count);
	centrals[class].stacked_low = 0;
	for (; span != NULL; span = next) {
		next = span->next;
		if (!span_is_all_home(span))
			continue;
		apart_unkeep();
		span_give_up(&centrals[class], span);
	}
}

void central_give_if_out(uint32_t class, void *object)
{
	struct span *span = span_of_small(object);

	if (span == NULL || span->class != class || span_put_objects(span, &object, 1) == 0)
		return;
	centrals[class].out_objects--;
	span_came_home(&centrals[class], span, 1);
}

void central_forget(uint32_t class)
{
	struct central *central = &centrals[class];

	central->stacked_count = central->stacked_low = 0;
	central->span_count = central->span_objects = central->span_pages = central->lead_objects = 0;
	central->draining_free = central->released_bytes = 0;
	central->draining = NULL;
	memset(central->apart, 0, sizeof(central->apart));
	memset(central->partial, 0, sizeof(central->partial));
	central->cooling_first = central->cooling_last = 0;
	central->out_objects = 0;
}

static uint32_t count_home(const struct span *span)
{
	const uint64_t *words = span_home_words(span);
	uint32_t home = 0;

	for (int i = 0; i < (span->carved_count + 63) / 64; i++)
		home += (uint32_t)__builtin_popcountll(words[i]);
	return home;
}

void central_adopt(struct span *span)
{
	struct central *central = &centrals[span->class];

	span->home_count = (uint16_t)count_home(span);
	span->list = 0;
	span->cooling_next = span->cooling_prev = 0;
	span_map(span);
	span_relist(central, span);
	count_span(central, span);
	central->out_objects += span_objects(span) - span_free_objects(span) - span->lead;
	central->released_bytes += cooling_released_units(span) * os_page_bytes();
	if (span_free_objects(span) != 0)
		cooling_touch(central, span, true);
}

/* Of one list: what is free in its spans, and given back. */
static void list_audit(uint32_t class, const struct span *span, uint32_t list,
	uint64_t *free_in_spans, uint64_t *released_bytes)
{
	for (; span != NULL; span = span->next) {
		if (span->kind != SPAN_SMALL || span->class != class ||
			count_home(span) != span->home_count || span->list != list)
			fatal("audit: a span disagrees with its bitmap");
		if (arena.class_map[span_page(span)] != span_mapped_class(span))
			fatal("audit: a span disagrees with the class map");
		*free_in_spans += span_free_objects(span);
		*released_bytes += cooling_released_units(span) * os_page_bytes();
	}
}

void central_audit(uint32_t class)
{
	const struct central *central = &centrals[class];
	uint64_t free_in_spans = 0, released_bytes = 0;

	list_audit(class, central->draining, SPAN_DRAINING, &free_in_spans, &released_bytes);
	if (free_in_spans != central->draining_free)
		fatal("audit: a size class disagrees with its spans on what drains");
	for (uint32_t list = 0; list < CENTRAL_FULLNESS_LISTS; list++)
		list_audit(class, central->partial[list], list + 1, &free_in_spans, &released_bytes);
	for (int use = 0; use < SPAN_USES; use++)
		list_audit(class, central->apart[use], SPAN_APART, &free_in_spans, &released_bytes);
	if (central_span_objects(class) !=
		central->out_objects + central->stacked_count + free_in_spans)
		fatal("audit: a size class does not add up");
	/* A span without a free object has no free page. */
	if (released_bytes != central->released_bytes)
		fatal("audit: a size class disagrees with its spans on what was given back");
}
