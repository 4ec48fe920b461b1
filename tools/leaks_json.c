#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tools/json.h"
#include "tools/leaks.h"
#include "tools/prof_json.h"

static json_t *sum_object(const struct survey_sum *sum)
{
	json_t *object = json_object();

	json_object_set_new(object, "objects", number(sum->objects));
	json_object_set_new(object, "bytes", number(sum->bytes));
	return object;
}

/* NULL where all is exact. */
static json_t *estimate_object(const struct survey_estimate *estimate)
{
	struct site_sum sum = {.samples = estimate->samples, .objects = estimate->objects,
		.objects_error = sqrt(estimate->objects_variance), .bytes = estimate->bytes,
		.bytes_error = sqrt(estimate->bytes_variance)};

	return estimate->samples != 0 ? prof_json_sum(&sum) : json_null();
}

static const char *grade_key(enum survey_grade grade)
{
	static const char *const keys[] = {[SURVEY_DEFINITE] = "definite",
		[SURVEY_INDIRECT] = "indirect", [SURVEY_POSSIBLE] = "possible"};

	return keys[grade];
}

static json_t *leak_object(struct leaks *leaks, const struct leak *leak)
{
	const struct survey_leak *row = leak->row;
	json_t *object = json_object();
	char address[24];

	snprintf(address, sizeof(address), "%#" PRIx64, row->example);
	json_object_set_new(object, "grade", json_string(grade_key((enum survey_grade)row->grade)));
	json_object_set_new(object, "own", sum_object(&row->own));
	json_object_set_new(object, "behind", sum_object(&row->behind));
	json_object_set_new(object, "estimate", estimate_object(&row->estimate));
	json_object_set_new(object, "size_bytes", row->size_bytes != 0 ? number(row->size_bytes) : json_null());
	json_object_set_new(object, "example", json_string(address));
	json_object_set_new(object, "suppressed_by",
		leak->suppression != NULL ? json_string(leak->suppression) : json_null());
	json_object_set_new(object, "frames", prof_json_callers(&leaks->stacks, row->frame));
	return object;
}

static json_t *lost_object(const struct survey_sum *sums)
{
	json_t *object = json_object();

	for (int grade = 0; grade < SURVEY_GRADES; grade++)
		json_object_set_new(object, grade_key((enum survey_grade)grade), sum_object(&sums[grade]));
	return object;
}

bool leaks_print_json(struct leaks *leaks)
{
	const struct survey_header *header = leaks->survey->header;
	json_t *root = json_object(), *list = json_array();

	json_object_set_new(root, "pid", json_integer((json_int_t)leaks->target->process.pid));
	json_object_set_new(root, "realtime_ns", number(header->realtime_ns));
	json_object_set_new(root, "pause_ns", number(leaks->survey->pause_ns));
	json_object_set_new(root, "search_ns", number(header->took_ns));
	json_object_set_new(root, "searched_bytes", number(header->looked_bytes));
	json_object_set_new(root, "bytes_are", json_string(header->is_asked ? "asked" : "usable"));
	json_object_set_new(root, "live", sum_object(&header->live));
	json_object_set_new(root, "lost", lost_object(header->lost));
	json_object_set_new(root, "suppressed", lost_object(leaks->suppressed));
	for (size_t i = 0; i < leaks->count; i++)
		json_array_append_new(list, leak_object(leaks, &leaks->list[i]));
	json_object_set_new(root, "leaks", list);
	json_object_set_new(root, "modules", prof_json_modules(&leaks->stacks));
	bool done = json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
	json_decref(root);
	if (done)
		printf("\n");
	return done;
}
