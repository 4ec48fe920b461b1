#include "tools/leaks.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/units.h"

enum { OPTION_JSON = 256, OPTION_SUPPRESSIONS, OPTION_TOP, OPTION_ALL, OPTION_BYTES, OPTION_TIMEOUT,
	OPTION_DEBUGINFOD, OPTION_FOUND };

enum { DEFAULT_TIMEOUT_MS = 60000, TOP_DEFAULT = 20 };

/* What the command line asked for. */
struct wish {
	struct leaks_options options;
	struct suppressions suppressions;
	const char *found;   /* a file that a process which ends had written; NULL: it is asked */
	uint64_t timeout_ms;
	bool as_json;
};

static bool survey_open(struct survey *survey, struct target *target, const struct wish *wish,
	struct failure *failure)
{
	return wish->found != NULL
		? survey_read(survey, wish->found, SURVEY_LEAKS, sizeof(struct survey_leak), failure)
		: survey_take(survey, target, SURVEY_LEAKS, sizeof(struct survey_leak), wish->timeout_ms,
			failure);
}

/* Who asks at a program's end wants to hear nothing if all is well. */
static int print(struct leaks *leaks, const struct wish *wish)
{
	struct failure failure;

	if (wish->found != NULL && !leaks_are_there(leaks))
		return FAILURE_NONE;
	if (!wish->as_json)
		leaks_print_text(leaks, &wish->options);
	else if (!leaks_print_json(leaks)) {
		failure_set(&failure, FAILURE_CANNOT, "no memory for the leaks of %s", leaks->target->title);
		return failure_report(&failure);
	}
	return command_end(leaks_are_there(leaks) ? FAILURE_LEAKS : FAILURE_NONE);
}

static int leaks_run(const struct wish *wish, const char *argument)
{
	struct target target;
	struct survey survey;
	struct leaks leaks;
	struct failure failure;
	int status = -1;

	if (!target_open_sites(&target, argument, &failure))
		return failure_report(&failure);
	bool has_survey = survey_open(&survey, &target, wish, &failure);
	if (has_survey && leaks_gather(&leaks, &target, &survey, &wish->suppressions, &wish->options,
			&failure)) {
		status = print(&leaks, wish);
		leaks_free(&leaks);
	}
	if (has_survey)
		survey_free(&survey);
	target_close(&target);
	return status >= 0 ? status : failure_report(&failure);
}

/* A status, or -1: it was taken. */
static int option_take(struct wish *wish, int option, char *const *argv)
{
	struct failure failure;

	switch (option) {
	case OPTION_SUPPRESSIONS:
		return suppressions_read(&wish->suppressions, optarg, &failure) ? -1 : failure_report(&failure);
	case OPTION_TOP:
		return command_parse_top(optarg, &wish->options.top_count)
			? -1 : failure_usage("leaks", "%s is no number", optarg);
	case OPTION_TIMEOUT:
		return units_parse_duration(optarg, &wish->timeout_ms)
			? -1 : failure_usage("leaks", "%s is no time", optarg);
	case OPTION_FOUND:
		wish->found = optarg;
		return -1;
	case OPTION_JSON:
		wish->as_json = true;
		return -1;
	case OPTION_ALL:
		wish->options.all = true;
		return -1;
	case OPTION_BYTES:
		wish->options.exact_bytes = true;
		return -1;
	case OPTION_DEBUGINFOD:
		wish->options.use_debuginfod = true;
		return -1;
	case 'h':
		return command_help("leaks");
	default:
		return command_bad_option("leaks", option, argv);
	}
}

static int leaks_of(struct wish *wish, int argc, char **argv)
{
	int64_t pid;

	if (argc - optind != 1)
		return failure_usage("leaks", "one PID is needed, not %d", argc - optind);
	if (!units_parse_pid(argv[optind], &pid))
		return failure_usage("leaks", "%s is no PID", argv[optind]);
	return leaks_run(wish, argv[optind]);
}

int command_leaks(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"suppressions", required_argument, NULL, OPTION_SUPPRESSIONS},
		{"top", required_argument, NULL, OPTION_TOP}, {"all", no_argument, NULL, OPTION_ALL},
		{"bytes", no_argument, NULL, OPTION_BYTES},
		{"timeout", required_argument, NULL, OPTION_TIMEOUT},
		{"debuginfod", no_argument, NULL, OPTION_DEBUGINFOD},
		{"found", required_argument, NULL, OPTION_FOUND}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct wish wish = {.options.top_count = TOP_DEFAULT, .timeout_ms = DEFAULT_TIMEOUT_MS};
	int status = -1;

	for (int option; status < 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;)
		status = option_take(&wish, option, argv);
	if (status < 0)
		status = leaks_of(&wish, argc, argv);
	suppressions_free(&wish.suppressions);
	return status;
}
