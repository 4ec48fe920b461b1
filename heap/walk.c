#include "heap/walk.h"

#include "base/bits.h"
#include "heap/cache.h"

static bool slots_hold(void *const *slots, uint32_t count, const void *object)
{
	for (uint32_t i = 0; i < count; i++)
		if (word_load(&slots[i]) == object)
			return true;
	return false;
}

static bool magazine_holds(struct cache *cache, uint32_t class, const void *object)
{
	uint32_t held = cache_held(cache, class);

	return slots_hold(cache_slots(cache) + word_load(&cache->magazines[class].bottom) + 1, held,
		object);
}

bool walk_is_live(const struct span *span, const void *object)
{
	const struct central *central = &centrals[span->class];
	size_t offset = (size_t)((const char *)object - span_address(span));

	uint32_t number = size_class_index(span->class, offset);

	if (number >= span->carved_count || number < span->lead || span_is_home(span, object) ||
		slots_hold(central->stack, central->stacked_count, object))
		return false;
	for (uint32_t index = 0; index < cache_count(); index++)
		if (magazine_holds(cache_at(index), span->class, object))
			return false;
	return true;
}
