#include "heap/stacks.h"

#include "base/bits.h"
#include "heap/publish.h"

static struct stacks_totals stacks;

void stacks_add(int64_t inuse_bytes, int64_t sys_bytes)
{
	lock_acquire(&page_heap_lock);
	word_add(&stacks.inuse_bytes, (uint64_t)inuse_bytes);
	word_add(&stacks.sys_bytes, (uint64_t)sys_bytes);
	publish_totals();
	lock_release(&page_heap_lock);
}

/* Between the two loads stacks may go back: then a sum of moments has less in use. */
struct stacks_totals stacks_read(void)
{
	uint64_t inuse_bytes = word_load(&stacks.inuse_bytes);
	uint64_t sys_bytes = word_load(&stacks.sys_bytes);

	return (struct stacks_totals){min_bytes(inuse_bytes, sys_bytes), sys_bytes};
}
