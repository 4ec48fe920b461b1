#include "tools/spans.h"

#include <stdlib.h>

/* Ranges that one address is looked for in: no function has as many aliases, nor
   symbols within it. */
enum { SPANS_TRIED_MAX = 64 };

bool spans_add(struct spans *spans, const struct span *span)
{
	if (span->start >= span->end)
		return true;
	if (spans->count == spans->room) {
		size_t more = spans->room == 0 ? 64 : 2 * spans->room;
		struct span *larger = reallocarray(spans->list, more, sizeof(*larger));
		if (larger == NULL)
			return false;
		spans->list = larger;
		spans->room = more;
	}
	spans->list[spans->count++] = *span;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

void spans_sort(struct spans *spans)
{
	if (spans->count > 0)
		qsort(spans->list, spans->count, sizeof(*spans->list), compare);
}

/* How many begin at the address or before it. */
static size_t count_before(const struct spans *spans, uint64_t address)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (spans->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct span *spans_nearest(const struct spans *spans, uint64_t address)
{
	size_t before = count_before(spans, address);

	for (size_t tried = 0; tried < before && tried < SPANS_TRIED_MAX; tried++) {
		const struct span *span = &spans->list[before - tried - 1];
		if (address < span->end)
			return span;
	}
	return NULL;
}

const struct span *spans_newest(const struct spans *spans, uint64_t address)
{
	size_t before = count_before(spans, address);
	const struct span *newest = NULL;

	for (size_t tried = 0; tried < before && tried < SPANS_TRIED_MAX; tried++) {
		const struct span *span = &spans->list[before - tried - 1];
		if (address < span->end && (newest == NULL || span->number > newest->number))
			newest = span;
	}
	return newest;
}

void spans_free(struct spans *spans)
{
	free(spans->list);
	*spans = (struct spans){0};
}
