/*
 * tied.c - what is tied to objects, what is out of reach, and what cannot be.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/model/kernel.h"
#include "tests/model/life.h"
#include "tests/model/shadow.h"

enum { ERRNO_MARK = 4713, COUNT_MOST = 1 << 30 };

static volatile size_t align_impossible = SIZE_MAX / 2 + 2; /* the compiler does not know it */

/* The object is whole, and this is the first and only call. */
static void finalize(void *ptr, void *arg)
{
	struct finalizer *finalizer = arg;
	struct object object = {.ptr = ptr, .usable_bytes = finalizer->usable_bytes,
		.number = finalizer->number};
	struct worker *worker = worker_self;

	finalizer->calls++;
	finalizer->has_failed |= finalizer->hidden_ptr != object_hidden(ptr) ||
		object_wrong_at(&object, object.usable_bytes) != SIZE_MAX;
	if (worker == NULL || worker->is_collecting)
		return;
	/* It may allocate, and free. */
	struct object other = {.ptr = malloc(40)};
	if (other.ptr == NULL)
		return;
	other.usable_bytes = malloc_usable_size(other.ptr);
	books_measure(&other, 0, false);
	tally_made(&worker->tally, &other);
	tally_ended(&worker->tally, &other);
	free(other.ptr);
}

static struct finalizer *finalizer_take(struct worker *worker)
{
	for (int i = 0; i < FINALIZERS_MAX; i++)
		if (__atomic_load_n(&worker->finalizers[i].is_taken, __ATOMIC_ACQUIRE) == 0)
			return &worker->finalizers[i];
	return NULL;
}

void life_tie(struct worker *worker, struct object *object)
{
	struct finalizer *finalizer = finalizer_take(worker);

	if (mstat_finalizer_set == NULL || finalizer == NULL || object->usable_bytes == 0)
		return;
	worker->operation = "mstat_finalizer_set";
	*finalizer = (struct finalizer){.hidden_ptr = object_hidden(object->ptr),
		.usable_bytes = object->usable_bytes, .number = object->number};
	uint64_t refusals = kernel_refusals();
	life_trouble(worker);
	errno = 0;
	int result = mstat_finalizer_set(object->ptr, finalize, finalizer);
	life_calm();
	bool may_fail = kernel_refusals() != refusals || plan.refuses_by_itself;
	int want = object->finalizer != NULL ? EEXIST : 0;
	if (errno != want && !(errno == ENOMEM && may_fail))
		model_fail(worker, "%p of %zu bytes: %d, errno %d instead of %d", (void *)object->ptr,
			object->usable_bytes, result, errno, want);
	if (result != (errno == 0 ? 0 : -1))
		model_fail(worker, "%p: it returns %d", (void *)object->ptr, result);
	worker_note(worker, (uint64_t)errno);
	if (result != 0)
		return;
	finalizer->is_taken = 1;
	object->finalizer = finalizer;
}

void life_untie(struct worker *worker, struct object *object)
{
	if (mstat_finalizer_clear == NULL || object->usable_bytes == 0)
		return;
	worker->operation = "mstat_finalizer_clear";
	errno = 0;
	int result = mstat_finalizer_clear(object->ptr);
	int want = object->finalizer != NULL ? 0 : ENOENT;
	if (errno != want || result != (want == 0 ? 0 : -1))
		model_fail(worker, "%p: %d, errno %d instead of %d", (void *)object->ptr, result, errno,
			want);
	if (object->finalizer == NULL)
		return;
	if (object->finalizer->calls != 0)
		model_fail(worker, "%p: its finalizer was called", (void *)object->ptr);
	__atomic_store_n(&object->finalizer->is_taken, 0, __ATOMIC_RELEASE);
	object->finalizer = NULL;
}

void life_lose(struct worker *worker, struct object *object)
{
	life_look(worker, object);
	if (object->usable_bytes != 0 && !shadow_leave(object->ptr, object->usable_bytes))
		model_fail(worker, "%p: another object took some of it", (void *)object->ptr);
	worker->live_bytes -= object->usable_bytes;
	*object = (struct object){0};
}

/* ---- what cannot be ------------------------------------------------------------------- */

static void refused(const struct worker *worker, const char *name, const void *ptr, int want)
{
	if (ptr != NULL || errno != want)
		model_fail(worker, "%s of what cannot be returned %p, errno %d", name, ptr, errno);
	errno = ERRNO_MARK;
}

/* Above PTRDIFF_MAX, or above any address space: too much for the kernel, not a word too
   much for size_t. */
static size_t size_impossible(struct worker *worker)
{
	static const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX, SIZE_MAX, SIZE_MAX - 4096,
		SIZE_MAX / 2 - 4096, (size_t)1 << 48};

	return sizes[choice_below(&worker->choice, sizeof(sizes) / sizeof(sizes[0]))] -
		choice_below(&worker->choice, 40);
}

void life_impossible(struct worker *worker, struct object *object)
{
	size_t bytes = size_impossible(worker), count = 2 + choice_below(&worker->choice, COUNT_MOST);
	void *out = worker;

	worker->operation = "what cannot be";
	errno = ERRNO_MARK;
	refused(worker, "malloc", malloc(bytes), ENOMEM);
	refused(worker, "calloc", calloc(bytes, count), ENOMEM);
	refused(worker, "calloc", calloc(1, bytes), ENOMEM);
	refused(worker, "reallocarray", reallocarray(NULL, count, bytes), ENOMEM);
	refused(worker, "memalign", memalign(64, bytes), ENOMEM);
	refused(worker, "memalign of an alignment", memalign(align_impossible, 1), EINVAL);
	refused(worker, "valloc", valloc(bytes), ENOMEM);
	refused(worker, "pvalloc", pvalloc(bytes), ENOMEM);
	int error = posix_memalign(&out, 64, bytes);
	if (error != ENOMEM || out != worker || errno != ERRNO_MARK)
		model_fail(worker, "posix_memalign: %d, errno %d", error, errno);
	error = posix_memalign(&out, 24, 8);
	if (error != EINVAL || out != worker || errno != ERRNO_MARK)
		model_fail(worker, "posix_memalign of 24: %d, errno %d", error, errno);
	if (mstat_alloc != NULL) {
		refused(worker, "mstat_alloc", mstat_alloc(bytes, MSTAT_NOSCAN), ENOMEM);
		refused(worker, "mstat_alloc", mstat_alloc(bytes, MSTAT_COLLECTABLE), ENOMEM);
		refused(worker, "mstat_alloc of a hint", mstat_alloc(8, 4), EINVAL);
	}
	if (object->ptr != NULL && object->family == FAMILY_C) {
		refused(worker, "realloc", realloc(object->ptr, bytes), ENOMEM);
		refused(worker, "reallocarray", reallocarray(object->ptr, count, bytes), ENOMEM);
		life_look(worker, object);
	}
	free(NULL);
	if (malloc_usable_size(NULL) != 0 || errno != ERRNO_MARK)
		model_fail(worker, "what is asked about NULL sets errno to %d", errno);
}
