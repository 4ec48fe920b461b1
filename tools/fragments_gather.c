#include <math.h>
#include <stdlib.h>

#include "tools/fragments.h"
#include "tools/target.h"
#include "tools/target_symbols.h"

/* In what a damaged file says anything may stand. */
static bool is_amount(double value)
{
	return value >= 0 && value < 0x1p62;
}

static bool row_is_sound(const struct survey_fragment *row)
{
	return is_amount(row->objects) && is_amount(row->bytes) && is_amount(row->pinned_bytes);
}

static void site_take(struct fragments *fragments, const struct survey_fragment *row)
{
	uint64_t samples = row->samples != 0 ? row->samples : (uint64_t)row->objects;
	struct site *site = &fragments->sites.list[fragments->sites.count++];

	*site = (struct site){.frame = row->frame,
		.live = {.samples = samples, .objects = row->objects, .bytes = row->bytes},
		.pinned = {.samples = samples, .objects = row->objects, .bytes = row->pinned_bytes}};
}

static bool row_take(struct fragments *fragments, const struct survey_fragment *row)
{
	if (row->frame >= fragments->target->sites.frame_count)
		return false;
	if (row->is_class) {
		fragments->classes[fragments->class_count++] = row;
		return true;
	}
	if (row->frame == 0)
		fragments->unnamed[fragments->unnamed_count++] = row;
	site_take(fragments, row);
	return true;
}

/* The classes' rows are of the spans that the header sums up. */
static bool sums_agree(const struct fragments *fragments)
{
	double pinned = (double)fragments->survey->header->spans.pinned_bytes, sum = 0;

	for (size_t i = 0; i < fragments->class_count; i++)
		sum += fragments->classes[i]->pinned_bytes;
	return fabs(sum - pinned) <= 1 + pinned / 1e6;
}

static int compare_sites(const void *a, const void *b)
{
	const struct site *left = a, *right = b;

	if (left->pinned.bytes != right->pinned.bytes)
		return left->pinned.bytes < right->pinned.bytes ? 1 : -1;
	return (left->frame > right->frame) - (left->frame < right->frame);
}

static int compare_rows(const void *a, const void *b)
{
	const struct survey_fragment *left = *(const struct survey_fragment *const *)a;
	const struct survey_fragment *right = *(const struct survey_fragment *const *)b;

	if (left->pinned_bytes != right->pinned_bytes)
		return left->pinned_bytes < right->pinned_bytes ? 1 : -1;
	return (left > right) - (left < right);
}

static bool rows_take(struct fragments *fragments)
{
	const struct survey_fragment *rows = fragments->survey->rows;

	for (uint64_t i = 0; i < fragments->survey->header->row_count; i++)
		if (!row_is_sound(&rows[i]) || !row_take(fragments, &rows[i]))
			return false;
	qsort(fragments->sites.list, fragments->sites.count, sizeof(struct site), compare_sites);
	qsort(fragments->classes, fragments->class_count, sizeof(const struct survey_fragment *), compare_rows);
	qsort(fragments->unnamed, fragments->unnamed_count, sizeof(const struct survey_fragment *), compare_rows);
	return sums_agree(fragments);
}

static bool room_make(struct fragments *fragments, const struct fragments_options *options)
{
	uint64_t rows = fragments->survey->header->row_count + 1;

	fragments->sites = fragments->target->sites;
	fragments->sites.count = 0;
	fragments->sites.list = calloc(rows, sizeof(struct site));
	fragments->classes = calloc(rows, sizeof(const struct survey_fragment *));
	fragments->unnamed = calloc(rows, sizeof(const struct survey_fragment *));
	fragments->symbols = target_symbols(fragments->target, options->use_debuginfod);
	return fragments->sites.list != NULL && fragments->classes != NULL &&
		fragments->unnamed != NULL && fragments->symbols != NULL &&
		stacks_open(&fragments->prof.sides[STACK_AFTER].stacks, &fragments->sites,
			fragments->symbols);
}

bool fragments_gather(struct fragments *fragments, const struct target *target,
	const struct survey *survey, const struct fragments_options *options, struct failure *failure)
{
	*fragments = (struct fragments){.target = target, .survey = survey, .prof.value = SITE_PINNED};
	fragments->prof.sides[STACK_AFTER].title = target->title;
	fragments->prof.sides[STACK_AFTER].realtime_ns = survey->header->realtime_ns;
	if (!room_make(fragments, options))
		failure_set(failure, FAILURE_CANNOT, "no memory for the spans of %s", target->title);
	else if (rows_take(fragments))
		return true;
	else
		failure_set(failure, FAILURE_DAMAGED, "the survey of %s is damaged: its rows name call sites that the box has not, or do not add up",
			target->title);
	fragments_free(fragments);
	return false;
}

void fragments_free(struct fragments *fragments)
{
	if (fragments->prof.sides[STACK_AFTER].stacks.sites != NULL)
		stacks_close(&fragments->prof.sides[STACK_AFTER].stacks);
	if (fragments->symbols != NULL)
		symbols_close(fragments->symbols);
	free(fragments->sites.list);
	free(fragments->classes);
	free(fragments->unnamed);
	*fragments = (struct fragments){0};
}
