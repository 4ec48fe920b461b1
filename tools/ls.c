#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tools/boxes.h"
#include "tools/clear.h"
#include "tools/command.h"
#include "tools/table.h"
#include "tools/term.h"
#include "tools/units.h"

enum { OPTION_JSON = 256, OPTION_CLEAR, OPTION_DIR, OPTION_ALL };

enum { DEAD_SHOWN = 20 };

struct listing {
	struct boxes boxes;
	size_t removed_count;
	bool all; /* the dead too, however many */
};

static bool is_live(const struct box_entry *entry)
{
	return entry->life == LIFE_LIVE && !entry->is_damaged;
}

static int64_t entry_pid(const struct box_entry *entry)
{
	return is_live(entry) ? entry->process.pid : entry->pid;
}

/* The living by number, then the dead, the one last heard of first. */
static int compare_entries(const void *a, const void *b)
{
	const struct box_entry *left = a, *right = b;

	if (is_live(left) != is_live(right))
		return is_live(left) ? -1 : 1;
	if (is_live(left))
		return (left->process.pid > right->process.pid) -
			(left->process.pid < right->process.pid);
	return (left->touched < right->touched) - (left->touched > right->touched);
}

static const char *entry_state(const struct box_entry *entry)
{
	return entry->is_damaged ? "damaged" : target_life_word(entry->life);
}

static size_t print_live(const struct boxes *boxes)
{
	static const struct table_column columns[] = {{"PID", false}, {"live", false},
		{"in spans", false}, {"peak", false}, {"threads", false}, {"up", false},
		{"command", true}};
	struct table table;
	size_t count = 0;
	char pid[16];

	table_begin(&table, columns, 7);
	for (; count < boxes->count && is_live(&boxes->list[count]); count++) {
		const struct box_entry *entry = &boxes->list[count];
		uint64_t started = entry->start_realtime_ns / 1000000000u, now = (uint64_t)time(NULL);
		snprintf(pid, sizeof(pid), "%d", (int)entry->process.pid);
		table_add(&table, pid);
		table_add(&table, units_bytes((int64_t)entry->live_bytes, false).text);
		table_add(&table, units_bytes((int64_t)entry->inuse_bytes, false).text);
		table_add(&table, units_bytes((int64_t)entry->peak_bytes, false).text);
		table_add(&table, units_count(entry->process.thread_count).text);
		table_add(&table, units_age(now > started ? now - started : 0).text);
		table_add(&table, entry->command != NULL ? entry->command : "?");
	}
	table_print(&table);
	return count;
}

static void print_dead(const struct boxes *boxes, size_t first, bool all)
{
	static const struct table_column columns[] = {{"box", true}, {"state", true},
		{"live", false}, {"silent", false}, {"command", true}};
	size_t count = boxes->count - first;
	size_t shown = all || count < DEAD_SHOWN ? count : DEAD_SHOWN;
	time_t now = time(NULL);
	struct table table;

	printf("%sBoxes without a process%s\n", term_bold(), term_plain());
	table_begin(&table, columns, 5);
	for (size_t i = first; i < first + shown; i++) {
		const struct box_entry *entry = &boxes->list[i];
		time_t silent = now > entry->touched ? now - entry->touched : 0;
		table_add(&table, entry->path);
		table_add(&table, entry_state(entry));
		table_add(&table, entry->is_damaged ? "?" :
			units_bytes((int64_t)entry->live_bytes, false).text);
		table_add(&table, units_age((uint64_t)silent).text);
		table_add(&table, entry->command != NULL ? entry->command : "?");
	}
	table_print(&table);
	if (shown < count)
		printf("%zu older ones: --all shows them, --clear removes them.\n", count - shown);
	printf("'mstat post' tells of each how it ended, and who held its memory.\n");
}

static void print_text(const struct listing *listing)
{
	const struct boxes *boxes = &listing->boxes;
	size_t live = 0;

	if (boxes->count == 0)
		printf("No process that can be seen runs under libmstat, and none has left a box.\n");
	else if (is_live(&boxes->list[0]))
		live = print_live(boxes);
	if (live < boxes->count) {
		printf("%s", live > 0 ? "\n" : "");
		print_dead(boxes, live, listing->all);
	}
	if (listing->removed_count != 0)
		printf("\n%zu file%s of dead processes removed.\n", listing->removed_count,
			listing->removed_count == 1 ? "" : "s");
}

static json_t *entry_json(const struct box_entry *entry)
{
	json_t *object = json_object();

	json_object_set_new(object, "path", json_string(entry->path));
	json_object_set_new(object, "state", json_string(entry_state(entry)));
	json_object_set_new(object, "pid", json_integer(entry_pid(entry)));
	if (entry->is_damaged) {
		json_object_set_new(object, "error", json_string(entry->failure.text));
		return object;
	}
	json_object_set_new(object, "inner_pid", json_integer(entry->pid));
	json_object_set_new(object, "exe", json_string(entry->exe));
	json_object_set_new(object, "command", json_string(entry->command));
	json_object_set_new(object, "start_realtime_ns",
		json_integer((json_int_t)entry->start_realtime_ns));
	json_object_set_new(object, "realtime_ns", json_integer((json_int_t)entry->realtime_ns));
	json_object_set_new(object, "live_bytes", json_integer((json_int_t)entry->live_bytes));
	json_object_set_new(object, "inuse_bytes", json_integer((json_int_t)entry->inuse_bytes));
	json_object_set_new(object, "peak_bytes", json_integer((json_int_t)entry->peak_bytes));
	return object;
}

static void print_json(const struct listing *listing)
{
	json_t *root = json_object(), *array = json_array();

	for (size_t i = 0; i < listing->boxes.count; i++)
		json_array_append_new(array, entry_json(&listing->boxes.list[i]));
	json_object_set_new(root, "mstat_ls", json_integer(1));
	json_object_set_new(root, "boxes", array);
	json_object_set_new(root, "removed_count", json_integer((json_int_t)listing->removed_count));
	json_dumpf(root, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(root);
}

static int list(bool as_json, bool clear_all, bool all, const char *dir)
{
	struct listing listing = {.all = all};
	struct places places;
	size_t process_count;
	struct process *processes = process_list(&process_count);

	places_find(&places, dir, processes, process_count);
	boxes_find(&listing.boxes, &places, processes, process_count);
	listing.removed_count = clear_boxes(&listing.boxes, clear_all) +
		clear_dumps(&places, clear_all, processes, process_count);
	if (listing.boxes.count > 0)
		qsort(listing.boxes.list, listing.boxes.count, sizeof(listing.boxes.list[0]),
			compare_entries);
	(as_json ? print_json : print_text)(&listing);
	boxes_free(&listing.boxes);
	places_free(&places);
	free(processes);
	return command_end(FAILURE_NONE);
}

int command_ls(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"clear", no_argument, NULL, OPTION_CLEAR}, {"all", no_argument, NULL, OPTION_ALL},
		{"dir", required_argument, NULL, OPTION_DIR}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	bool as_json = false, clear_all = false, all = false;
	const char *dir = NULL;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case OPTION_CLEAR:
			clear_all = true;
			break;
		case OPTION_ALL:
			all = true;
			break;
		case OPTION_DIR:
			dir = optarg;
			break;
		case 'h':
			return command_help("ls");
		default:
			return command_bad_option("ls", option, argv);
		}
	}
	if (argc != optind)
		return failure_usage("ls", "no argument is needed, so not %s either", argv[optind]);
	return list(as_json, clear_all, all, dir);
}
