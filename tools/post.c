#include "tools/post.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/boxes.h"
#include "tools/command.h"
#include "tools/units.h"

enum { OPTION_JSON = 256, OPTION_TOP, OPTION_DIR };

enum { TOP_DEFAULT = 10 };

static const char KERNEL_LOG[] = "/dev/kmsg";

/* What the command line asked for. */
struct wish {
	size_t top_count;
	bool as_json;
	const char *dir; /* NULL: none beside the usual ones */
};

static bool refuse_living(const char *title, int64_t pid, struct failure *failure)
{
	return failure_set(failure, FAILURE_CANNOT,
		"%s lives: 'mstat show %lld' tells where its memory is, 'mstat prof %lld' who "
		"holds it", title, (long long)pid, (long long)pid);
}

/* The box of the one that was last heard of among those of a number. */
static const struct box_entry *latest_of(const struct boxes *boxes, int64_t pid, bool is_live)
{
	const struct box_entry *latest = NULL;

	for (size_t i = 0; i < boxes->count; i++) {
		const struct box_entry *entry = &boxes->list[i];
		bool lives = entry->life == LIFE_LIVE && !entry->is_damaged;
		if (lives != is_live || (lives ? entry->process.pid : entry->pid) != pid)
			continue;
		if (latest == NULL || entry->touched > latest->touched)
			latest = entry;
	}
	return latest;
}

static bool choose(const struct boxes *boxes, int64_t pid, char *path, size_t path_bytes,
	struct failure *failure)
{
	const struct box_entry *living = latest_of(boxes, pid, true);
	const struct box_entry *dead = latest_of(boxes, pid, false);
	char title[64];

	snprintf(title, sizeof(title), "process %lld", (long long)pid);
	if (living != NULL)
		return refuse_living(title, pid, failure);
	if (dead == NULL)
		return failure_set(failure, FAILURE_CANNOT,
			"there is no box of a process %lld: it was none under libmstat, or ended by "
			"itself ('mstat ls --all' lists those that there are)", (long long)pid);
	if (dead->is_damaged) {
		*failure = dead->failure;
		return false;
	}
	snprintf(path, path_bytes, "%s", dead->path);
	return true;
}

/* The path of the box that a process of this number left. */
static bool find_by_pid(int64_t pid, const char *dir, char *path, size_t path_bytes,
	struct failure *failure)
{
	struct boxes boxes;

	boxes_find_all(&boxes, dir);
	bool done = choose(&boxes, pid, path, path_bytes, failure);
	boxes_free(&boxes);
	return done;
}

static bool open_dead(struct target *target, const char *argument, const struct wish *wish,
	struct failure *failure)
{
	char path[PATH_MAX];
	int64_t pid;

	if (units_parse_pid(argument, &pid)) {
		if (!find_by_pid(pid, wish->dir, path, sizeof(path), failure))
			return false;
		argument = path;
	}
	if (!target_open_sites(target, argument, failure))
		return false;
	bool is_box = target->kind == TARGET_BOX;
	if (is_box && target->life != LIFE_LIVE)
		return true;
	if (is_box)
		refuse_living(target->title, target->process.pid, failure);
	else
		failure_set(failure, FAILURE_CANNOT,
			"%s is a dump, and a process that ended left a box", argument);
	target_close(target);
	return false;
}

static int post_run(const struct wish *wish, const char *argument)
{
	static struct target target;
	static struct post post;
	struct failure failure;

	if (!open_dead(&target, argument, wish, &failure) ||
		!post_gather(&post, &target, KERNEL_LOG, &failure))
		return failure_report(&failure);
	post.top_count = wish->top_count;
	bool done = wish->as_json ? post_print_json(&post) : post_print_text(&post);
	post_free(&post);
	if (done)
		return command_end(FAILURE_NONE);
	failure_set(&failure, FAILURE_CANNOT, "no memory to print what is known of it");
	return failure_report(&failure);
}

/* Digits; 0 is all. */
static bool parse_top(const char *text, size_t *count)
{
	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	unsigned long long value = strtoull(text, NULL, 10);
	*count = value == 0 ? SIZE_MAX : value;
	return true;
}

int command_post(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"top", required_argument, NULL, OPTION_TOP},
		{"dir", required_argument, NULL, OPTION_DIR}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct wish wish = {.top_count = TOP_DEFAULT};

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			wish.as_json = true;
			break;
		case OPTION_TOP:
			if (!parse_top(optarg, &wish.top_count))
				return failure_usage("post", "%s is no number", optarg);
			break;
		case OPTION_DIR:
			wish.dir = optarg;
			break;
		case 'h':
			return command_help("post");
		default:
			return command_bad_option("post", option, argv);
		}
	}
	if (argc - optind != 1)
		return failure_usage("post", "one PID or BOX is needed, not %d", argc - optind);
	return post_run(&wish, argv[optind]);
}
