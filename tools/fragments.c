#include "tools/fragments.h"

#include <getopt.h>
#include <stdio.h>

#include "tools/command.h"
#include "tools/target.h"
#include "tools/units.h"

enum { OPTION_JSON = 256, OPTION_TOP, OPTION_CLASSES, OPTION_BYTES, OPTION_FLAME, OPTION_FOLDED,
	OPTION_TIMEOUT, OPTION_DEBUGINFOD };

enum { DEFAULT_TIMEOUT_MS = 60000, TOP_DEFAULT = 20 };

/* What the command line asked for. */
struct wish {
	struct fragments_options options;
	uint64_t timeout_ms;
	const char *flame_path; /* NULL: not wanted */
	bool as_folded;
	bool as_json;
};

static bool no_memory(struct failure *failure)
{
	return failure_set(failure, FAILURE_CANNOT, "no memory for what is pinned");
}

static bool write_all(struct fragments *fragments, const struct wish *wish, struct failure *failure)
{
	bool has_tree = wish->flame_path != NULL || wish->as_folded;

	if (has_tree && !prof_write_tree(&fragments->prof, STACK_BY_FUNCTION, wish->as_folded,
				wish->flame_path, failure))
		return false;
	if (wish->as_json)
		return fragments_print_json(fragments) || no_memory(failure);
	if (!has_tree)
		fragments_print_text(fragments, &wish->options);
	return true;
}

static bool fragments_write(struct target *target, const struct survey *survey,
	const struct wish *wish, struct failure *failure)
{
	struct fragments fragments;

	if (!fragments_gather(&fragments, target, survey, &wish->options, failure))
		return false;
	bool done = write_all(&fragments, wish, failure);
	fragments_free(&fragments);
	return done;
}

static int fragments_run(const struct wish *wish, const char *argument)
{
	struct target target;
	struct survey survey;
	struct failure failure;

	if (!target_open_sites(&target, argument, &failure))
		return failure_report(&failure);
	bool has_survey = survey_take(&survey, &target, SURVEY_FRAGMENTS, sizeof(struct survey_fragment),
		wish->timeout_ms, &failure);
	bool done = has_survey && fragments_write(&target, &survey, wish, &failure);
	if (has_survey)
		survey_free(&survey);
	target_close(&target);
	return done ? command_end(FAILURE_NONE) : failure_report(&failure);
}

/* A status, or -1: it was taken. */
static int option_take(struct wish *wish, int option, char *const *argv)
{
	switch (option) {
	case OPTION_TOP:
		return command_parse_top(optarg, &wish->options.top_count)
			? -1 : failure_usage("fragments", "%s is no number", optarg);
	case OPTION_TIMEOUT:
		return units_parse_duration(optarg, &wish->timeout_ms)
			? -1 : failure_usage("fragments", "%s is no time", optarg);
	case OPTION_FLAME:
		wish->flame_path = optarg;
		return -1;
	case OPTION_FOLDED:
		wish->as_folded = true;
		return -1;
	case OPTION_JSON:
		wish->as_json = true;
		return -1;
	case OPTION_CLASSES:
		wish->options.all_classes = true;
		return -1;
	case OPTION_BYTES:
		wish->options.exact_bytes = true;
		return -1;
	case OPTION_DEBUGINFOD:
		wish->options.use_debuginfod = true;
		return -1;
	case 'h':
		return command_help("fragments");
	default:
		return command_bad_option("fragments", option, argv);
	}
}

static bool is_output(const char *path)
{
	return path != NULL && path[0] == '-' && path[1] == '\0';
}

static int fragments_of(struct wish *wish, int argc, char **argv)
{
	int64_t pid;

	if (wish->as_folded + wish->as_json + is_output(wish->flame_path) > 1)
		return failure_usage("fragments", "only one of --folded, --json and --flame - can go to the "
						  "output");
	if (argc - optind != 1)
		return failure_usage("fragments", "one PID is needed, not %d", argc - optind);
	if (!units_parse_pid(argv[optind], &pid))
		return failure_usage("fragments", "%s is no PID", argv[optind]);
	return fragments_run(wish, argv[optind]);
}

int command_fragments(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"top", required_argument, NULL, OPTION_TOP},
		{"classes", no_argument, NULL, OPTION_CLASSES}, {"bytes", no_argument, NULL, OPTION_BYTES},
		{"flame", required_argument, NULL, OPTION_FLAME},
		{"folded", no_argument, NULL, OPTION_FOLDED},
		{"timeout", required_argument, NULL, OPTION_TIMEOUT},
		{"debuginfod", no_argument, NULL, OPTION_DEBUGINFOD}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct wish wish = {.options.top_count = TOP_DEFAULT, .timeout_ms = DEFAULT_TIMEOUT_MS};
	int status = -1;

	for (int option; status < 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;)
		status = option_take(&wish, option, argv);
	return status < 0 ? fragments_of(&wish, argc, argv) : status;
}
