#include "profile/fragments.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "base/pagemap.h"
#include "heap/checks.h"
#include "profile/frames.h"
#include "profile/mark.h"
#include "profile/reach.h"
#include "profile/sites.h"
#include "tinyalloc/special.h"

enum { OS_PAGES_MOST = 128, CLASSES = SIZE_CLASS_COUNT };

BULKY uint64_t fragments_pagemap_entries[OS_PAGES_MOST];

/* A row for each class, one for each of which nothing is known, and one for each frame. */
static struct {
	struct survey_header *header;
	struct survey_fragment *rows;
	uint32_t frames;
	struct pagemap pagemap;
	double shares[CLASSES]; /* of all samples of a class: w F / n */
	double *span_pinned;    /* F / n, and one, by a span's first page; 0: it is no span's that has objects */
} state;

static const size_t FIRST_FRAME = (size_t)2 * CLASSES;

/* Of one span, by its OS pages. */
struct pages {
	size_t count;
	bool is_there[OS_PAGES_MOST];
	uint32_t live_bytes[OS_PAGES_MOST];
};

/* What one span has. */
struct sum {
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t free_bytes;
	uint64_t missing_bytes;
};

static struct survey_fragment *row_of_class(uint32_t class)
{
	return &state.rows[class];
}

static struct survey_fragment *row_of_unknown(uint32_t class)
{
	return &state.rows[CLASSES + class];
}

static struct survey_fragment *row_of_frame(uint32_t frame)
{
	return &state.rows[FIRST_FRAME + frame];
}

static size_t rows_count(void)
{
	return FIRST_FRAME + state.frames;
}

static void *memory(size_t bytes)
{
	return os_map(bits_round_up(bytes, os_page_bytes()));
}

static bool tables_make(void)
{
	state.frames = frames_count() + 1;
	state.rows = memory(rows_count() * sizeof(*state.rows));
	state.span_pinned = memory((arena.page_count + 1) * sizeof(*state.span_pinned));
	return state.rows != NULL && state.span_pinned != NULL;
}

static bool is_shared(const struct span *span)
{
	return span->kind == SPAN_SMALL && size_classes[span->class].span_objects > 1;
}

static bool follow_none(const struct span *span)
{
	(void)span;
	return false;
}

/* ---- what is where in a span --------------------------------------------------------------- */

static void pages_read(struct pages *pages, const struct span *span)
{
	size_t os_bytes = os_page_bytes(), bytes = (size_t)span->page_count << PAGE_SHIFT;
	uintptr_t start = (uintptr_t)span_address(span), at = start, from;

	memset(pages, 0, sizeof(*pages));
	pages->count = bytes / os_bytes;
	if (state.pagemap.fd < 0) {
		memset(pages->is_there, true, pages->count);
		return;
	}
	while (pagemap_next(&state.pagemap, &at, start + bytes, &from))
		for (size_t page = (from - start) / os_bytes; page < (at - start) / os_bytes; page++)
			pages->is_there[page] = true;
}

struct living {
	struct pages *pages;
	struct sum *sum;
};

static void living_note(const struct mark_object *object, void *arg)
{
	const struct living *living = arg;
	size_t os_bytes = os_page_bytes(), bytes = size_classes[object->span->class].object_bytes;
	size_t from = object->index * bytes, to = from + bytes;

	living->sum->live_objects++;
	while (from < to) {
		size_t page = from / os_bytes;
		size_t end = min_bytes((page + 1) * os_bytes, to);
		living->pages->live_bytes[page] += (uint32_t)(end - from);
		from = end;
	}
}

/* How much of a page nobody can be given: what stands behind the objects. */
static size_t tail_bytes(const struct span *span, size_t page)
{
	size_t end = (page + 1) * os_page_bytes();
	size_t tail = (size_t)(span_records(span) - span_address(span));

	if (!size_class_has_tail(span->class) || tail >= end)
		return 0;
	return min_bytes(end - tail, os_page_bytes());
}

static struct sum span_sum(const struct span *span)
{
	static struct pages pages;
	struct sum sum = {0};
	struct living living = {&pages, &sum};

	pages_read(&pages, span);
	mark_visit_others(MARK_MARKED, span, living_note, &living);
	for (size_t page = 0; page < pages.count; page++)
		if (pages.is_there[page]) {
			sum.live_bytes += pages.live_bytes[page];
			sum.free_bytes += os_page_bytes() - pages.live_bytes[page] - tail_bytes(span, page);
		} else {
			sum.missing_bytes += os_page_bytes();
		}
	return sum;
}

/* ---- whose it is --------------------------------------------------------------------------- */

/* In a checked process each object's site is known. */
static void known_note(const struct mark_object *object, void *arg)
{
	const double *share = arg;
	const void *start = (const void *)mark_object_start(object);
	uint32_t frame = heap_checks->allocated_at(object->span, start);
	struct survey_fragment *row = frame != 0 ? row_of_frame(frame) : row_of_unknown(object->span->class);

	row->objects++;
	row->bytes += (double)reach_object_bytes(object->span, start);
	row->pinned_bytes += *share;
}

/* What an object like this one pins in the span where it would be. */
static double pinned_by(uint32_t class, const struct span *span, uint32_t home)
{
	const struct size_class *row = &size_classes[class];
	size_t page = home != 0 ? home - 1 : span_page(span);

	page -= home != 0 && arena_holds(page) ? arena.page_info[page] & PAGE_BACK_MASK : 0;
	const struct span *at = arena.spans + page;
	if (arena_holds(page) && is_shared(at) && at->class == class && state.span_pinned[page] != 0)
		return state.span_pinned[page] - 1;
	return (double)((row->span_pages << PAGE_SHIFT) - row->object_bytes);
}

/* The class of a sample's size: one that is placed (heap/checks.h) is in a large object's span. */
static uint32_t class_of_sample(const struct span *span, const struct special_sample *sample)
{
	if (span->kind == SPAN_SMALL)
		return span->class;
	if (span->class != SIZE_FAMILY_PLAIN && size_class_has_fine && sample->bytes < TINY_BLOCK_BYTES)
		return size_class_fitted[max_bytes(sample->bytes, 1)];
	return sample->bytes <= SMALL_MAX_BYTES ? size_class_of(max_bytes(sample->bytes, 1)) + span->class : 0;
}

static bool is_of_shared(uint32_t class)
{
	return class != 0 && class < CLASSES && size_classes[class].span_objects > 1;
}

static double share_of(const struct span *span, const struct special_sample *sample, uint32_t home,
	uint32_t class)
{
	return (double)sample->weight * pinned_by(class, span, home);
}

static void sample_sum(const struct span *span, const struct special_sample *sample, uint32_t home)
{
	uint32_t class = class_of_sample(span, sample);

	if (is_of_shared(class) && sites_frame(sample->site) != 0)
		state.shares[class] += share_of(span, sample, home, class);
}

static void sample_note(const struct span *span, const struct special_sample *sample, uint32_t home)
{
	uint32_t class = class_of_sample(span, sample), frame = sites_frame(sample->site);

	if (!is_of_shared(class) || frame == 0)
		return;
	struct survey_fragment *row = row_of_frame(frame);
	row->samples++;
	row->objects += (double)sample->weight;
	row->bytes += (double)sample->weight * (double)sample->bytes;
	if (state.shares[class] != 0)
		row->pinned_bytes += row_of_class(class)->pinned_bytes *
			share_of(span, sample, home, class) / state.shares[class];
}

static void samples_visit(special_sample_visitor *visit)
{
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span))
		if (span->special != 0)
			special_visit_samples(span, visit);
}

/* Of a class that no living object which pins anything is a sample of. */
static void unknown_note(uint32_t class)
{
	const struct survey_fragment *all = row_of_class(class);

	if (all->pinned_bytes == 0 || state.shares[class] != 0)
		return;
	*row_of_unknown(class) = (struct survey_fragment){.objects = all->objects, .bytes = all->bytes,
		.pinned_bytes = all->pinned_bytes};
}

static void samples_note(void)
{
	samples_visit(sample_sum);
	samples_visit(sample_note);
	for (uint32_t class = 1; class < CLASSES; class++)
		unknown_note(class);
}

/* ---- all spans ----------------------------------------------------------------------------- */

static void class_note(const struct span *span, const struct sum *sum)
{
	struct survey_fragment *row = row_of_class(span->class);
	uint64_t capacity = span_objects(span);
	uint64_t tenth = sum->live_objects * SURVEY_TENTHS / capacity;

	row->objects += (double)sum->live_objects;
	row->bytes += (double)sum->live_bytes;
	row->pinned_bytes += (double)sum->free_bytes;
	row->capacity_objects += capacity;
	row->spans[min_bytes(tenth, SURVEY_TENTHS - 1)]++;
}

static void span_note(const struct span *span)
{
	struct survey_spans *spans = &state.header->spans;
	struct sum sum = span_sum(span);

	spans->span_bytes += (uint64_t)span->page_count << PAGE_SHIFT;
	spans->live_bytes += sum.live_bytes;
	spans->returned_bytes += sum.missing_bytes;
	if (span->use == SPAN_SAMPLED) {
		spans->sampled_bytes += sum.free_bytes;
		return;
	}
	if (sum.live_objects == 0) {
		spans->cached_bytes += sum.free_bytes;
		return;
	}
	spans->pinned_bytes += sum.free_bytes;
	class_note(span, &sum);
	double share = (double)sum.free_bytes / (double)sum.live_objects;
	state.span_pinned[span_page(span)] = share + 1;
	if (heap_checks != NULL)
		mark_visit_others(MARK_MARKED, span, known_note, &share);
}

/* Those that were used, one behind the other. */
static uint64_t rows_gather(void)
{
	uint64_t count = 0;

	for (size_t i = 0; i < rows_count(); i++) {
		struct survey_fragment row = state.rows[i];
		bool is_frame = i >= FIRST_FRAME;
		row.is_class = i < CLASSES;
		row.frame = is_frame ? (uint32_t)(i - FIRST_FRAME) : 0;
		row.object_bytes = is_frame ? 0 : size_classes[i % CLASSES].object_bytes;
		if (row.objects != 0)
			state.rows[count++] = row;
	}
	return count;
}

int fragments_find(struct survey_header *header, const struct survey_fragment **rows)
{
	state.header = header;
	if (!tables_make() || !mark_begin(follow_none))
		return ENOMEM;
	pagemap_open(&state.pagemap, fragments_pagemap_entries, OS_PAGES_MOST);
	for (const struct span *span = mark_span_next(NULL); span != NULL; span = mark_span_next(span))
		if (is_shared(span))
			span_note(span);
	if (heap_checks == NULL)
		samples_note();
	header->is_asked = heap_checks != NULL;
	header->row_count = rows_gather();
	header->row_bytes = sizeof(struct survey_fragment);
	*rows = state.rows;
	return 0;
}
