#include "tests/model/object.h"

#include <string.h>

#include "tests/model/worker.h"

enum {
	WHOLE_MAX_BYTES = 8 << 10, /* beyond, the ends and samples */
	END_BYTES = 256,
	SAMPLE_BYTES = 8,
	SAMPLES_MOST = 64,
	SAMPLE_MIN_STEP_BYTES = 4096
};

bool object_is_nothing(const struct object *object)
{
	return object->usable_bytes == 0 && (!plan.is_checked || object->ptr == plan.nothing);
}

static uint64_t pattern(const struct object *object, size_t at)
{
	uint64_t word = (object->number + at) * 0x9e3779b97f4a7c15u;

	return word ^ word >> 29;
}

/* A visitor of the parts that are looked at; returns where it was not content. */
typedef size_t part_fn(const struct object *object, size_t from, size_t to);

static size_t fill_part(const struct object *object, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += sizeof(uint64_t)) {
		uint64_t word = pattern(object, at);
		memcpy(object->ptr + at, &word, to - at < sizeof(word) ? to - at : sizeof(word));
	}
	return SIZE_MAX;
}

static size_t compare(const char *got, const void *want, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (got[i] != ((const char *)want)[i])
			return i;
	return SIZE_MAX;
}

static size_t check_part(const struct object *object, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += sizeof(uint64_t)) {
		uint64_t want = pattern(object, at);
		size_t bytes = to - at < sizeof(want) ? to - at : sizeof(want);
		if (memcmp(object->ptr + at, &want, bytes) != 0)
			return at + compare(object->ptr + at, &want, bytes);
	}
	return SIZE_MAX;
}

static size_t zero_part(const struct object *object, size_t from, size_t to)
{
	for (size_t at = from; at < to; at++)
		if (object->ptr[at] != 0)
			return at;
	return SIZE_MAX;
}

/* Where parts begin follows from the object, not from how much of it is looked at, so that
   what realloc() kept is found again. */
static size_t visit(const struct object *object, size_t bytes, part_fn *visitor)
{
	size_t usable = object->usable_bytes, bad;
	size_t head = usable <= WHOLE_MAX_BYTES ? usable : END_BYTES;
	size_t tail = (usable - (usable - head < END_BYTES ? usable - head : END_BYTES)) & ~(size_t)7;

	bad = visitor(object, 0, head < bytes ? head : bytes);
	if (bad != SIZE_MAX || usable <= WHOLE_MAX_BYTES)
		return bad;
	size_t step = usable / SAMPLES_MOST & ~(size_t)7;
	step = step > SAMPLE_MIN_STEP_BYTES ? step : SAMPLE_MIN_STEP_BYTES;
	for (size_t at = step; at + SAMPLE_BYTES <= tail && at + SAMPLE_BYTES <= bytes; at += step) {
		bad = visitor(object, at, at + SAMPLE_BYTES);
		if (bad != SIZE_MAX)
			return bad;
	}
	return tail < bytes ? visitor(object, tail, bytes) : SIZE_MAX;
}

void object_fill(const struct object *object)
{
	visit(object, object->usable_bytes, fill_part);
}

size_t object_wrong_at(const struct object *object, size_t bytes)
{
	return visit(object, bytes, check_part);
}

size_t object_dirty_at(const struct object *object, size_t bytes)
{
	if (bytes <= 8 * WHOLE_MAX_BYTES)
		return zero_part(object, 0, bytes);
	return visit(object, bytes, zero_part);
}
