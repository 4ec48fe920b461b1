#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/conf.h"
#include "stats/fields.h"
#include "tools/json.h"
#include "tools/limit.h"
#include "tools/prof_json.h"
#include "tools/report.h"
#include "tools/tags.h"

/* JSON's integers are signed: what a hostile box claims beyond that is cut. */
static json_t *totals(const struct books *books)
{
	json_t *object = json_object();

	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		set(object, field->name, number(stats_field_read(&books->totals, field)));
	set(object, "large_objects", number(books->large_objects));
	if (books->has_peak) {
		set(object, "peak_heap_inuse", number(books->peak_heap_inuse));
		set(object, "out_of_memory_count", number(books->out_of_memory_count));
		set(object, "check", json_string(books->check != NULL ? books->check : "none"));
		set(object, "check_bytes", number(books->check_bytes));
		set(object, "retired_bytes", number(books->retired_bytes));
	}
	return object;
}

static json_t *ledger(const struct report *report)
{
	json_t *object = json_object();
	char key[64];
	uint64_t samples;

	for (size_t i = 0; i < report->ledger.count; i++) {
		const struct ledger_line *line = &report->ledger.lines[i];
		snprintf(key, sizeof(key), "%s_bytes", line->key);
		set(object, key, json_integer(line->bytes));
	}
	books_rounding_bytes(&report->target.books, &samples);
	set(object, "rounding_samples", number(samples));
	return object;
}

static json_t *classes(const struct books *books)
{
	json_t *array = json_array();

	for (uint32_t i = 1; i < books->class_count; i++) {
		const struct books_class *row = &books->classes[i];
		json_t *object = json_object();
		set(object, "size_bytes", number(row->size_bytes));
		set(object, "nmalloc", number(row->nmalloc));
		set(object, "nfree", number(row->nfree));
		set(object, "live_objects", number(row->live_objects));
		set(object, "live_bytes", number(books_class_live_bytes(row)));
		set(object, "magazine_objects", number(row->magazine_objects));
		set(object, "span_free_objects", number(row->span_free_objects));
		set(object, "span_free_bytes", number(books_class_free_bytes(row)));
		set(object, "span_count", number(row->span_count));
		set(object, "span_bytes", number(row->span_bytes));
		set(object, "sampled_objects", number(row->sampled_objects));
		set(object, "sampled_bytes", number(row->sampled_bytes));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *threads(const struct books *books)
{
	json_t *array = json_array();

	for (size_t i = 0; i < books->thread_count; i++) {
		const struct books_thread *thread = &books->threads[i];
		json_t *object = json_object();
		set(object, "tid", json_integer(thread->tid));
		set(object, "name", json_string(thread->name));
		set(object, "state", json_string(thread->is_live ? "live" : "ended"));
		set(object, "alloc", json_integer(thread->alloc));
		set(object, "total_alloc", number(thread->total_alloc));
		set(object, "nmalloc", number(thread->nmalloc));
		set(object, "nfree", number(thread->nfree));
		set(object, "magazine_bytes",
			thread->has_magazines ? number(thread->magazine_bytes) : json_null());
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *events(const struct books *books)
{
	json_t *array = json_array();

	for (size_t i = 0; i < books->event_count; i++) {
		const struct books_event *event = &books->events[i];
		json_t *object = json_object();
		set(object, "sequence", number(event->sequence));
		set(object, "realtime_ns", number(event->realtime_ns));
		set(object, "kind", json_string(event->kind == BOX_EVENT_OUT_OF_MEMORY ? "out_of_memory" : books_event_word(event)));
		set(object, "tid", json_integer(event->tid));
		set(object, "text", json_string(event->text));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *tag(const struct site_tag *tag, const struct site_sum *sampled)
{
	json_t *object = json_object();

	set(object, "name", json_stringn(tag->text + 1, strlen(tag->text) - 2));
	set(object, "counted_scopes", number(tag->scope_count));
	set(object, "live_objects", number(tag_live_objects(tag)));
	set(object, "live_bytes", number(tag_live_bytes(tag)));
	set(object, "allocated_objects", number(tag->allocated_objects));
	set(object, "allocated_bytes", number(tag->allocated_bytes));
	set(object, "missed_objects", number(tag->missed_objects));
	set(object, "sampled", prof_json_sum(sampled));
	return object;
}

static json_t *tags(const struct sites *sites)
{
	json_t *array = json_array();
	struct site_sum *sums = calloc(sites->tag_count + 1, sizeof(*sums));

	if (sums != NULL && (sites->tag_count == 0 || tags_sum(sites, sums)))
		for (size_t i = 0; i < sites->tag_count; i++)
			json_array_append_new(array, tag(&sites->tags[i], &sums[i]));
	free(sums);
	return array;
}

static json_t *cgroup(const struct report *report)
{
	if (!report->has_cgroup)
		return json_null();
	json_t *object = json_object();
	set(object, "limit_bytes", number(report->cgroup.limit_bytes));
	set(object, "used_bytes", number(report->cgroup.used_bytes));
	set(object, "path", json_string(report->cgroup.path));
	return object;
}

static json_t *dump_signal(const struct box_signal *signal)
{
	static const char *const states[] = {[BOX_SIGNAL_NONE] = "none", [BOX_SIGNAL_OURS] = "ours",
		[BOX_SIGNAL_PROGRAM] = "program", [BOX_SIGNAL_IGNORED] = "ignored",
		[BOX_SIGNAL_DEFAULT] = "default"};
	bool is_known = signal->state >= 0 && signal->state <= BOX_SIGNAL_DEFAULT;
	json_t *object = json_object();

	set(object, "number", json_integer(signal->signal_number));
	set(object, "state", json_string(is_known ? states[signal->state] : "unknown"));
	return object;
}

static void set_subject(json_t *root, const struct report *report)
{
	const struct target *target = &report->target;
	const struct books *books = &target->books;
	bool is_box = target->kind == TARGET_BOX, is_live = is_box && target->life == LIFE_LIVE;

	set(root, "mstat_show", json_integer(1));
	set(root, "source", json_string(is_box ? "box" : "dump"));
	set(root, "state", json_string(is_box ? target_life_word(target->life) : "dump"));
	set(root, "exact", json_boolean(books->exactness == BOOKS_EXACT));
	set(root, "pid", json_integer(is_live ? target->process.pid : books->pid));
	set(root, "inner_pid", json_integer(books->pid));
	set(root, "start_ticks", books->start_ticks != 0 ? number(books->start_ticks) : json_null());
	set(root, "start_realtime_ns", number(books->start_realtime_ns));
	set(root, "realtime_ns", number(books->realtime_ns));
	set(root, "version", json_string(books->version));
	set(root, "exe", json_string(books->exe));
	set(root, "command", json_string(books->command));
	set(root, "damaged_parts", json_integer(books->damaged_parts));
	set(root, "hidden_threads", number(books->hidden_threads));
	set(root, "resident_known", json_boolean(report->has_resident));
}

bool report_print_json(const struct report *report)
{
	json_t *root = json_object();

	set_subject(root, report);
	set(root, "ledger", ledger(report));
	set(root, "totals", totals(&report->target.books));
	set(root, "cgroup", cgroup(report));
	if (report->target.kind == TARGET_BOX) {
		set(root, "tags", tags(&report->target.sites));
		set(root, "limit", limit_json(&report->target.content.limit));
		set(root, "near_limit", limit_near_json(&report->target.content));
		set(root, "signal", dump_signal(&report->target.content.signal));
	}
	set(root, "classes", classes(&report->target.books));
	set(root, "threads", threads(&report->target.books));
	set(root, "events", events(&report->target.books));
	bool done = root != NULL && json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
	printf("\n");
	json_decref(root);
	return done;
}
