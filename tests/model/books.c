#include "tests/model/books.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "tests/model/worker.h"

enum {
	SMALL_MAX_BYTES = 256 << 10,
	SHARED_MAX_BYTES = 32 << 10,
	PAGE_BYTES = 8192,
	OS_PAGE_BYTES = 4096,
	TAIL_BYTES = 8,
	GRANULE_BYTES = 16,
	BLOCK_BYTES = OBJECT_BLOCK_BYTES,
	OPEN_BLOCKS_MOST = 256 /* two a thread, and those that forked children lost */
};

static uint64_t class_bytes[MSTAT_SIZE_CLASSES_MAX];
static uint32_t class_count;
static uint8_t class_of_granule[SMALL_MAX_BYTES / GRANULE_BYTES + 1];
static char text[200];

bool books_init(void)
{
	if (mstat_snapshot == NULL || mstat_thread_snapshot == NULL)
		return false;
	struct mstat_snapshot now = books_read();
	class_count = now.size_class_count;
	for (uint32_t class = 1, granule = 0; class < class_count; class++) {
		class_bytes[class] = now.by_size[class].size_bytes;
		for (; granule <= class_bytes[class] / GRANULE_BYTES; granule++)
			class_of_granule[granule] = (uint8_t)class;
	}
	return true;
}

static uint32_t class_of(size_t bytes)
{
	return bytes <= SMALL_MAX_BYTES ? class_of_granule[(bytes + GRANULE_BYTES - 1) / GRANULE_BYTES] : 0;
}

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* As check/fence.c lays it out where an OS page has 4 KiB. */
static size_t fenced_bytes(size_t bytes, size_t align)
{
	size_t room = align <= PAGE_BYTES ? round_up(bytes, align) : bytes;

	return round_up(round_up(room, OS_PAGE_BYTES) + OS_PAGE_BYTES, PAGE_BYTES);
}

/* As check/small.c and check/large.c lay them out: 8 bytes behind each, a page before what
   has its pages to itself. */
void books_measure(struct object *object, size_t align_bytes, bool is_large)
{
	size_t align = align_bytes != 0 ? align_bytes : 1;
	size_t room = (object->usable_bytes + TAIL_BYTES + align - 1) / align * align;

	object->is_large = is_large;
	object->counted_bytes = object->usable_bytes;
	if (!plan.is_checked || object->usable_bytes == 0)
		return;
	bool is_fenced = plan.is_fenced && (!object->is_collectable || room > SHARED_MAX_BYTES);
	object->is_large = is_fenced || align > PAGE_BYTES || room > SHARED_MAX_BYTES;
	if (is_fenced)
		object->counted_bytes = fenced_bytes(object->usable_bytes, align);
	else if (object->is_large)
		object->counted_bytes = ((align <= PAGE_BYTES ? PAGE_BYTES : 0) + object->usable_bytes +
			TAIL_BYTES + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	else
		object->counted_bytes = class_bytes[class_of(room)];
}

size_t books_class_bytes(uint64_t number)
{
	if (class_count < 2)
		return GRANULE_BYTES << number % 14;
	return class_bytes[1 + number % (class_count - 1)];
}

struct mstat_snapshot books_read(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	if (mstat_snapshot != NULL)
		mstat_snapshot(&now);
	return now;
}

/* What is hinted, or could have been; `sign` 1 or -1. */
static void tally_hinted(struct tally *tally, const struct object *object, uint64_t sign)
{
	if (object->is_large)
		return;
	if (object->is_noscan)
		tally->noscan_bytes += sign * object->counted_bytes;
	else if (object->counted_bytes == BLOCK_BYTES)
		tally->combinable_bytes += sign * object->counted_bytes;
}

/* Of what was made with no memory left nobody knows the kind. */
static void tally_vague(struct tally *tally, const struct object *object)
{
	if (!object->is_vague)
		return;
	tally->noscan_is_vague = true;
	tally->tiny_is_vague |= object->counted_bytes == BLOCK_BYTES;
}

void tally_made(struct tally *tally, const struct object *object)
{
	if (object->usable_bytes == 0)
		return; /* the one address of no bytes */
	tally_vague(tally, object);
	if (object->is_tiny) {
		tally->tiny_nmalloc++;
		return;
	}
	tally_hinted(tally, object, 1);
	if (object->is_large) {
		tally->large_nmalloc++;
		tally->large_alloc_bytes += object->counted_bytes;
	} else {
		tally->small[class_of(object->counted_bytes)].nmalloc++;
	}
}

void tally_ended(struct tally *tally, const struct object *object)
{
	if (object->usable_bytes == 0)
		return;
	tally_vague(tally, object);
	if (object->is_tiny) {
		tally->tiny_nfree++;
		return;
	}
	tally_hinted(tally, object, -(uint64_t)1);
	if (object->is_large) {
		tally->large_nfree++;
		tally->large_free_bytes += object->counted_bytes;
	} else {
		tally->small[class_of(object->counted_bytes)].nfree++;
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
	sum->tiny_nmalloc += part->tiny_nmalloc;
	sum->tiny_nfree += part->tiny_nfree;
	sum->noscan_bytes += part->noscan_bytes;
	sum->combinable_bytes += part->combinable_bytes;
	sum->nlookup += part->nlookup;
	sum->is_vague |= part->is_vague;
	sum->tiny_is_vague |= part->tiny_is_vague;
	sum->noscan_is_vague |= part->noscan_is_vague;
}

struct stretch stretch_begin(void)
{
	struct stretch stretch = {.begin = {.struct_bytes = sizeof(stretch.begin)}};

	stretch.is_known = mstat_thread_snapshot != NULL &&
		mstat_thread_snapshot(0, &stretch.begin) == 0;
	return stretch;
}

void stretch_end(const struct stretch *stretch, struct tally *tally)
{
	struct mstat_thread_snapshot now = {.struct_bytes = sizeof(now)};

	if (!stretch->is_known || mstat_thread_snapshot(0, &now) != 0) {
		tally->is_vague = true;
		return;
	}
	uint64_t made = now.nmalloc - stretch->begin.nmalloc, freed = now.nfree - stretch->begin.nfree;
	uint64_t made_bytes = now.total_alloc - stretch->begin.total_alloc;
	uint64_t freed_bytes = made_bytes - (uint64_t)(now.alloc - stretch->begin.alloc);
	if (plan.is_fenced) {
		tally->large_nmalloc += made;
		tally->large_nfree += freed;
		tally->large_alloc_bytes += made_bytes;
		tally->large_free_bytes += freed_bytes;
		return;
	}
	/* Of several of one class the mean is that class's; of others it may not be. */
	uint32_t made_class = made != 0 ? class_of(made_bytes / made) : 0;
	uint32_t freed_class = freed != 0 ? class_of(freed_bytes / freed) : 0;
	if ((made != 0 && class_bytes[made_class] * made != made_bytes) ||
		(freed != 0 && class_bytes[freed_class] * freed != freed_bytes)) {
		tally->is_vague = true;
		return;
	}
	tally->small[made_class].nmalloc += made;
	tally->small[freed_class].nfree += freed;
	if (made != 0 && class_bytes[made_class] == BLOCK_BYTES)
		tally->combinable_bytes += made * BLOCK_BYTES;
	if (freed != 0 && class_bytes[freed_class] == BLOCK_BYTES)
		tally->combinable_bytes -= freed * BLOCK_BYTES;
}

static bool differs(const char *what, uint64_t size, uint64_t want, uint64_t got)
{
	if (want == got)
		return false;
	snprintf(text, sizeof(text), "the books: %s of %lu is %lu, should be %lu (%+ld)", what, size,
		got, want, (long)(got - want));
	return true;
}

static bool rows_differ(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	for (uint32_t class = 1; class < class_count; class++) {
		const struct mstat_size_class *a = &before->by_size[class], *b = &after->by_size[class];
		uint64_t made = b->nmalloc - a->nmalloc - tally->small[class].nmalloc;
		uint64_t freed = b->nfree - a->nfree - tally->small[class].nfree;
		int64_t blocks = 0;
		if (class_bytes[class] == BLOCK_BYTES && tally->tiny_is_vague)
			continue;
		if (class_bytes[class] == BLOCK_BYTES && (int64_t)freed >= 0) {
			blocks = (int64_t)(after->tiny_alloc - before->tiny_alloc) / BLOCK_BYTES;
			made -= freed;
			freed = 0;
		}
		if (differs("nmalloc beyond the model's", class_bytes[class], (uint64_t)blocks, made) ||
			differs("nfree beyond the model's", class_bytes[class], 0, freed))
			return true;
	}
	return false;
}

/* Where it is not known which of them are counted as large ones: all together. */
static bool calls_differ(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	uint64_t made = tally->large_nmalloc, freed = tally->large_nfree;
	int64_t blocks = (int64_t)(after->tiny_alloc - before->tiny_alloc) / BLOCK_BYTES;

	for (uint32_t class = 1; class < class_count; class++) {
		made += tally->small[class].nmalloc;
		freed += tally->small[class].nfree;
	}
	made = after->nmalloc - before->nmalloc - made;
	freed = after->nfree - before->nfree - freed;
	return !tally->tiny_is_vague && differs("nmalloc less nfree beyond the model's", 0,
		(uint64_t)blocks, made - freed);
}

/* What mstat.h says of its sums. */
static bool sums_differ(const struct mstat_snapshot *now)
{
	uint64_t nmalloc = now->large_nmalloc, nfree = now->large_nfree, alloc = now->large_alloc;

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
	return differs("nmalloc, a sum", 0, nmalloc, now->nmalloc) ||
		differs("nfree, a sum", 0, nfree, now->nfree) ||
		differs("alloc, a sum", 0, alloc, now->alloc) ||
		differs("heap_alloc", 0, now->alloc + now->magazine_bytes, now->heap_alloc) ||
		differs("heap_sys", 0, now->heap_inuse + now->heap_idle, now->heap_sys) ||
		differs("heap_inuse", 0, now->heap_alloc + now->span_free_bytes, now->heap_inuse) ||
		differs("heap_idle", 0,
			now->idle_kept_bytes + now->heap_released + now->never_used_bytes,
			now->heap_idle) ||
		differs("sys", 0, now->heap_sys + now->stacks_sys + now->metadata_bytes, now->sys);
}

static bool tiny_differs(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	uint64_t live = after->tiny_nmalloc - after->tiny_nfree, blocks = after->tiny_alloc / BLOCK_BYTES;

	return differs("tiny_nmalloc", 0, tally->tiny_nmalloc,
		       after->tiny_nmalloc - before->tiny_nmalloc) ||
		differs("tiny_nfree", 0, tally->tiny_nfree, after->tiny_nfree - before->tiny_nfree) ||
		differs("there being too many tiny blocks", live, 0, blocks > live + OPEN_BLOCKS_MOST) ||
		differs("there being too few tiny blocks", live, 0, blocks * BLOCK_BYTES < live);
}

static bool noscan_differs(const struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	uint64_t noscan = (after->noscan_alloc - after->tiny_alloc) -
		(before->noscan_alloc - before->tiny_alloc);

	return differs("noscan_alloc", 0, tally->noscan_bytes, noscan) ||
		differs("combinable_alloc", 0, tally->combinable_bytes,
			after->combinable_alloc - before->combinable_alloc);
}

/* Objects below 16 bytes come in classes of their own, where there are many. */
static bool has_fine(const struct mstat_snapshot *now)
{
	uint64_t nmalloc = 0;

	for (size_t row = 1; row < sizeof(now->by_fine_size) / sizeof(now->by_fine_size[0]); row++)
		nmalloc += now->by_fine_size[row].nmalloc;
	return nmalloc != 0;
}

const char *books_differ(const struct tally *model, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after)
{
	struct tally known = *model, *tally = &known;

	tally->tiny_is_vague |= has_fine(after);
	bool bad = sums_differ(after) ||
		(!tally->tiny_is_vague && tiny_differs(tally, before, after)) ||
		differs("nlookup", 0, tally->nlookup, after->nlookup - before->nlookup);

	if (!bad && !tally->is_vague && plan.is_sampled)
		bad = calls_differ(tally, before, after);
	else if (!bad && !tally->is_vague)
		bad = rows_differ(tally, before, after) ||
			differs("large_nmalloc", 0, tally->large_nmalloc,
				after->large_nmalloc - before->large_nmalloc) ||
			differs("large_nfree", 0, tally->large_nfree,
				after->large_nfree - before->large_nfree) ||
			differs("large_alloc", 0,
				tally->large_alloc_bytes - tally->large_free_bytes,
				after->large_alloc - before->large_alloc);
	if (!bad && !tally->is_vague && !tally->noscan_is_vague && !tally->tiny_is_vague &&
		!plan.is_sampled)
		bad = noscan_differs(tally, before, after);
	return bad ? text : NULL;
}

const char *books_collected(struct tally *tally, const struct mstat_snapshot *before,
	const struct mstat_snapshot *after, uint64_t most)
{
	uint64_t count = 0;

	for (uint32_t class = 1; class < class_count; class++) {
		uint64_t freed = after->by_size[class].nfree - before->by_size[class].nfree;
		if (class_bytes[class] == BLOCK_BYTES)
			freed -= (before->tiny_alloc - after->tiny_alloc) / BLOCK_BYTES;
		tally->small[class].nfree += freed;
		count += freed;
	}
	uint64_t large = after->large_nfree - before->large_nfree;
	uint64_t tiny = after->tiny_nfree - before->tiny_nfree;
	tally->large_nfree += large;
	tally->large_free_bytes += before->large_alloc - after->large_alloc;
	tally->tiny_nfree += tiny;
	tally->noscan_bytes -= (before->noscan_alloc - before->tiny_alloc) -
		(after->noscan_alloc - after->tiny_alloc);
	tally->combinable_bytes -= before->combinable_alloc - after->combinable_alloc;
	return count + large + tiny > most &&
			differs("objects collected", 0, most, count + large + tiny)
		? text
		: NULL;
}
