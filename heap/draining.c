#include "heap/draining.h"

#include "base/bits.h"
#include "base/config.h"

enum {
	FREE_SHARE = 4,  /* of what is out: so much is free before any span drains */
	SPARE_SHARE = 8, /* and so much is left to be handed out */
	/* A class with less has nothing worth the trouble. */
	FREE_MIN_BYTES = 256 << 10,
	SPARE_MIN_SPANS = 2,
	FIRST_LIST = 2, /* about a quarter free */
	BEGIN_MOST = 8192 /* spans at a time: a millisecond, under the class's lock */
};

static uint64_t free_objects(uint32_t class)
{
	const struct central *central = &centrals[class];
	uint64_t objects = central_span_objects(class);
	uint64_t taken = word_load(&central->out_objects) + word_load(&central->stacked_count) +
		word_load(&central->draining_free);

	return objects > taken ? objects - taken : 0;
}

static uint64_t spare_objects(uint32_t class)
{
	return max_bytes(word_load(&centrals[class].out_objects) / SPARE_SHARE,
		(size_t)SPARE_MIN_SPANS * size_classes[class].span_objects);
}

bool draining_is_due(uint32_t class)
{
	uint64_t free = free_objects(class);

	return (CONFIG_TORTURE || free * size_classes[class].object_bytes > FREE_MIN_BYTES) &&
		free > word_load(&centrals[class].out_objects) / FREE_SHARE &&
		free > 2 * spare_objects(class);
}

static void span_begin(struct central *central, struct span *span)
{
	span_list_remove(span);
	span_list_push(&central->draining, span);
	span->list = SPAN_DRAINING;
	word_add(&central->draining_free, span_free_objects(span));
	span_map(span);
}

void draining_begin(uint32_t class)
{
	struct central *central = &centrals[class];
	uint64_t free = free_objects(class), spare = spare_objects(class);
	uint32_t begun = 0;

	for (int list = CENTRAL_FULLNESS_LISTS - 1; list >= FIRST_LIST; list--) {
		while (central->partial[list] != NULL && free > spare &&
			begun++ < BEGIN_MOST) {
			struct span *span = central->partial[list];
			free -= min_bytes(free, span_free_objects(span));
			span_begin(central, span);
		}
	}
}

void draining_forget(struct central *central, struct span *span)
{
	span_list_remove(span);
	span->list = 0;
	word_subtract(&central->draining_free, span_free_objects(span));
}

struct span *draining_end_one(struct central *central)
{
	struct span *span = central->draining;

	if (span == NULL)
		return NULL;
	draining_forget(central, span);
	span_map(span);
	return span;
}
