/*
 * resize.c - realloc() and its kin: what was in the object is kept, what it may use is
 * its own, and where it fails nothing has happened.
 */
#include <errno.h>
#include <malloc.h>

#include "tests/model/entries.h"
#include "tests/model/kernel.h"
#include "tests/model/life.h"
#include "tests/model/shadow.h"

enum {
	ERRNO_MARK = 4712,
	SMALL_MAX_BYTES = 256 << 10,
	SHARED_MAX_BYTES = 32 << 10
};

static bool is_special_kind(const struct object *object)
{
	return object->is_tiny || object->is_collectable || object_is_nothing(object);
}

/* Step by step as often as it changes at all. */
static size_t size_next(struct worker *worker, const struct object *object)
{
	size_t before = object->usable_bytes, bytes = life_size(worker);

	switch (choice_below(&worker->choice, 4)) {
	case 0:
		bytes = before + before / 4 + 1;
		break;
	case 1:
		bytes = before - before / 3;
		break;
	default:
		break;
	}
	if (worker->live_bytes + bytes > plan.live_most_bytes && bytes > before)
		bytes = before / 2;
	return bytes != 0 ? bytes : 1; /* no bytes at all end it */
}

static void failure_check(struct worker *worker, const struct resizer *resizer,
	const struct object *object, size_t bytes, uint64_t refusals, int error)
{
	if (kernel_refusals() == refusals && !plan.refuses_by_itself)
		model_fail(worker, "%s(%p, %zu) fails, and nobody refused it memory", resizer->name,
			(void *)object->ptr, bytes);
	if (error != ENOMEM)
		model_fail(worker, "%s(%p, %zu) fails with errno %d", resizer->name,
			(void *)object->ptr, bytes, error);
	if (bytes <= object->usable_bytes && !is_special_kind(object))
		model_fail(worker, "%s(%p, %zu) fails to make an object of %zu smaller", resizer->name,
			(void *)object->ptr, bytes, object->usable_bytes);
	if (object->usable_bytes != 0 && !shadow_enter(object->ptr, object->usable_bytes))
		model_fail(worker, "%s fails, and somebody has the object", resizer->name);
	life_look(worker, object);
}

/* How the books take it. */
static void tally_change(struct tally *tally, const struct object *before, struct object *after)
{
	if (after->ptr == before->ptr) {
		if (after->is_large && !plan.is_checked) {
			after->counted_bytes = after->usable_bytes;
			tally_resized(tally, before->usable_bytes, after->usable_bytes);
		}
		return;
	}
	bool shrinks = !before->is_large && after->usable_bytes < before->usable_bytes;
	books_measure(after, 0, after->usable_bytes >
		(is_special_kind(before) || shrinks ? SMALL_MAX_BYTES : SHARED_MAX_BYTES));
	tally_ended(tally, before);
	tally_made(tally, after);
}

static void object_changed(struct worker *worker, const struct resizer *resizer,
	const struct object *before, struct object *after)
{
	size_t kept = before->usable_bytes < after->asked_bytes ? before->usable_bytes
							       : after->asked_bytes;
	struct object old = *before; /* whose pattern stands in the new place */

	if (after->usable_bytes < after->asked_bytes)
		model_fail(worker, "%s(%p, %zu) has %zu usable bytes", resizer->name,
			(void *)before->ptr, after->asked_bytes, after->usable_bytes);
	if (after->usable_bytes != 0 && !shadow_enter(after->ptr, after->usable_bytes))
		model_fail(worker, "%s(%p, %zu): %p overlaps another live object", resizer->name,
			(void *)before->ptr, after->asked_bytes, (void *)after->ptr);
	old.ptr = after->ptr;
	size_t wrong = object_wrong_at(&old, kept);
	if (wrong != SIZE_MAX)
		model_fail(worker, "%s(%p of %zu, %zu): byte %zu of %p was not kept", resizer->name,
			(void *)before->ptr, before->usable_bytes, after->asked_bytes, wrong,
			(void *)after->ptr);
	tally_change(&worker->tally, before, after);
	worker->live_bytes += after->usable_bytes;
	worker->live_bytes -= worker->live_bytes < before->usable_bytes ? worker->live_bytes
									: before->usable_bytes;
	after->number += 1 << 12;
	object_fill(after);
	if (after->finalizer != NULL) {
		after->finalizer->hidden_ptr = object_hidden(after->ptr);
		after->finalizer->usable_bytes = after->usable_bytes;
		after->finalizer->number = after->number;
	}
	worker_note(worker, after->usable_bytes);
	worker_note(worker, after->ptr == before->ptr);
}

/* A tiny object's, or what became of one, is as of any type that fits. */
static size_t align_expected(const struct object *object)
{
	size_t align = 1, most = object->is_tiny ? 8 : OBJECT_ALIGN_BYTES;

	if (object->is_tiny && object->is_collectable)
		return object->asked_bytes & -object->asked_bytes; /* as mstat_alloc() says */
	while (2 * align <= object->asked_bytes && align < most)
		align *= 2;
	return align;
}

/* What is tiny, or collectable and hinted, is so in its new place. */
static bool stays_tiny(const struct object *before, const struct object *after)
{
	bool may_be = before->is_tiny || (before->is_collectable && before->is_noscan && plan.tiny);

	if (plan.is_checked)
		return false;
	if (after->ptr == before->ptr || after->usable_bytes < OBJECT_BLOCK_BYTES)
		return after->ptr == before->ptr ? before->is_tiny : may_be || !plan.is_sampled;
	return may_be && after->asked_bytes < OBJECT_BLOCK_BYTES;
}

void life_resize(struct worker *worker, struct object *object)
{
	const struct resizer *resizer = resizer_of(choice_below(&worker->choice, 256));
	struct request request = {.bytes = size_next(worker, object),
		.count = 1 + choice_below(&worker->choice, 3), .token = choice_below(&worker->choice, 3)};
	struct object after = *object;
	bool is_wanted = object->family == FAMILY_C && object->usable_bytes != 0;

	if (!is_wanted || request.bytes < request.count)
		return;
	worker->operation = resizer->name;
	life_look(worker, object);
	if (object->usable_bytes != 0 && !shadow_leave(object->ptr, object->usable_bytes))
		model_fail(worker, "%p: another object took some of it", (void *)object->ptr);
	life_trouble(worker);
	uint64_t refusals = kernel_refusals();
	errno = ERRNO_MARK;
	after.ptr = resizer->resize(object->ptr, &request);
	int error = errno;
	life_calm();
	worker_note(worker, after.ptr != NULL);
	if (after.ptr == NULL) {
		failure_check(worker, resizer, object, request.bytes, refusals, error);
		return;
	}
	if (error != ERRNO_MARK)
		model_fail(worker, "%s(%p, %zu) succeeds and sets errno to %d", resizer->name,
			(void *)object->ptr, request.bytes, error);
	after.asked_bytes = request.bytes;
	after.usable_bytes = malloc_usable_size(after.ptr);
	after.align_bytes = 0;
	after.sizing = SIZING_PLAIN;
	after.is_tiny = plan.has_books && stays_tiny(object, &after);
	after.is_vague |= after.is_noscan && (kernel_refusals() != refusals ||
		plan.refuses_by_itself || worker->is_last);
	if ((uintptr_t)after.ptr % align_expected(&after) != 0)
		model_fail(worker, "%s(%p, %zu): %p is not aligned", resizer->name,
			(void *)object->ptr, request.bytes, (void *)after.ptr);
	object_changed(worker, resizer, object, &after);
	*object = after;
}
