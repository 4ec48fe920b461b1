#include "profile/collect.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "heap/slowpath.h"
#include "profile/reach.h"
#include "profile/world.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"
#include "tinyalloc/tiny.h"

/* What the copy tells, in memory that both have. */
struct findings {
	uint64_t is_whole;
	uint64_t count;
	uint64_t most;
	void *lost[];
};

static struct {
	bool is_running;
	struct findings *findings;
	size_t findings_bytes;
} collection;

static void findings_map(uint64_t most)
{
	size_t bytes = sizeof(struct findings) + most * sizeof(void *);
	struct findings *findings = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (findings == MAP_FAILED)
		return;
	findings->most = most;
	collection.findings = findings;
	collection.findings_bytes = bytes;
}

static void when_still(void *arg)
{
	(void)arg;
	tiny_drop_collectable();
	findings_map(reach_collectable_most());
}

static void note_lost(void *object, void *arg)
{
	struct findings *findings = arg;

	if (findings->count < findings->most)
		findings->lost[findings->count++] = object;
}

static void in_copy(void *arg)
{
	(void)arg;
	if (collection.findings != NULL && reach_collectable(note_lost, collection.findings))
		collection.findings->is_whole = 1;
}

/* Returns how many were freed or finalized. */
static uint32_t object_collect(void *object)
{
	struct span *span = span_containing(object);
	size_t bytes = span->kind == SPAN_SMALL ? size_classes[span->class].object_bytes
						: (size_t)span->page_count << PAGE_SHIFT;
	bool is_tiny = span->kind == SPAN_SMALL && span->class == SIZE_CLASS_TINY;
	struct special_chain chain = {0};

	if (word_load(&span->special) != 0)
		chain = special_take(span, object, bytes);
	if (chain.first == 0)
		special_end_tag(&chain);
	else
		special_tie_tag(&chain, object); /* it lives on */
	if (chain.first != 0) {
		uint32_t live = is_tiny ? tiny_count(object) : 1;
		special_run(&chain, 0);
		return live;
	}
	if (is_tiny)
		return tiny_collect(object);
	object_free_for(object, NULL);
	return 1;
}

static int sweep(uint64_t *count)
{
	const struct findings *findings = collection.findings;

	if (findings == NULL || !findings->is_whole)
		return ENOMEM;
	for (uint64_t i = 0; i < findings->count; i++)
		*count += object_collect(findings->lost[i]);
	return 0;
}

static int collect(uint64_t *count)
{
	struct world_job job = {.when_still = when_still, .in_copy = in_copy};
	pid_t copy;
	int error = world_copy(&job, &copy);

	if (error == 0)
		error = world_wait(copy) ? sweep(count) : ENOMEM;
	if (collection.findings != NULL)
		munmap(collection.findings, collection.findings_bytes);
	collection.findings = NULL;
	return error;
}

int collect_now(uint64_t *count)
{
	*count = 0;
	if (!heap_init())
		return ENOMEM;
	heap_process_look();
	if (__atomic_exchange_n(&collection.is_running, true, __ATOMIC_ACQUIRE))
		return EBUSY;
	int cancel_state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	int error = collect(count);
	__atomic_store_n(&collection.is_running, false, __ATOMIC_RELEASE);
	pthread_setcancelstate(cancel_state, NULL);
	return error;
}

void collect_forget(void)
{
	collection.findings = NULL;
	word_store(&collection.is_running, false);
}
