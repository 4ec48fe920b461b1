#include "stats/fields.h"

#include <string.h>

/* The one X-macro: a name cannot be printed otherwise. */
#define BYTES(name) {#name, offsetof(struct mstat_snapshot, name), true}
#define COUNT(name) {#name, offsetof(struct mstat_snapshot, name), false}

const struct stats_field stats_fields[] = {
	BYTES(alloc),
	BYTES(total_alloc),
	BYTES(sys),
	COUNT(nlookup),
	COUNT(nmalloc),
	COUNT(nfree),
	BYTES(heap_alloc),
	BYTES(heap_sys),
	BYTES(heap_idle),
	BYTES(heap_inuse),
	BYTES(heap_released),
	COUNT(heap_objects),
	BYTES(stacks_inuse),
	BYTES(stacks_sys),
	BYTES(magazine_bytes),
	BYTES(span_free_bytes),
	BYTES(idle_kept_bytes),
	BYTES(never_used_bytes),
	BYTES(metadata_bytes),
	COUNT(thread_count),
	COUNT(large_nmalloc),
	COUNT(large_nfree),
	BYTES(large_alloc),
	BYTES(span_released_bytes),
	BYTES(noscan_alloc),
	BYTES(tiny_alloc),
	COUNT(tiny_nmalloc),
	COUNT(tiny_nfree),
	BYTES(tiny_saved_bytes),
	BYTES(combinable_alloc),
	{NULL, 0, false}};

uint64_t stats_field_read(const struct mstat_snapshot *snapshot, const struct stats_field *field)
{
	uint64_t value;

	memcpy(&value, (const char *)snapshot + field->offset, sizeof(value));
	return value;
}

void stats_field_write(struct mstat_snapshot *snapshot, const struct stats_field *field,
	uint64_t value)
{
	memcpy((char *)snapshot + field->offset, &value, sizeof(value));
}
