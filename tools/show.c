#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/report.h"

enum { OPTION_JSON = 256, OPTION_THREADS, OPTION_CLASSES, OPTION_BYTES };

static int show(const char *argument, const struct report_options *options, bool as_json)
{
	struct failure failure;
	struct target target;
	struct report report;

	if (!target_open(&target, argument, &failure) ||
		!report_gather(&report, &target, &failure))
		return failure_report(&failure);
	bool done = true;
	if (as_json)
		done = report_print_json(&report);
	else
		report_print_text(&report, options);
	report_free(&report);
	return command_end(done ? FAILURE_NONE : FAILURE_CANNOT);
}

int command_show(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"threads", no_argument, NULL, OPTION_THREADS},
		{"classes", no_argument, NULL, OPTION_CLASSES},
		{"bytes", no_argument, NULL, OPTION_BYTES}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct report_options report_options = {0};
	bool as_json = false;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case OPTION_THREADS:
			report_options.threads = true;
			break;
		case OPTION_CLASSES:
			report_options.all_classes = true;
			break;
		case OPTION_BYTES:
			report_options.exact_bytes = true;
			break;
		case 'h':
			return command_help("show");
		default:
			return command_bad_option("show", option, argv);
		}
	}
	if (argc - optind != 1)
		return failure_usage("show", "one PID, BOX or DUMP is needed, not %d",
			argc - optind);
	return show(argv[optind], &report_options, as_json);
}
