#include "heap/walk.h"

#include "heap/cache.h"

static bool slots_hold(void *const *slots, uint32_t count, const void *object)
{
	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(&slots[i], __ATOMIC_RELAXED) == object)
			return true;
	return false;
}

static bool magazine_holds(struct cache *cache, uint32_t class, const void *object)
{
	const struct magazine *magazine = &cache->magazines[class];
	uint16_t top = __atomic_load_n(&magazine->top, __ATOMIC_RELAXED);

	return slots_hold(cache_slots(cache) + magazine->bottom + 1,
		(uint32_t)(top - magazine->bottom), object);
}

bool walk_is_live(const struct span *span, const void *object)
{
	const struct central *central = &centrals[span->class];
	size_t offset = (size_t)((const char *)object - span_address(span));

	if (size_class_index(span->class, offset) >= span->carved_count ||
		span_is_home(span, object) ||
		slots_hold(central->stack, central->stacked_count, object))
		return false;
	for (uint32_t index = 0; index < cache_count(); index++)
		if (magazine_holds(cache_at(index), span->class, object))
			return false;
	return true;
}
