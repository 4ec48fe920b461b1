#include "profile/reach.h"

#include "base/bits.h"
#include "base/os.h"
#include "heap/checks.h"
#include "profile/mark.h"
#include "profile/roots.h"
#include "tinyalloc/special.h"

/* One that nothing leads to but what is behind it, as far as is known. */
struct leader {
	struct mark_object object;
	struct reach_sum behind;
};

static struct {
	struct leader *leaders; /* by rising bits: as they are found */
	size_t count;
	struct reach_sum live;
} state;

static bool may_hold_pointers(const struct span *span)
{
	return span->kind == SPAN_SMALL ? span->class < SIZED_CLASS_COUNT
					: span->class == SIZE_FAMILY_PLAIN;
}

uint64_t reach_collectable_most(void)
{
	uint64_t most = 0;

	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span))
		if (span_is_collectable(span))
			most += mark_object_count(span);
	return most;
}

/* ---- in all spans of some kind ------------------------------------------------------------- */

static void visit_others(enum mark_map map, bool (*is_asked)(const struct span *span),
	void (*visit)(const struct mark_object *object, void *arg), void *arg)
{
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span))
		if (is_asked(span))
			mark_visit_others(map, span, visit, arg);
}

static bool is_any(const struct span *span)
{
	(void)span;
	return true;
}

/* ---- what may be collected ----------------------------------------------------------------- */

struct collecting {
	void (*lost)(void *object, void *arg);
	void *arg;
};

static bool is_plain(const struct span *span)
{
	return !span_is_collectable(span) && may_hold_pointers(span);
}

static bool has_special(const struct span *span)
{
	return span->special != 0 && may_hold_pointers(span);
}

/* At once: all of them together would have to wait somewhere. */
static void follow(const struct mark_object *object, void *arg)
{
	(void)arg;
	mark_object(object);
	mark_run();
}

/* Objects that are finalized lead to others, but not to themselves. */
static void finalized_look(const struct mark_object *object, void *arg)
{
	size_t bytes = mark_object_bytes(object->span);

	(void)arg;
	if (special_is_tied(object->span, object->index * bytes, bytes))
		mark_look_into(object);
}

static void collectable_tell(const struct mark_object *object, void *arg)
{
	const struct collecting *collecting = arg;

	collecting->lost((void *)mark_object_start(object), collecting->arg);
}

bool reach_collectable(void (*lost)(void *object, void *arg), void *arg)
{
	struct collecting collecting = {lost, arg};

	if (!mark_begin(may_hold_pointers) || !roots_look())
		return false;
	visit_others(MARK_MARKED, is_plain, follow, NULL);
	visit_others(MARK_MARKED, has_special, finalized_look, NULL);
	mark_run();
	visit_others(MARK_MARKED, span_is_collectable, collectable_tell, &collecting);
	return true;
}

/* ---- what is lost -------------------------------------------------------------------------- */

uint64_t reach_object_bytes(const struct span *span, const void *object)
{
	return heap_checks != NULL ? heap_checks->object_bytes(span, object) : mark_object_bytes(span);
}

static uint64_t bytes_of(const struct mark_object *object)
{
	return reach_object_bytes(object->span, (const void *)mark_object_start(object));
}

static void bytes_add(const struct mark_object *object, void *arg)
{
	*(uint64_t *)arg += bytes_of(object);
}

/* Of all objects whose bit is not set. */
static struct reach_sum others_sum(enum mark_map map)
{
	struct reach_sum sum = {0};

	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span)) {
		uint64_t objects = mark_count_others(map, span);
		sum.objects += objects;
		if (heap_checks != NULL)
			mark_visit_others(map, span, bytes_add, &sum.bytes);
		else
			sum.bytes += objects * mark_object_bytes(span);
	}
	return sum;
}

/* A finalizer's argument may be known to nobody else. */
static void argument_look(void *arg)
{
	mark_words((uintptr_t)&arg, (uintptr_t)(&arg + 1));
}

static void finalizers_look(void)
{
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span))
		if (span->special != 0)
			special_visit_arguments(span, argument_look);
}

/* Suspected, and not found otherwise. */
static void suspected_follow(const struct mark_object *object, void *arg)
{
	(void)arg;
	if (mark_test(MARK_SUSPECTED, object->bit))
		mark_object(object);
}

struct telling {
	void (*lost)(const struct reach_lost *lost, void *arg);
	void *arg;
	size_t leader; /* the next one */
};

static void possible_tell(const struct mark_object *object, void *arg)
{
	const struct telling *telling = arg;
	struct reach_lost lost = {.span = object->span,
		.object = (char *)mark_object_start(object),
		.grade = REACH_POSSIBLE};

	if (mark_test(MARK_MARKED, object->bit))
		telling->lost(&lost, telling->arg);
}

/* Each that nothing before it leads to, and all that it leads to. */
static void leader_follow(const struct mark_object *object, void *arg)
{
	(void)arg;
	if (mark_test(MARK_MARKED, object->bit))
		return;
	state.leaders[state.count++] = (struct leader){.object = *object};
	mark_object(object);
	mark_run();
}

/* What the leader that is followed leads to. */
static struct reach_sum *behind;

static void behind_found(const struct mark_object *object)
{
	mark_bits(MARK_SUSPECTED)[object->bit / 64] |= (uint64_t)1 << object->bit % 64;
	behind->objects++;
	behind->bytes += bytes_of(object);
}

/* The last one: only what it leads to itself, in a ring, leads to it. */
static void leaders_follow_back(void)
{
	for (size_t i = state.count; i-- > 0;) {
		struct leader *leader = &state.leaders[i];
		if (mark_test(MARK_MARKED, leader->object.bit))
			continue;
		behind = &leader->behind;
		mark_object(&leader->object);
		mark_run();
	}
}

/*
 * Of each ring of objects that nothing else leads to one is lost definitely, and all that any
 * of these leads to is lost by it.  Leaders are found one by one: what leads to one of
 * them was not marked when it was found, and so is behind it or behind a later one.
 * Followed from the last one back, only those are left that nothing later leads to.
 */
static bool lost_find(void)
{
	mark_copy(MARK_MARKED, MARK_KEPT);
	mark_clear(MARK_SUSPECTED);
	struct reach_sum lost = others_sum(MARK_KEPT);
	state.count = 0;
	state.leaders = os_map(bits_round_up((lost.objects + 1) * sizeof(struct leader), os_page_bytes()));
	if (state.leaders == NULL)
		return false;
	visit_others(MARK_KEPT, is_any, leader_follow, NULL);
	mark_copy(MARK_KEPT, MARK_MARKED);
	mark_found_behind = behind_found;
	mark_set_phase(MARK_BEHIND);
	leaders_follow_back();
	return true;
}

static void lost_tell(const struct mark_object *object, void *arg)
{
	struct telling *telling = arg;
	const struct leader *leader = &state.leaders[telling->leader];
	struct reach_lost lost = {.span = object->span,
		.object = (char *)mark_object_start(object),
		.grade = mark_test(MARK_SUSPECTED, object->bit) ? REACH_INDIRECT : REACH_DEFINITE};

	if (telling->leader < state.count && leader->object.bit == object->bit) {
		lost.behind_objects = leader->behind.objects;
		lost.behind_bytes = leader->behind.bytes;
		telling->leader++;
	}
	telling->lost(&lost, telling->arg);
}

bool reach_leaks(void (*lost)(const struct reach_lost *lost, void *arg), void *arg)
{
	struct telling telling = {.lost = lost, .arg = arg};

	if (!mark_begin(may_hold_pointers))
		return false;
	state.live = others_sum(MARK_MARKED);
	mark_set_phase(MARK_EXACT);
	if (!roots_look())
		return false;
	finalizers_look();
	visit_others(MARK_MARKED, span_is_collectable, follow, NULL);
	mark_run();
	mark_copy(MARK_MARKED, MARK_KEPT);
	mark_set_phase(MARK_ANY);
	visit_others(MARK_KEPT, is_any, suspected_follow, NULL);
	mark_run();
	visit_others(MARK_KEPT, is_any, possible_tell, &telling);
	if (!lost_find())
		return false;
	visit_others(MARK_KEPT, is_any, lost_tell, &telling);
	return true;
}

struct reach_sum reach_live(void)
{
	return state.live;
}
