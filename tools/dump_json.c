#include "tools/dump_json.h"

#include <jansson.h>
#include <string.h>

#include "stats/fields.h"
#include "tools/dump_fields.h"
#include "tools/sites_json.h"
#include "tools/text.h"

static void copy_string(char *out, size_t out_bytes, const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value != NULL)
		text_copy(out, out_bytes, value, strlen(value));
}

/* Sets every number of a row. */
static void read_class(struct books_class *row, json_t *object)
{
	for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
		if (json_is_integer(json_object_iter_value(at)))
			dump_field_class(row, json_object_iter_key(at),
				(uint64_t)json_integer_value(json_object_iter_value(at)));
}

static void read_thread(struct books_thread *thread, json_t *object)
{
	const char *state = json_string_value(json_object_get(object, "state"));

	for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
		if (json_is_integer(json_object_iter_value(at)))
			dump_field_thread(thread, json_object_iter_key(at),
				json_integer_value(json_object_iter_value(at)));
	copy_string(thread->name, sizeof(thread->name), object, "name");
	thread->is_live = state != NULL && strcmp(state, "live") == 0;
}

static bool read_classes(struct books *books, const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct books_class *row = dump_add_class(books);
		json_t *object = json_array_get(array, i);
		if (row == NULL || !json_is_object(object))
			return false;
		read_class(row, object);
	}
	return json_is_array(array);
}

static bool read_threads(struct books *books, const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct books_thread *thread = dump_add_thread(books);
		json_t *object = json_array_get(array, i);
		if (thread == NULL || !json_is_object(object))
			return false;
		read_thread(thread, object);
	}
	return json_is_array(array);
}

static bool read_totals(struct books *books, const json_t *totals)
{
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++) {
		const json_t *value = json_object_get(totals, field->name);
		if (json_is_integer(value))
			stats_field_write(&books->totals, field, (uint64_t)json_integer_value(value));
	}
	return json_is_object(totals);
}

static bool read_root(struct books *books, const json_t *root, const char *path,
	struct failure *failure)
{
	const json_t *version = json_object_get(root, "mstat_dump");

	if (!json_is_integer(version))
		return failure_set(failure, FAILURE_DAMAGED,
			"%s is JSON, but no dump: it has no \"mstat_dump\"", path);
	if (json_integer_value(version) != 1)
		return failure_set(failure, FAILURE_DAMAGED,
			"the dump %s has format version %lld, this mstat reads version 1", path,
			(long long)json_integer_value(version));
	copy_string(books->version, sizeof(books->version), root, "version");
	copy_string(books->exe, sizeof(books->exe), root, "exe");
	books->pid = json_integer_value(json_object_get(root, "pid"));
	books->start_ticks = (uint64_t)json_integer_value(json_object_get(root, "start_ticks"));
	books->realtime_ns = (uint64_t)json_integer_value(json_object_get(root, "realtime_ns"));
	if (!read_totals(books, json_object_get(root, "totals")) ||
		!read_classes(books, json_object_get(root, "classes")) ||
		!read_threads(books, json_object_get(root, "threads")))
		return failure_set(failure, FAILURE_DAMAGED,
			"the dump %s is corrupt: its totals, classes or threads", path);
	return true;
}

/* A library that dies while it writes leaves JSON that just stops. */
static bool report_broken(const json_error_t *error, const char *path, struct failure *failure)
{
	if (json_error_code(error) == json_error_premature_end_of_input)
		return failure_set(failure, FAILURE_DAMAGED,
			"the dump %s is truncated: its JSON does not end", path);
	return failure_set(failure, FAILURE_DAMAGED, "the dump %s is corrupt: line %d: %s", path,
		error->line, error->text);
}

bool dump_json_read(struct books *books, struct sites *sites, const char *bytes, size_t count,
	const char *path, struct failure *failure)
{
	json_error_t error;
	json_t *root = json_loadb(bytes, count, 0, &error);

	if (root == NULL)
		return report_broken(&error, path, failure);
	bool done = read_root(books, root, path, failure) &&
		(sites == NULL || sites_json_read(sites, root, books->exe, path, failure));
	json_decref(root);
	return done;
}
