#include <stdio.h>

#include "tools/fragments.h"
#include "tools/json.h"
#include "tools/prof_json.h"
#include "tools/target.h"

static json_t *spans_object(const struct survey_spans *spans)
{
	json_t *object = json_object();

	json_object_set_new(object, "address_bytes", number(spans->span_bytes));
	json_object_set_new(object, "live_bytes", number(spans->live_bytes));
	json_object_set_new(object, "pinned_bytes", number(spans->pinned_bytes));
	json_object_set_new(object, "cached_bytes", number(spans->cached_bytes));
	json_object_set_new(object, "apart_bytes", number(spans->sampled_bytes));
	json_object_set_new(object, "returned_bytes", number(spans->returned_bytes));
	return object;
}

static json_t *class_object(const struct survey_fragment *row)
{
	json_t *object = json_object(), *tenths = json_array();

	for (int i = 0; i < SURVEY_TENTHS; i++)
		json_array_append_new(tenths, number(row->spans[i]));
	json_object_set_new(object, "object_bytes", number(row->object_bytes));
	json_object_set_new(object, "objects", number((uint64_t)row->objects));
	json_object_set_new(object, "capacity_objects", number(row->capacity_objects));
	json_object_set_new(object, "live_bytes", number((uint64_t)row->bytes));
	json_object_set_new(object, "pinned_bytes", number((uint64_t)row->pinned_bytes));
	json_object_set_new(object, "spans_by_tenths", tenths);
	return object;
}

static json_t *site_object(struct fragments *fragments, const struct site *site)
{
	bool is_exact = fragments->survey->header->is_asked != 0;
	json_t *object = json_object();

	json_object_set_new(object, "pinned_bytes", number((uint64_t)site->pinned.bytes));
	json_object_set_new(object, "live_bytes", number((uint64_t)site->live.bytes));
	json_object_set_new(object, "objects", json_real(site->live.objects));
	json_object_set_new(object, "samples", is_exact ? json_null() : number(site->pinned.samples));
	json_object_set_new(object, "frames", prof_json_callers(&fragments->prof.sides[STACK_AFTER].stacks, site->frame));
	return object;
}

static json_t *unnamed_object(const struct survey_fragment *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "object_bytes", number(row->object_bytes));
	json_object_set_new(object, "objects", number((uint64_t)row->objects));
	json_object_set_new(object, "pinned_bytes", number((uint64_t)row->pinned_bytes));
	return object;
}

bool fragments_print_json(struct fragments *fragments)
{
	const struct survey_header *header = fragments->survey->header;
	json_t *root = json_object(), *classes = json_array(), *sites = json_array(), *unnamed = json_array();

	json_object_set_new(root, "pid", json_integer((json_int_t)fragments->target->process.pid));
	json_object_set_new(root, "realtime_ns", number(header->realtime_ns));
	json_object_set_new(root, "pause_ns", number(fragments->survey->pause_ns));
	json_object_set_new(root, "search_ns", number(header->took_ns));
	json_object_set_new(root, "spans", spans_object(&header->spans));
	for (size_t i = 0; i < fragments->class_count; i++)
		json_array_append_new(classes, class_object(fragments->classes[i]));
	json_object_set_new(root, "classes", classes);
	for (size_t i = 0; i < fragments->sites.count; i++)
		if (fragments->sites.list[i].frame != 0)
			json_array_append_new(sites, site_object(fragments, &fragments->sites.list[i]));
	json_object_set_new(root, "sites", sites);
	for (size_t i = 0; i < fragments->unnamed_count; i++)
		json_array_append_new(unnamed, unnamed_object(fragments->unnamed[i]));
	json_object_set_new(root, "not_sampled", unnamed);
	json_object_set_new(root, "modules", prof_json_modules(&fragments->prof.sides[STACK_AFTER].stacks));
	bool done = json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
	json_decref(root);
	if (done)
		printf("\n");
	return done;
}
