#include "tools/limit.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/json.h"
#include "tools/table.h"
#include "tools/text.h"
#include "tools/units.h"

static struct units_text bytes_text(uint64_t bytes, bool exact)
{
	return units_bytes(bytes <= INT64_MAX ? (int64_t)bytes : INT64_MAX, exact);
}

static const char *source_word(uint64_t source)
{
	static const char *const words[] = {[BOX_LIMIT_NONE] = "none", [BOX_LIMIT_CONF] = "conf",
		[BOX_LIMIT_CGROUP] = "cgroup", [BOX_LIMIT_ADDRESSES] = "RLIMIT_AS",
		[BOX_LIMIT_DATA] = "RLIMIT_DATA"};

	return source < sizeof(words) / sizeof(words[0]) ? words[source] : "unknown";
}

static void path_copy(const struct box_limit *limit, char path[BOX_PATH_BYTES + 1])
{
	text_copy(path, BOX_PATH_BYTES + 1, limit->path, sizeof(limit->path));
	if (path[0] == '\0')
		snprintf(path, BOX_PATH_BYTES + 1, "/");
}

void limit_text(const struct box_limit *limit, bool exact, char text[LIMIT_TEXT_BYTES])
{
	char path[BOX_PATH_BYTES + 1] = "";
	bool is_group = limit->source == BOX_LIMIT_CGROUP;

	if (is_group)
		path_copy(limit, path);
	snprintf(text, LIMIT_TEXT_BYTES, "%s of %s used (%s), %s%s%s",
		bytes_text(limit->used_bytes, exact).text, bytes_text(limit->limit_bytes, exact).text,
		units_share(limit->used_bytes, limit->limit_bytes).text,
		limit->source == BOX_LIMIT_CONF ? "MSTAT_CONF" : source_word(limit->source),
		is_group ? " " : "", path);
}

void limit_print(const struct box_content *content, bool exact)
{
	const struct box_near *near = &content->near;
	char text[LIMIT_TEXT_BYTES];

	limit_text(&content->limit, exact, text);
	if (content->limit.source != BOX_LIMIT_NONE)
		printf("  %-16s %s\n", "memory limit", text);
	if (near->sequence != 0)
		printf("  %-16s %s: %s of heap, %s returned\n", "  came near",
			units_time(near->limit.realtime_ns).text,
			bytes_text(near->peak.heap_inuse, exact).text,
			bytes_text(near->returned_bytes, exact).text);
}

/* ---- size classes -------------------------------------------------------------------------- */

struct row {
	uint64_t object_bytes; /* 0: large */
	struct box_near_class figures;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	return (left->figures.span_bytes < right->figures.span_bytes) -
		(left->figures.span_bytes > right->figures.span_bytes);
}

static size_t rows_gather(const struct box_content *content, struct row rows[BOX_CLASSES_MAX])
{
	size_t count = 0;

	for (uint32_t class = 0; class < BOX_CLASSES_MAX; class++) {
		const struct box_near_class *figures = &content->near.classes[class];
		if (figures->span_bytes != 0 || figures->live_objects != 0)
			rows[count++] = (struct row){.object_bytes = class == 0 ? 0
					: content->identity.class_bytes[class], .figures = *figures};
	}
	qsort(rows, count, sizeof(rows[0]), compare_rows);
	return count;
}

void limit_print_classes(const struct box_content *content, size_t count, bool exact)
{
	static const struct table_column columns[] = {{"size", false}, {"objects", false},
		{"live", false}, {"in spans", false}};
	struct row rows[BOX_CLASSES_MAX] = {{0}};
	struct table table;
	size_t rows_count = rows_gather(content, rows);

	table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < rows_count && i < count; i++) {
		const struct row *row = &rows[i];
		uint64_t objects = row->figures.live_objects, bytes = row->figures.span_bytes;
		uint64_t live = row->object_bytes == 0 ? bytes : row->object_bytes * objects;
		table_add(&table, row->object_bytes == 0 ? "large" :
			units_count((int64_t)row->object_bytes).text);
		table_add(&table, units_count(objects <= INT64_MAX ? (int64_t)objects : INT64_MAX).text);
		table_add(&table, bytes_text(live, exact).text);
		table_add(&table, bytes_text(bytes, exact).text);
	}
	table_print(&table);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

json_t *limit_json(const struct box_limit *limit)
{
	char path[BOX_PATH_BYTES + 1];
	json_t *object;

	if (limit->realtime_ns == 0)
		return json_null();
	path_copy(limit, path);
	object = json_object();
	set(object, "realtime_ns", number(limit->realtime_ns));
	set(object, "source", json_string(source_word(limit->source)));
	set(object, "path", limit->source == BOX_LIMIT_CGROUP ? json_string(path) : json_null());
	set(object, "limit_bytes", number(limit->limit_bytes));
	set(object, "used_bytes", number(limit->used_bytes));
	set(object, "near_bytes", number(limit->near_bytes));
	set(object, "soft_bytes", limit->soft_bytes != 0 ? number(limit->soft_bytes) : json_null());
	return object;
}

static json_t *classes_array(const struct box_content *content)
{
	struct row rows[BOX_CLASSES_MAX] = {{0}};
	size_t count = rows_gather(content, rows);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();
		set(object, "size_bytes", rows[i].object_bytes != 0 ? number(rows[i].object_bytes) :
			json_null());
		set(object, "live_objects", number(rows[i].figures.live_objects));
		set(object, "span_bytes", number(rows[i].figures.span_bytes));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *limit_near_json(const struct box_content *content)
{
	const struct box_near *near = &content->near;

	if (near->sequence == 0)
		return json_null();
	json_t *object = json_object();
	set(object, "count", number(near->sequence));
	set(object, "limit", limit_json(&near->limit));
	set(object, "heap_inuse", number(near->peak.heap_inuse));
	set(object, "idle_kept_bytes", number(near->peak.idle_kept_bytes));
	set(object, "large_bytes", number(near->peak.large_bytes));
	set(object, "thread_count", number(near->peak.thread_count));
	set(object, "returned_bytes", number(near->returned_bytes));
	set(object, "classes", classes_array(content));
	return object;
}
