#include "profile/leaks.h"

#include <errno.h>
#include <stddef.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/checks.h"
#include "profile/frames.h"
#include "profile/mark.h"
#include "profile/reach.h"
#include "profile/sites.h"
#include "stats/box_layout.h"
#include "tinyalloc/special.h"
#include "tinyalloc/tiny.h"

static const enum survey_grade grades[REACH_GRADES] = {[REACH_DEFINITE] = SURVEY_DEFINITE,
	[REACH_INDIRECT] = SURVEY_INDIRECT, [REACH_POSSIBLE] = SURVEY_POSSIBLE};

/* Of each grade a row for each frame, and then for each size class, which of large objects is
   0.  Most are never touched. */
static struct {
	struct survey_leak *rows;
	uint32_t frames;
	uint32_t grade_rows;
	struct survey_header *header;
} state;

static bool rows_make(void)
{
	state.frames = frames_count() + 1;
	state.grade_rows = state.frames + SIZE_CLASS_COUNT;
	state.rows = os_map(bits_round_up((size_t)SURVEY_GRADES * state.grade_rows * sizeof(*state.rows),
		os_page_bytes()));
	return state.rows != NULL;
}

static struct survey_leak *row_of_frame(enum survey_grade grade, uint32_t frame)
{
	struct survey_leak *row = &state.rows[grade * state.grade_rows + frame];

	row->frame = frame;
	return row;
}

static struct survey_leak *row_of_size(enum survey_grade grade, const struct span *span)
{
	uint32_t class = span->kind == SPAN_SMALL ? span->class : 0;
	struct survey_leak *row = &state.rows[grade * state.grade_rows + state.frames + class];

	row->size_bytes = class != 0 ? size_classes[class].object_bytes : 0;
	return row;
}

/* The site of an object, if it is known: *sample is why, or NULL if all are. */
static uint32_t frame_of(const struct reach_lost *lost, const struct special_sample **sample)
{
	*sample = NULL;
	if (heap_checks != NULL)
		return heap_checks->allocated_at(lost->span, lost->object);
	if (lost->span->special != 0)
		*sample = special_sample_at(lost->span, (size_t)(lost->object - span_address(lost->span)));
	return *sample != NULL ? sites_frame((*sample)->site) : 0;
}

static void estimate_add(struct survey_estimate *estimate, const struct special_sample *sample)
{
	double weight = (double)sample->weight, bytes = (double)sample->bytes;
	double variance = weight * (weight - 1);

	estimate->samples++;
	estimate->objects += weight;
	estimate->bytes += weight * bytes;
	estimate->objects_variance += variance;
	estimate->bytes_variance += variance * bytes * bytes;
}

/* A block of tiny objects is as many as live in it. */
static struct survey_sum sum_of(const struct reach_lost *lost)
{
	bool is_tiny = lost->span->kind == SPAN_SMALL && lost->span->class == SIZE_CLASS_TINY;

	return (struct survey_sum){.objects = is_tiny ? tiny_count(lost->object) : 1,
		.bytes = reach_object_bytes(lost->span, lost->object)};
}

static void sum_add(struct survey_sum *sum, struct survey_sum more)
{
	sum->objects += more.objects;
	sum->bytes += more.bytes;
}

static void lost_note(const struct reach_lost *lost, void *arg)
{
	const struct special_sample *sample;
	enum survey_grade grade = grades[lost->grade];
	uint32_t frame = frame_of(lost, &sample);
	struct survey_leak *row = frame != 0 ? row_of_frame(grade, frame) : row_of_size(grade, lost->span);

	(void)arg;
	row->grade = grade;
	row->example = row->own.objects == 0 ? (uintptr_t)lost->object : row->example;
	sum_add(&row->own, sum_of(lost));
	sum_add(&row->behind, (struct survey_sum){lost->behind_objects, lost->behind_bytes});
	sum_add(&state.header->lost[grade], sum_of(lost));
	if (sample != NULL && frame != 0)
		estimate_add(&row->estimate, sample);
}

/* Those that were used, one behind the other. */
static uint64_t rows_gather(void)
{
	uint64_t count = 0;

	for (size_t i = 0; i < (size_t)SURVEY_GRADES * state.grade_rows; i++)
		if (state.rows[i].own.objects != 0)
			state.rows[count++] = state.rows[i];
	return count;
}

int leaks_find(struct survey_header *header, const struct survey_leak **rows)
{
	state.header = header;
	if (!rows_make() || !reach_leaks(lost_note, NULL))
		return ENOMEM;
	header->live = (struct survey_sum){reach_live().objects, reach_live().bytes};
	header->looked_bytes = mark_looked_bytes();
	header->is_asked = heap_checks != NULL;
	header->row_count = rows_gather();
	header->row_bytes = sizeof(struct survey_leak);
	*rows = state.rows;
	return 0;
}
