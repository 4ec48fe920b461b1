#include "tests/preload/tally.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/tap.h"

/* In a checked process an object takes more than may be used of it, in ways that the model of
   tests/model knows: here its calls alone are counted. */
static bool is_checked;

static uint64_t class_bytes[MSTAT_SIZE_CLASSES_MAX];
static uint32_t class_count;
static uint8_t class_of_granule[TALLY_SMALL_MAX_BYTES / 16 + 1];

struct mstat_snapshot snapshot_take(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	if (mstat_snapshot(&now) != 0)
		abort();
	return now;
}

void tally_init(void)
{
	static const char *const modes[] = {"check:full", "check:sample", "efence:1"};
	const char *conf = getenv("MSTAT_CONF");
	struct mstat_snapshot now = snapshot_take();

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		is_checked |= conf != NULL && strstr(conf, modes[i]) != NULL;
	class_count = now.size_class_count;
	for (uint32_t class = 1; class < class_count; class++) {
		class_bytes[class] = now.by_size[class].size_bytes;
		class_of_granule[class_bytes[class] / 16] = (uint8_t)class;
	}
}

void tally_alloc(struct tally *tally, void *ptr, bool is_large)
{
	size_t bytes = malloc_usable_size(ptr);

	if (is_large) {
		tally->large_nmalloc++;
		tally->large_alloc_bytes += bytes;
	} else {
		tally->small[class_of_granule[bytes / 16]].nmalloc++;
	}
}

void tally_free(struct tally *tally, void *ptr, bool is_large)
{
	size_t bytes = malloc_usable_size(ptr);

	if (is_large) {
		tally->large_nfree++;
		tally->large_free_bytes += bytes;
	} else {
		tally->small[class_of_granule[bytes / 16]].nfree++;
	}
}

void tally_resized(struct tally *tally, size_t before_bytes, size_t after_bytes)
{
	if (after_bytes > before_bytes)
		tally->large_alloc_bytes += after_bytes - before_bytes;
	else
		tally->large_free_bytes += before_bytes - after_bytes;
}

void tally_add(struct tally *sum, const struct tally *part)
{
	for (uint32_t class = 0; class < class_count; class++) {
		sum->small[class].nmalloc += part->small[class].nmalloc;
		sum->small[class].nfree += part->small[class].nfree;
	}
	sum->large_nmalloc += part->large_nmalloc;
	sum->large_nfree += part->large_nfree;
	sum->large_alloc_bytes += part->large_alloc_bytes;
	sum->large_free_bytes += part->large_free_bytes;
}

/* What the tally comes to, over all sizes. */
struct sums {
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t total_alloc;
	uint64_t alloc; /* wraps: a difference */
};

static struct sums sums_of(const struct tally *tally)
{
	struct sums sums = {.nmalloc = tally->large_nmalloc,
		.nfree = tally->large_nfree,
		.total_alloc = tally->large_alloc_bytes,
		.alloc = tally->large_alloc_bytes - tally->large_free_bytes};

	for (uint32_t class = 0; class < class_count; class++) {
		sums.nmalloc += tally->small[class].nmalloc;
		sums.nfree += tally->small[class].nfree;
		sums.total_alloc += tally->small[class].nmalloc * class_bytes[class];
		sums.alloc += (tally->small[class].nmalloc - tally->small[class].nfree) *
			class_bytes[class];
	}
	return sums;
}

/* Notes a figure that differs. */
static bool is_equal(const char *what, uint64_t size, uint64_t want, uint64_t got)
{
	if (want != got)
		tap_note("%s of %lu: counted %lu, the books say %lu, %+ld", what, size, want, got,
			(long)(got - want));
	return want == got;
}

static unsigned rows_differ(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	unsigned bad = 0;

	for (uint32_t class = 1; class < class_count; class++) {
		const struct mstat_size_class *a = &before->by_size[class], *b = &after->by_size[class];
		bad += !is_equal("nmalloc", class_bytes[class], tally->small[class].nmalloc,
			b->nmalloc - a->nmalloc);
		bad += !is_equal("nfree", class_bytes[class], tally->small[class].nfree,
			b->nfree - a->nfree);
	}
	return bad;
}

bool tally_is_difference(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after, const char *name)
{
	struct sums sums = sums_of(tally);
	unsigned bad = is_checked ? 0 : rows_differ(tally, before, after);

	bad += !is_equal("nmalloc", 0, sums.nmalloc, after->nmalloc - before->nmalloc);
	bad += !is_equal("nfree", 0, sums.nfree, after->nfree - before->nfree);
	if (is_checked)
		return tap_ok(bad == 0, "%s", name);
	bad += !is_equal("total_alloc", 0, sums.total_alloc, after->total_alloc - before->total_alloc);
	bad += !is_equal("alloc", 0, sums.alloc, after->alloc - before->alloc);
	bad += !is_equal("large nmalloc", 0, tally->large_nmalloc,
		after->large_nmalloc - before->large_nmalloc);
	bad += !is_equal("large nfree", 0, tally->large_nfree,
		after->large_nfree - before->large_nfree);
	bad += !is_equal("large alloc", 0, tally->large_alloc_bytes - tally->large_free_bytes,
		after->large_alloc - before->large_alloc);
	return tap_ok(bad == 0, "%s", name);
}

bool tally_is_thread(const struct tally *tally, const struct mstat_thread_snapshot *before,
	const struct mstat_thread_snapshot *after, const char *name)
{
	struct sums sums = sums_of(tally);
	unsigned bad = 0;

	bad += !is_equal("thread's nmalloc", 0, sums.nmalloc, after->nmalloc - before->nmalloc);
	bad += !is_equal("thread's nfree", 0, sums.nfree, after->nfree - before->nfree);
	if (is_checked)
		return tap_ok(bad == 0, "%s", name);
	bad += !is_equal("thread's total_alloc", 0, sums.total_alloc,
		after->total_alloc - before->total_alloc);
	bad += !is_equal("thread's alloc", 0, sums.alloc, (uint64_t)(after->alloc - before->alloc));
	return tap_ok(bad == 0, "%s", name);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	int64_t difference = (int64_t)(a - b);

	return (uint64_t)(difference < 0 ? -difference : difference);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t tally_distance(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	struct sums sums = sums_of(tally);
	uint64_t most = distance(tally->large_nmalloc, after->large_nmalloc - before->large_nmalloc);

	if (is_checked)
		return larger(distance(sums.nmalloc, after->nmalloc - before->nmalloc),
			distance(sums.nfree, after->nfree - before->nfree));
	most = larger(most, distance(tally->large_nfree, after->large_nfree - before->large_nfree));
	for (uint32_t class = 1; class < class_count; class++) {
		const struct mstat_size_class *a = &before->by_size[class], *b = &after->by_size[class];
		most = larger(most, distance(tally->small[class].nmalloc, b->nmalloc - a->nmalloc));
		most = larger(most, distance(tally->small[class].nfree, b->nfree - a->nfree));
	}
	return most;
}

bool snapshot_adds_up(const struct mstat_snapshot *now, const char *name)
{
	uint64_t nmalloc = now->large_nmalloc, nfree = now->large_nfree, alloc = now->large_alloc;
	unsigned bad = 0;

	for (uint32_t class = 1; class < now->size_class_count; class++) {
		const struct mstat_size_class *row = &now->by_size[class];
		nmalloc += row->nmalloc;
		nfree += row->nfree;
		alloc += (row->nmalloc - row->nfree) * row->size_bytes;
	}
	for (size_t row = 1; row < sizeof(now->by_fine_size) / sizeof(now->by_fine_size[0]); row++) {
		nmalloc += now->by_fine_size[row].nmalloc;
		nfree += now->by_fine_size[row].nfree;
		alloc += (now->by_fine_size[row].nmalloc - now->by_fine_size[row].nfree) * 2 * row;
	}
	bad += !is_equal("nmalloc as a sum", 0, nmalloc, now->nmalloc);
	bad += !is_equal("nfree as a sum", 0, nfree, now->nfree);
	bad += !is_equal("alloc as a sum", 0, alloc, now->alloc);
	bad += !is_equal("heap_alloc", 0, now->alloc + now->magazine_bytes, now->heap_alloc);
	bad += !is_equal("heap_sys", 0, now->heap_inuse + now->heap_idle, now->heap_sys);
	bad += !is_equal("heap_inuse", 0, now->heap_alloc + now->span_free_bytes, now->heap_inuse);
	bad += !is_equal("heap_idle", 0,
		now->idle_kept_bytes + now->heap_released + now->never_used_bytes, now->heap_idle);
	bad += !is_equal("sys", 0, now->heap_sys + now->stacks_sys + now->metadata_bytes, now->sys);
	bad += now->total_alloc < now->alloc;
	return tap_ok(bad == 0, "%s", name);
}
