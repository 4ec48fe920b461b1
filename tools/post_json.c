#include <stdio.h>
#include <string.h>

#include "stats/fields.h"
#include "tools/json.h"
#include "tools/limit.h"
#include "tools/post.h"
#include "tools/prof_json.h"
#include "tools/prof_rows.h"
#include "tools/text.h"

static json_t *time_or_null(uint64_t realtime_ns)
{
	return realtime_ns != 0 ? number(realtime_ns) : json_null();
}

/* ---- how it ended ---------------------------------------------------------- */

static json_t *clues_array(const struct death *death)
{
	json_t *array = json_array();

	for (size_t i = 0; i < death->clue_count; i++) {
		const struct death_clue *clue = &death->clues[i];
		json_t *object = json_object();
		set(object, "source", json_string(death_source_word(clue->source)));
		set(object, "kind", json_string(clue->kind));
		set(object, "cause", json_boolean(clue->is_cause));
		set(object, "realtime_ns", time_or_null(clue->realtime_ns));
		set(object, "sentence", json_string(clue->sentence));
		set(object, "evidence", json_string(clue->evidence));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *death_object(const struct death *death)
{
	json_t *object = json_object();

	set(object, "known", json_boolean(death->is_known));
	set(object, "same_boot", json_boolean(death->is_this_boot));
	set(object, "kernel_log_read", json_boolean(death->kernel_is_read));
	set(object, "kernel_log_reaches_back", json_boolean(death->kernel_reaches_back));
	set(object, "cgroup_oom_kills", death->has_kills ? number(death->kills) : json_null());
	set(object, "clues", clues_array(death));
	return object;
}

static json_t *cgroup_object(const struct box_cgroup *group)
{
	char path[sizeof(group->path) + 1];
	json_t *object = json_object();

	if (group->realtime_ns == 0) {
		json_decref(object);
		return json_null();
	}
	text_copy(path, sizeof(path), group->path, sizeof(group->path));
	set(object, "path", json_string(path[0] != '\0' ? path : "/"));
	set(object, "version", json_integer(group->flags & BOX_CGROUP_V2 ? 2 : 1));
	set(object, "realtime_ns", number(group->realtime_ns));
	set(object, "oom_kill_count", group->flags & BOX_CGROUP_COUNTS ?
		number(group->oom_kill_count) : json_null());
	set(object, "limit_bytes", group->limit_bytes != 0 ? number(group->limit_bytes) :
		json_null());
	return object;
}

static json_t *events_array(struct post *post)
{
	struct stacks *stacks = &post->prof.sides[STACK_AFTER].stacks;
	const struct books *books = &post->target.books;
	json_t *array = json_array();

	for (size_t i = 0; i < books->event_count; i++) {
		const struct books_event *event = &books->events[i];
		json_t *object = json_object();
		set(object, "realtime_ns", number(event->realtime_ns));
		set(object, "kind", json_string(books_event_word(event)));
		set(object, "tid", json_integer(event->tid));
		set(object, "text", json_string(event->text));
		set(object, "allocated_by", prof_json_callers(stacks, event->allocated_at));
		set(object, "freed_by", prof_json_callers(stacks, event->freed_at));
		json_array_append_new(array, object);
	}
	return array;
}

/* ---- what it held ---------------------------------------------------------- */

static json_t *totals_object(const struct post *post)
{
	const struct books *books = &post->target.books;
	json_t *object = json_object();

	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		set(object, field->name, number(stats_field_read(&books->totals, field)));
	set(object, "large_objects", number(books->large_objects));
	set(object, "peak_heap_inuse", number(books->peak_heap_inuse));
	set(object, "out_of_memory_count", number(books->out_of_memory_count));
	set(object, "resident_most_bytes", number(post_resident_bytes(post)));
	return object;
}

static json_t *peaks_array(const struct post *post)
{
	json_t *array = json_array();

	for (size_t i = 0; i < post->peak_count; i++) {
		const struct box_peak *peak = &post->peaks[i];
		json_t *object = json_object();
		set(object, "realtime_ns", number(peak->realtime_ns));
		set(object, "heap_inuse", number(peak->heap_inuse));
		set(object, "large_bytes", number(peak->large_bytes));
		set(object, "idle_kept_bytes", number(peak->idle_kept_bytes));
		set(object, "thread_count", number(peak->thread_count));
		json_array_append_new(array, object);
	}
	return array;
}

/* ---- who had asked for it -------------------------------------------------- */

static json_t *row_object(const struct prof_row *row)
{
	json_t *object = json_object();

	set(object, "name", json_string(row->name->text));
	set(object, "place", row->name->place[0] != '\0' ? json_string(row->name->place) :
		json_null());
	set(object, "module", json_string(row->name->module));
	set(object, "flat", prof_json_sum(&row->flat.after));
	set(object, "cum", prof_json_sum(&row->cum.after));
	return object;
}

/* The largest functions; NULL if there is no memory. */
static json_t *functions_array(struct post *post)
{
	json_t *array = json_array();
	struct stack_tree tree;
	struct prof_rows rows = {0};

	if (!prof_tree_make(&tree, &post->prof, STACK_BY_FUNCTION)) {
		json_decref(array);
		return NULL;
	}
	bool done = prof_rows_make(&rows, &tree);
	for (size_t i = 0; done && i < rows.count && i < post->top_count; i++)
		json_array_append_new(array, row_object(&rows.list[i]));
	prof_rows_free(&rows);
	stack_tree_free(&tree);
	if (!done) {
		json_decref(array);
		return NULL;
	}
	return array;
}

/* With the functions that held the most then. */
static json_t *near_object(struct post *post)
{
	json_t *object = limit_near_json(&post->target.content);

	if (!json_is_object(object) || post->target.sites.near_sequence == 0)
		return object;
	post->prof.value = SITE_NEAR;
	json_t *functions = functions_array(post);
	post->prof.value = SITE_LIVE;
	set(object, "functions", functions != NULL ? functions : json_null());
	return object;
}

static json_t *largest_object(struct post *post)
{
	const struct sites *sites = &post->target.sites;
	const struct site *largest = NULL;

	for (size_t i = 0; i < sites->count; i++)
		if (sites->list[i].live.bytes > (largest != NULL ? largest->live.bytes : 0))
			largest = &sites->list[i];
	return largest != NULL ? prof_json_site(&post->prof.sides[STACK_AFTER].stacks, largest)
			       : json_null();
}

static json_t *sites_object(struct post *post)
{
	const struct sites *sites = &post->target.sites;
	struct site_sum live = sites_sum(sites, SITE_LIVE);
	json_t *object = json_object();

	set(object, "rate_bytes", number(sites->rate_bytes));
	set(object, "samples", number(sites->sample_count));
	set(object, "lost", number(sites->lost_count));
	set(object, "damaged_parts", number(sites->damaged_parts));
	set(object, "live", prof_json_sum(&live));
	set(object, "functions", functions_array(post));
	set(object, "largest", largest_object(post));
	set(object, "modules", prof_json_modules(&post->prof.sides[STACK_AFTER].stacks));
	return object;
}

bool post_print_json(struct post *post)
{
	const struct target *target = &post->target;
	const struct books *books = &target->books;
	json_t *root = json_object();

	set(root, "mstat_post", json_integer(1));
	set(root, "title", json_string(target->title));
	set(root, "state", json_string(target_life_word(target->life)));
	set(root, "box", json_string(post->path));
	set(root, "pid", json_integer(books->pid));
	set(root, "exe", json_string(books->exe));
	set(root, "command", json_string(books->command));
	set(root, "version", json_string(books->version));
	set(root, "start_realtime_ns", number(books->start_realtime_ns));
	set(root, "realtime_ns", number(post->last_realtime_ns));
	set(root, "damaged_parts", number(books->damaged_parts));
	set(root, "death", death_object(&post->death));
	set(root, "cgroup", cgroup_object(&target->content.cgroup));
	set(root, "limit", limit_json(&target->content.limit));
	set(root, "near_limit", near_object(post));
	set(root, "events", events_array(post));
	set(root, "totals", totals_object(post));
	set(root, "peaks", peaks_array(post));
	set(root, "call_sites", sites_object(post));
	/* What there was no memory for is missing. */
	bool done = json_is_array(json_object_get(json_object_get(root, "call_sites"), "functions")) &&
		json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
	printf("\n");
	json_decref(root);
	return done;
}
