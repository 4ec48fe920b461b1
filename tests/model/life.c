#include "tests/model/life.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "tests/model/entries.h"
#include "tests/model/kernel.h"
#include "tests/model/shadow.h"

enum {
	ERRNO_MARK = 4711,             /* nobody sets it */
	SMALL_MAX_BYTES = 256 << 10,   /* malloc()'s: of a size class */
	SHARED_MAX_BYTES = 32 << 10,   /* of what realloc() grew or moved */
	PAGE_BYTES = 8192,             /* the heap's: beyond, an alignment makes it large */
	STRING_ALIGN_BYTES = 8,
	RETRIES = 200
};

void life_trouble(struct worker *worker)
{
	struct choice *choice = &worker->choice;

	if (plan.refusal_chances == 0 || !choice_one_in(choice, plan.refusal_chances))
		return;
	unsigned kinds = (unsigned)choice_below(choice, 32);
	uint32_t skip = (uint32_t)choice_below(choice, 4), count = 1 + (uint32_t)choice_below(choice, 8);
	kernel_refuse(kinds, skip, count == 8 ? 1000 : count);
}

void life_calm(void)
{
	kernel_refuse(0, 0, 0);
}

static size_t min_bytes(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t life_size(struct worker *worker)
{
	struct choice *choice = &worker->choice;
	uint64_t mood = worker->size_mood;
	size_t bytes;

	if (mood == 6) /* any of them, mostly small */
		mood = choice_below(choice, 64) < 48 ? choice_below(choice, 3) : 2 + choice_below(choice, 4);
	switch (mood) {
	case 0:
		bytes = choice_below(choice, 40);
		break;
	case 1:
		bytes = choice_below(choice, 1025);
		break;
	case 2:
		bytes = books_class_bytes(choice_below(choice, 256)) + choice_below(choice, 3) - 1;
		break;
	case 3:
		bytes = choice_below(choice, SHARED_MAX_BYTES + 1);
		break;
	case 4:
		bytes = choice_below(choice, 1 << 20);
		break;
	default:
		bytes = ((size_t)1 << (16 + choice_below(choice, 9))) + choice_below(choice, 3) * 4095 - 1;
	}
	if (worker->live_bytes + bytes > plan.live_most_bytes)
		bytes %= 2048;
	return bytes;
}

static size_t power_at_most(size_t bytes)
{
	size_t power = 1;

	while (2 * power <= bytes)
		power *= 2;
	return power;
}

/* What a tiny object is aligned to follows from who asked for it. */
static size_t tiny_align(const struct maker *maker, size_t bytes)
{
	if (maker->hinting == HINTING_FLAGS)
		return bytes & -bytes;
	return maker->hinting == HINTING_STRING ? STRING_ALIGN_BYTES
						: min_bytes(power_at_most(bytes), 8);
}

static size_t align_expected(const struct maker *maker, const struct request *request,
	const struct object *object)
{
	size_t least = OBJECT_ALIGN_BYTES;

	if (object->is_tiny)
		least = tiny_align(maker, object->asked_bytes);
	else if (!plan.has_books)
		least = min_bytes(power_at_most(object->asked_bytes | 1), OBJECT_ALIGN_BYTES);
	return request->align_bytes > least ? request->align_bytes : least;
}

static bool is_hinted(const struct maker *maker, const struct request *request)
{
	switch (maker->hinting) {
	case HINTING_FLAGS:
		return (request->hints & MSTAT_NOSCAN) != 0;
	case HINTING_TOKEN:
		return request->token < SIZE_MAX / 2 && !request->is_odd &&
			(request->token != 0 || request->bytes < OBJECT_BLOCK_BYTES);
	case HINTING_STRING:
		return plan.noscan_strings;
	default:
		return false;
	}
}

/* What is hinted and below 16 bytes is combined; not what is aligned, nor where the
   library had no memory for it, or the thread no magazines any more. */
static bool is_combined(const struct maker *maker, const struct object *object)
{
	bool is_hinted = object->is_noscan && plan.tiny && !maker->takes_align &&
		object->asked_bytes < OBJECT_BLOCK_BYTES &&
		(object->asked_bytes > 0 || (maker->hinting == HINTING_TOKEN && !maker->zeroes));

	if (object->usable_bytes < OBJECT_BLOCK_BYTES)
		return object->usable_bytes != 0 && !plan.is_checked && (is_hinted || !plan.is_sampled);
	return is_hinted && object->usable_bytes == OBJECT_BLOCK_BYTES;
}

/* What came about, as the model knows it from now on. */
static void object_born(struct worker *worker, struct object *object)
{
	object->number = (uint64_t)worker->index << 56 ^ ++worker->object_count << 24;
	if (object->usable_bytes != 0 && !shadow_enter(object->ptr, object->usable_bytes))
		model_fail(worker, "%p of %zu bytes overlaps another live object", (void *)object->ptr,
			object->usable_bytes);
	tally_made(&worker->tally, object);
	worker->live_bytes += object->usable_bytes;
	object_fill(object);
	worker_note(worker, object->usable_bytes);
}

static void made_check(const struct worker *worker, const struct maker *maker,
	const struct request *request, const struct object *object)
{
	size_t align = align_expected(maker, request, object);
	bool zeroed = maker->zeroes ||
		(maker->hinting == HINTING_FLAGS && (request->hints & MSTAT_COLLECTABLE) != 0);

	if ((uintptr_t)object->ptr % align != 0)
		model_fail(worker, "%s(%zu) returned %p, not aligned to %zu", maker->name,
			request->bytes, (void *)object->ptr, align);
	if (object->usable_bytes < object->asked_bytes)
		model_fail(worker, "%s(%zu) has %zu usable bytes", maker->name, request->bytes,
			object->usable_bytes);
	size_t dirty = zeroed ? object_dirty_at(object, object->asked_bytes) : SIZE_MAX;
	if (dirty != SIZE_MAX)
		model_fail(worker, "%s(%zu): byte %zu is not zero", maker->name, request->bytes, dirty);
}

static void choose_request(struct worker *worker, const struct maker *maker,
	struct request *request)
{
	static const size_t tokens[] = {0, 1, 0, 77, SIZE_MAX / 2 - 1, SIZE_MAX / 2, SIZE_MAX};
	struct choice *choice = &worker->choice;

	*request = (struct request){.bytes = life_size(worker), .count = 1};
	if (maker->is_array)
		request->count = 1 + choice_below(choice, 9);
	if (maker->hinting == HINTING_FLAGS)
		request->hints = (unsigned)choice_below(choice, 4);
	if (maker->hinting == HINTING_TOKEN)
		request->token = tokens[choice_below(choice, sizeof(tokens) / sizeof(tokens[0]))];
	if (maker->takes_align) {
		uint64_t shift = choice_below(choice, 32);
		request->align_bytes = (size_t)1 << (shift < 26 ? shift % 13 : shift == 31 ? 22 : shift - 13);
		if (!maker->needs_power && choice_one_in(choice, 4))
			request->align_bytes = choice_below(choice, 3000);
		request->is_odd = (request->align_bytes & (request->align_bytes - 1)) != 0 ||
			request->align_bytes == 0;
	}
	request->may_relieve = choice_one_in(choice, 2);
}

/* Nobody refused anything, and yet there is no memory: never, but where the library
   itself refuses. */
static void refusal_check(const struct worker *worker, const struct maker *maker,
	const struct request *request, uint64_t refusals, int error)
{
	if (kernel_refusals() == refusals && !plan.refuses_by_itself)
		model_fail(worker, "%s(%zu) fails, and nobody refused it memory", maker->name,
			request->bytes);
	if (maker->failure == FAILS_ERRNO && error != ENOMEM)
		model_fail(worker, "%s(%zu) fails with errno %d", maker->name, request->bytes, error);
	if (maker->failure == FAILS_RETURN && (request->error != ENOMEM || error != ERRNO_MARK))
		model_fail(worker, "%s(%zu) fails with %d, errno %d", maker->name, request->bytes,
			request->error, error);
	if ((maker->failure == FAILS_THROW) != request->has_thrown)
		model_fail(worker, "%s(%zu) fails, and %s", maker->name, request->bytes,
			request->has_thrown ? "throws" : "does not throw");
}

/* What has failed without a word before it succeeds may leave an errno. */
static bool may_try_twice(const struct maker *maker)
{
	return maker->hinting != HINTING_NONE || maker->failure == FAILS_THROW ||
		maker->failure == FAILS_NULL;
}

/* One call. */
static void *call(struct worker *worker, const struct maker *maker, struct request *request)
{
	/* Only an exception is an object more. */
	bool may_throw = maker->failure == FAILS_THROW || maker->failure == FAILS_NULL;
	struct stretch stretch = may_throw ? stretch_begin() : (struct stretch){0};
	uint64_t refusals = kernel_refusals();
	bool may_set_errno = may_try_twice(maker);

	errno = ERRNO_MARK;
	void *ptr = entry_catch(maker->make, request);
	int error = errno;
	if (ptr == NULL) {
		if (may_throw)
			stretch_end(&stretch, &worker->tally);
		refusal_check(worker, maker, request, refusals, error);
	} else if (error != ERRNO_MARK &&
		!(may_set_errno && (plan.refuses_by_itself || kernel_refusals() != refusals))) {
		model_fail(worker, "%s(%zu) succeeds and sets errno to %d", maker->name,
			request->bytes, error);
	} else if (request->error != 0) {
		model_fail(worker, "%s(%zu) returned %d, and something was written", maker->name,
			request->bytes, request->error);
	}
	return ptr;
}

/* Once there is memory again the same call does it. */
static void *call_again(struct worker *worker, const struct maker *maker,
	const struct request *request, struct request *again)
{
	void *ptr = NULL;

	life_calm();
	for (int i = 0; i < RETRIES && ptr == NULL; i++) {
		*again = *request;
		ptr = call(worker, maker, again);
		if (ptr == NULL && plan.is_limited)
			return NULL;
	}
	if (ptr == NULL)
		model_fail(worker, "%s(%zu) fails %d times", maker->name, request->bytes, RETRIES);
	return ptr;
}

bool life_make(struct worker *worker, struct object *object)
{
	const struct maker *maker = maker_of(choice_below(&worker->choice, 256));
	struct request request, asked;
	bool is_stubborn = choice_one_in(&worker->choice, 2);

	choose_request(worker, maker, &asked);
	request = asked;
	worker->operation = maker->name;
	life_trouble(worker);
	uint64_t refusals = kernel_refusals();
	void *ptr = call(worker, maker, &request);
	worker_note(worker, ptr != NULL);
	if (ptr == NULL && is_stubborn)
		ptr = call_again(worker, maker, &asked, &request);
	life_calm();
	if (ptr == NULL)
		return false;
	*object = (struct object){.ptr = ptr, .asked_bytes = request.bytes,
		.usable_bytes = malloc_usable_size(ptr),
		.align_bytes = maker->takes_align ? request.align_bytes : 0,
		.family = maker->family,
		.sizing = maker->sizing,
		.is_noscan = is_hinted(maker, &request),
		.is_collectable = (request.hints & MSTAT_COLLECTABLE) != 0};
	books_measure(object, request.align_bytes,
		request.align_bytes > PAGE_BYTES || object->usable_bytes > SMALL_MAX_BYTES);
	object->is_tiny = plan.has_books && is_combined(maker, object);
	object->is_vague = object->is_noscan && (kernel_refusals() != refusals ||
		plan.refuses_by_itself || worker->is_last);
	made_check(worker, maker, &request, object);
	object_born(worker, object);
	return true;
}

void life_look(struct worker *worker, const struct object *object)
{
	size_t usable = malloc_usable_size(object->ptr);
	size_t wrong = object_wrong_at(object, object->usable_bytes);

	if (object->is_tiny ? usable < object->usable_bytes : usable != object->usable_bytes)
		model_fail(worker, "%p had %zu usable bytes and has %zu", (void *)object->ptr,
			object->usable_bytes, usable);
	if (wrong != SIZE_MAX)
		model_fail(worker, "%p of %zu bytes: byte %zu has changed", (void *)object->ptr,
			object->usable_bytes, wrong);
}

static void object_leaves(struct worker *worker, const struct object *object)
{
	if (object->usable_bytes != 0 && !shadow_leave(object->ptr, object->usable_bytes))
		model_fail(worker, "%p of %zu bytes: another object took some of it",
			(void *)object->ptr, object->usable_bytes);
	worker->live_bytes -= min_bytes(worker->live_bytes, object->usable_bytes);
}

/* One that is about to end has been finalized once. */
static void finalizer_check(const struct worker *worker, struct finalizer *finalizer)
{
	if (finalizer == NULL)
		return;
	if (finalizer->calls != 1 || finalizer->has_failed)
		model_fail(worker, "its finalizer was called %u times%s", finalizer->calls,
			finalizer->has_failed ? ", not as it should have been" : "");
	__atomic_store_n(&finalizer->is_taken, 0, __ATOMIC_RELEASE);
}

void life_end(struct worker *worker, struct object *object)
{
	const struct ender *ender = ender_of(choice_below(&worker->choice, 256), object->family,
		object->sizing);

	worker->operation = ender->name;
	life_look(worker, object);
	object_leaves(worker, object);
	tally_ended(&worker->tally, object);
	life_trouble(worker);
	errno = ERRNO_MARK;
	ender->end(object->ptr, object->asked_bytes, object->align_bytes);
	if (errno != ERRNO_MARK)
		model_fail(worker, "%s sets errno to %d", ender->name, errno);
	life_calm();
	finalizer_check(worker, object->finalizer);
	object->ptr = NULL;
}
