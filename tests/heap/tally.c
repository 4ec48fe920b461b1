#include "tests/heap/tally.h"

#include <string.h>

#include "heap/heap.h"
#include "heap/snapshot.h"
#include "heap/span.h"
#include "tests/suite.h"

uint32_t tally_class(const void *ptr)
{
	const struct span *span = span_containing(ptr);

	ck_assert_ptr_nonnull(span);
	return span->kind == SPAN_SMALL ? size_class_unhinted(span->class) : 0;
}

void tally_alloc(struct tally *tally, const void *ptr)
{
	size_t bytes = heap_usable_bytes(ptr, NULL);

	tally->nmalloc[tally_class(ptr)]++;
	tally->total_alloc += bytes;
	tally->alloc += (int64_t)bytes;
}

void tally_free(struct tally *tally, const void *ptr)
{
	tally->nfree[tally_class(ptr)]++;
	tally->alloc -= (int64_t)heap_usable_bytes(ptr, NULL);
}

void tally_realloc(struct tally *tally, const void *old, uint32_t class, size_t bytes,
	const void *ptr)
{
	size_t now = heap_usable_bytes(ptr, NULL);

	if (ptr != old) {
		tally->nfree[class]++;
		tally->alloc -= (int64_t)bytes;
		tally_alloc(tally, ptr);
		return;
	}
	/* Where it stands: pages come or go, and it is the same allocation. */
	ck_assert_uint_eq(tally_class(ptr), class);
	tally->alloc += (int64_t)now - (int64_t)bytes;
	if (now > bytes)
		tally->total_alloc += now - bytes;
}

void tally_add(struct tally *sum, const struct tally *part)
{
	for (uint32_t class = 0; class < SIZED_CLASS_COUNT; class++) {
		sum->nmalloc[class] += part->nmalloc[class];
		sum->nfree[class] += part->nfree[class];
	}
	sum->total_alloc += part->total_alloc;
	sum->alloc += part->alloc;
}

void tally_check_sums(const struct mstat_snapshot *snapshot)
{
	uint64_t nmalloc = snapshot->large_nmalloc, nfree = snapshot->large_nfree;
	uint64_t live = snapshot->large_alloc;

	for (uint32_t class = 1; class < snapshot->size_class_count; class++) {
		const struct mstat_size_class *row = &snapshot->by_size[class];
		ck_assert_uint_ge(row->nmalloc, row->nfree);
		nmalloc += row->nmalloc;
		nfree += row->nfree;
		live += (row->nmalloc - row->nfree) * row->size_bytes;
	}
	for (uint32_t class = 1; class <= FINE_CLASS_COUNT; class++) {
		const struct mstat_size_class *row = &snapshot->by_fine_size[class];
		ck_assert_uint_ge(row->nmalloc, row->nfree);
		nmalloc += row->nmalloc;
		nfree += row->nfree;
		live += (row->nmalloc - row->nfree) * row->size_bytes;
	}
	ck_assert_uint_eq(snapshot->nmalloc, nmalloc);
	ck_assert_uint_eq(snapshot->nfree, nfree);
	ck_assert_uint_eq(snapshot->alloc, live);
	ck_assert_uint_ge(snapshot->total_alloc, snapshot->alloc);
	ck_assert_uint_eq(snapshot->heap_alloc, snapshot->alloc + snapshot->magazine_bytes);
	ck_assert_uint_eq(snapshot->heap_sys, snapshot->heap_inuse + snapshot->heap_idle);
	ck_assert_uint_eq(snapshot->heap_inuse, snapshot->heap_alloc + snapshot->span_free_bytes);
	ck_assert_uint_eq(snapshot->heap_idle,
		snapshot->idle_kept_bytes + snapshot->heap_released + snapshot->never_used_bytes);
	ck_assert_uint_eq(snapshot->sys,
		snapshot->heap_sys + snapshot->stacks_sys + snapshot->metadata_bytes);
}

struct mstat_snapshot snapshot_now(void)
{
	struct mstat_snapshot snapshot;

	memset(&snapshot, 0xff, sizeof(snapshot));
	heap_snapshot(&snapshot);
	tally_check_sums(&snapshot);
	return snapshot;
}

void tally_compare(const struct tally *tally, const struct mstat_snapshot *snapshot)
{
	tally_check_sums(snapshot);
	for (uint32_t class = 1; class < SIZED_CLASS_COUNT; class++) {
		ck_assert_uint_eq(snapshot->by_size[class].nmalloc, tally->nmalloc[class]);
		ck_assert_uint_eq(snapshot->by_size[class].nfree, tally->nfree[class]);
	}
	ck_assert_uint_eq(snapshot->large_nmalloc, tally->nmalloc[0]);
	ck_assert_uint_eq(snapshot->large_nfree, tally->nfree[0]);
	ck_assert_int_eq((int64_t)snapshot->alloc, tally->alloc);
	ck_assert_uint_eq(snapshot->total_alloc, tally->total_alloc);
}
