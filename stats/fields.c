#include "stats/fields.h"

#include "include/mstat.h"

/* The one X-macro: a name cannot be printed otherwise. */
#define FIELD(name) {#name, offsetof(struct mstat_snapshot, name)}

const struct stats_field stats_fields[] = {
	FIELD(alloc), FIELD(total_alloc), FIELD(sys), FIELD(nlookup), FIELD(nmalloc),
	FIELD(nfree), FIELD(heap_alloc), FIELD(heap_sys), FIELD(heap_idle), FIELD(heap_inuse),
	FIELD(heap_released), FIELD(heap_objects), FIELD(stacks_inuse), FIELD(stacks_sys),
	FIELD(magazine_bytes), FIELD(span_free_bytes), FIELD(idle_kept_bytes),
	FIELD(never_used_bytes), FIELD(metadata_bytes), FIELD(thread_count),
	FIELD(large_nmalloc), FIELD(large_nfree), FIELD(large_alloc), {NULL, 0}};
