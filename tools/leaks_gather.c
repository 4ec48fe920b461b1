#include <math.h>
#include <stdlib.h>

#include "tools/leaks.h"
#include "tools/target_symbols.h"

const char *leaks_grade_word(enum survey_grade grade)
{
	static const char *const words[] = {[SURVEY_DEFINITE] = "definitely lost",
		[SURVEY_INDIRECT] = "indirectly lost", [SURVEY_POSSIBLE] = "possibly lost"};

	return words[grade];
}

bool leak_has_callers(const struct leak *leak)
{
	return leak->row->frame != 0;
}

static struct leak leak_of(const struct survey_leak *row)
{
	bool is_estimate = row->estimate.samples != 0;

	return (struct leak){.row = row,
		.bytes = is_estimate ? row->estimate.bytes : (double)row->own.bytes,
		.bytes_error = is_estimate ? sqrt(row->estimate.bytes_variance) : 0};
}

/* The largest with all that is lost by them first; those without a name last. */
static int compare(const void *a, const void *b)
{
	const struct leak *left = a, *right = b;
	bool left_named = leak_has_callers(left), right_named = leak_has_callers(right);
	double left_bytes = left->bytes + (double)left->row->behind.bytes;
	double right_bytes = right->bytes + (double)right->row->behind.bytes;

	if (left->row->grade != right->row->grade)
		return left->row->grade < right->row->grade ? -1 : 1;
	if (left_named != right_named)
		return left_named ? -1 : 1;
	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	return (left->row > right->row) - (left->row < right->row);
}

static const char *find_in_frame(const struct leaks *leaks, const struct suppressions *suppressions,
	uint32_t frame)
{
	const struct sites *sites = &leaks->target->sites;
	uint32_t module = sites->frames[frame].module;
	struct symbol_list symbols = stack_symbols(&leaks->stacks, frame);
	const char *found = NULL;

	for (size_t i = 0; i < symbols.count && found == NULL; i++) {
		found = suppressions_find(suppressions, symbols.list[i].function);
		if (found == NULL)
			found = suppressions_find(suppressions, symbols.list[i].file);
	}
	if (found == NULL && module < sites->module_count)
		found = suppressions_find(suppressions, sites->modules[module].path);
	return found;
}

static const char *find_in_callers(struct leaks *leaks, const struct suppressions *suppressions,
	uint32_t frame)
{
	static struct stack stack;
	const char *found = NULL;

	if (frame == 0 || suppressions->count == 0)
		return NULL;
	stack_read(&leaks->stacks, frame, &stack);
	for (size_t i = 0; i < stack.count && found == NULL; i++)
		found = find_in_frame(leaks, suppressions, stack.frames[i]);
	return found;
}

static bool rows_take(struct leaks *leaks, const struct suppressions *suppressions)
{
	const struct survey_leak *rows = leaks->survey->rows;

	for (uint64_t i = 0; i < leaks->survey->header->row_count; i++) {
		if (rows[i].grade >= SURVEY_GRADES || rows[i].frame >= leaks->target->sites.frame_count)
			return false;
		struct leak *leak = &leaks->list[leaks->count++];
		*leak = leak_of(&rows[i]);
		leak->suppression = find_in_callers(leaks, suppressions, rows[i].frame);
		if (leak->suppression == NULL)
			continue;
		leaks->suppressed[rows[i].grade].objects += rows[i].own.objects;
		leaks->suppressed[rows[i].grade].bytes += rows[i].own.bytes;
	}
	qsort(leaks->list, leaks->count, sizeof(*leaks->list), compare);
	return true;
}

bool leaks_gather(struct leaks *leaks, const struct target *target, const struct survey *survey,
	const struct suppressions *suppressions, const struct leaks_options *options,
	struct failure *failure)
{
	*leaks = (struct leaks){.target = target, .survey = survey};
	leaks->symbols = target_symbols(target, options->use_debuginfod);
	leaks->list = calloc(survey->header->row_count + 1, sizeof(*leaks->list));
	bool has_stacks = leaks->symbols != NULL && leaks->list != NULL &&
		stacks_open(&leaks->stacks, &target->sites, leaks->symbols);
	if (!has_stacks)
		failure_set(failure, FAILURE_CANNOT, "no memory for the leaks of %s", target->title);
	else if (rows_take(leaks, suppressions))
		return true;
	else
		failure_set(failure, FAILURE_DAMAGED, "the survey of %s names call sites that its box has not",
			target->title);
	if (has_stacks)
		leaks_free(leaks);
	else
		free(leaks->list);
	return false;
}

bool leaks_are_there(const struct leaks *leaks)
{
	return leaks->survey->header->lost[SURVEY_DEFINITE].objects >
		leaks->suppressed[SURVEY_DEFINITE].objects;
}

void leaks_free(struct leaks *leaks)
{
	stacks_close(&leaks->stacks);
	symbols_close(leaks->symbols);
	free(leaks->list);
	*leaks = (struct leaks){0};
}
