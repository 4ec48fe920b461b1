#include "tools/tags.h"

#include <stdlib.h>
#include <string.h>

static uint64_t left(uint64_t came, uint64_t went)
{
	return came > went ? came - went : 0;
}

uint64_t tag_live_objects(const struct site_tag *tag)
{
	return left(tag->allocated_objects, tag->freed_objects);
}

uint64_t tag_live_bytes(const struct site_tag *tag)
{
	return left(tag->allocated_bytes, tag->freed_bytes);
}

bool tags_sum(const struct sites *sites, struct site_sum *sums)
{
	/* Of each frame the innermost tag that it is in: its callers come before it. */
	uint32_t *tags = calloc(sites->frame_count + 1, sizeof(*tags));

	if (tags == NULL)
		return false;
	for (size_t i = 1; i < sites->frame_count; i++) {
		const struct site_frame *frame = &sites->frames[i];
		tags[i] = frame->tag != 0 ? frame->tag : tags[frame->caller];
	}
	memset(sums, 0, sites->tag_count * sizeof(*sums));
	for (size_t i = 0; i < sites->count; i++) {
		uint32_t tag = tags[sites->list[i].frame];
		if (tag != 0)
			site_sum_add(&sums[tag - 1], &sites->list[i].live);
	}
	free(tags);
	return true;
}

struct order {
	const struct site_tag *tags;
	const struct site_sum *sums;
};

static double bytes_of(const struct order *order, uint32_t tag)
{
	return order->tags[tag].scope_count != 0 ? (double)tag_live_bytes(&order->tags[tag])
						 : order->sums[tag].bytes;
}

static int compare(const void *a, const void *b, void *order)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
	double first_bytes = bytes_of(order, first), second_bytes = bytes_of(order, second);

	if (first_bytes != second_bytes)
		return first_bytes < second_bytes ? 1 : -1;
	return (first > second) - (first < second);
}

uint32_t *tags_by_bytes(const struct sites *sites, const struct site_sum *sums)
{
	uint32_t *list = calloc(sites->tag_count + 1, sizeof(*list));
	struct order order = {sites->tags, sums};

	if (list == NULL)
		return NULL;
	for (uint32_t i = 0; i < sites->tag_count; i++)
		list[i] = i;
	qsort_r(list, sites->tag_count, sizeof(*list), compare, &order);
	return list;
}
