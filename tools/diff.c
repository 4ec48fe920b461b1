#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "stats/fields.h"
#include "tools/table.h"
#include "tools/target.h"
#include "tools/term.h"
#include "tools/units.h"

enum { OPTION_JSON = 256, OPTION_BYTES };

/* One figure of both. */
struct change {
	char name[96];
	bool is_bytes;
	int64_t before;
	int64_t after;
};

struct changes {
	struct change *list;
	size_t count;
};

static int64_t change_of(const struct change *change)
{
	return (int64_t)((uint64_t)change->after - (uint64_t)change->before);
}

static uint64_t size_of_change(const struct change *change)
{
	int64_t value = change_of(change);

	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static int compare_changes(const void *a, const void *b)
{
	uint64_t left = size_of_change(a), right = size_of_change(b);

	return (left < right) - (left > right);
}

/* Only what differs is a change. */
static void change_add(struct changes *changes, const char *name, bool is_bytes, uint64_t before,
	uint64_t after)
{
	if (before == after)
		return;
	struct change *larger = reallocarray(changes->list, changes->count + 1, sizeof(*larger));
	if (larger == NULL)
		return;
	changes->list = larger;
	struct change *change = &larger[changes->count++];
	*change = (struct change){.is_bytes = is_bytes, .before = (int64_t)before,
		.after = (int64_t)after};
	snprintf(change->name, sizeof(change->name), "%s", name);
}

static struct changes totals_compare(const struct books *a, const struct books *b)
{
	struct changes changes = {0};

	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		change_add(&changes, field->name, field->is_bytes, stats_field_read(&a->totals, field),
			stats_field_read(&b->totals, field));
	return changes;
}

static const struct books_class *class_find(const struct books *books, uint64_t size_bytes)
{
	static const struct books_class none;

	for (uint32_t i = 1; i < books->class_count; i++)
		if (books->classes[i].size_bytes == size_bytes)
			return &books->classes[i];
	return &none;
}

/* Live bytes by size, so that two versions with other classes still compare. */
static struct changes classes_compare(const struct books *a, const struct books *b)
{
	struct changes changes = {0};

	for (int side = 0; side < 2; side++) {
		const struct books *books = side == 0 ? a : b;
		for (uint32_t i = 1; i < books->class_count; i++) {
			uint64_t size = books->classes[i].size_bytes;
			const struct books_class *before = class_find(a, size);
			if (side == 1 && before->size_bytes != 0)
				continue; /* compared from the other side */
			change_add(&changes, units_count((int64_t)size).text, true,
				books_class_live_bytes(before),
				books_class_live_bytes(class_find(b, size)));
		}
	}
	change_add(&changes, "large", true, a->totals.large_alloc, b->totals.large_alloc);
	return changes;
}

static int64_t thread_alloc(const struct books *books, const struct books_thread *like)
{
	for (size_t i = 0; i < books->thread_count; i++)
		if (books->threads[i].tid == like->tid)
			return books->threads[i].alloc;
	return 0;
}

static bool thread_is_in(const struct books *books, const struct books_thread *like)
{
	for (size_t i = 0; i < books->thread_count; i++)
		if (books->threads[i].tid == like->tid)
			return true;
	return false;
}

static struct changes threads_compare(const struct books *a, const struct books *b)
{
	struct changes changes = {0};

	for (int side = 0; side < 2; side++) {
		const struct books *books = side == 0 ? a : b;
		for (size_t i = 0; i < books->thread_count; i++) {
			const struct books_thread *thread = &books->threads[i];
			char name[96];
			if (side == 1 && thread_is_in(a, thread))
				continue;
			snprintf(name, sizeof(name), "%" PRId64 " %s", thread->tid, thread->name);
			change_add(&changes, name, true, (uint64_t)thread_alloc(a, thread),
				(uint64_t)thread_alloc(b, thread));
		}
	}
	return changes;
}

static void sort(struct changes *changes)
{
	if (changes->count > 0)
		qsort(changes->list, changes->count, sizeof(*changes->list), compare_changes);
}

static void print_changes(const char *title, const struct changes *changes, bool exact)
{
	const struct table_column columns[] = {{title, true}, {"before", false}, {"after", false},
		{"change", false}};
	struct table table;

	if (changes->count == 0)
		return;
	printf("\n");
	table_begin(&table, columns, 4);
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];
		table_add(&table, change->name);
		if (change->is_bytes) {
			table_add(&table, units_bytes(change->before, exact).text);
			table_add(&table, units_bytes(change->after, exact).text);
			table_add(&table, units_change(change_of(change), exact).text);
		} else {
			table_add(&table, units_count(change->before).text);
			table_add(&table, units_count(change->after).text);
			table_add(&table, units_count_change(change_of(change)).text);
		}
	}
	table_print(&table);
}

static void print_side(const char *label, const struct target *target)
{
	bool is_live = target->kind == TARGET_BOX && target->life == LIFE_LIVE;

	printf("%s  %s%s%s  %s%s\n", label, term_bold(), target->title, term_plain(),
		is_live ? "now" : units_time(target->books.realtime_ns).text,
		target->books.exactness == BOOKS_EXACT ? "" : ", as published");
}

static void set_changes(json_t *root, const char *key, const struct changes *changes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];
		json_t *object = json_object();
		json_object_set_new(object, "name", json_string(change->name));
		json_object_set_new(object, "before", json_integer(change->before));
		json_object_set_new(object, "after", json_integer(change->after));
		json_object_set_new(object, "change", json_integer(change_of(change)));
		json_array_append_new(array, object);
	}
	json_object_set_new(root, key, array);
}

static void print_json(const struct target *a, const struct target *b,
	const struct changes *totals, const struct changes *classes, const struct changes *threads)
{
	json_t *root = json_object();

	json_object_set_new(root, "mstat_diff", json_integer(1));
	json_object_set_new(root, "before", json_string(a->title));
	json_object_set_new(root, "after", json_string(b->title));
	set_changes(root, "totals", totals);
	set_changes(root, "classes", classes);
	set_changes(root, "threads", threads);
	json_dumpf(root, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(root);
}

static void compare(const struct target *a, const struct target *b, bool as_json, bool exact)
{
	struct changes totals = totals_compare(&a->books, &b->books);
	struct changes classes = classes_compare(&a->books, &b->books);
	struct changes threads = threads_compare(&a->books, &b->books);

	sort(&classes);
	sort(&threads);
	if (as_json) {
		print_json(a, b, &totals, &classes, &threads);
	} else {
		print_side("before", a);
		print_side("after ", b);
		print_changes("totals", &totals, exact);
		print_changes("live bytes by size class", &classes, exact);
		print_changes("live bytes by thread", &threads, exact);
		if (totals.count + classes.count + threads.count == 0)
			printf("\nNothing differs.\n");
	}
	free(totals.list);
	free(classes.list);
	free(threads.list);
}

static int diff(const char *first, const char *second, bool as_json, bool exact)
{
	struct failure failure;
	struct target a, b;

	if (!target_open(&a, first, &failure))
		return failure_report(&failure);
	if (!target_open(&b, second, &failure)) {
		target_close(&a);
		return failure_report(&failure);
	}
	compare(&a, &b, as_json, exact);
	target_close(&a);
	target_close(&b);
	return command_end(FAILURE_NONE);
}

int command_diff(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"bytes", no_argument, NULL, OPTION_BYTES}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	bool as_json = false, exact = false;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case OPTION_BYTES:
			exact = true;
			break;
		case 'h':
			return command_help("diff");
		default:
			return command_bad_option("diff", option, argv);
		}
	}
	if (argc - optind != 2)
		return failure_usage("diff", "two of PID, BOX or DUMP are needed, not %d",
			argc - optind);
	return diff(argv[optind], argv[optind + 1], as_json, exact);
}
