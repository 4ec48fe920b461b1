#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/control.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/units.h"

enum {
	OPTION_JSON = 256,
	OPTION_TIMEOUT,
	DEFAULT_TIMEOUT_MS = 10000,
	POLL_FIRST_MS = 2,
	POLL_MOST_MS = 64,
	COALESCE_MS = 300
};

/* Signals coalesce: if somebody else asked at the same moment, one dump answers
   both and bears one number.  So one that is not ours will do if no other comes. */
static bool wait_for_dump(struct target *target, int fd, uint64_t request, uint64_t timeout_ms,
	struct failure *failure)
{
	uint64_t count = target->content.dump.dump_count, deadline = control_now_ms() + timeout_ms;
	struct pollfd end = {.fd = fd, .events = POLLIN};
	struct box_dump *dump = &target->content.dump, now;

	for (int wait_ms = POLL_FIRST_MS;; wait_ms = wait_ms < POLL_MOST_MS ? 2 * wait_ms : POLL_MOST_MS) {
		bool is_over = poll(&end, 1, wait_ms) > 0;
		if (control_read(target->path, BOX_SECTION_DUMP, 0, &now, sizeof(now)) &&
			now.dump_count > count) {
			if (dump->dump_count == count && control_now_ms() + COALESCE_MS < deadline)
				deadline = control_now_ms() + COALESCE_MS;
			*dump = now;
			if (now.request == request)
				return true;
		}
		if ((is_over || control_now_ms() >= deadline) && dump->dump_count != count)
			return true;
		if (is_over)
			return failure_set(failure, FAILURE_CANNOT,
				"%s ended before it had written a dump", target->title);
		if (control_now_ms() >= deadline)
			return control_no_answer(target, "dump", failure);
	}
}

static int print_dump(const struct target *target, bool as_json)
{
	char path[CONTROL_PATH_BYTES];
	struct failure failure;
	struct target dump;
	struct report report;
	struct file file;

	control_path(target, target->content.dump.path, path, sizeof(path));
	if (target->content.dump.error != 0) {
		failure_set(&failure, FAILURE_CANNOT, "%s could not write its dump to %s: %s",
			target->title, path, strerror((int)target->content.dump.error));
		return failure_report(&failure);
	}
	if (as_json) {
		if (!target_open(&dump, path, &failure) || !report_gather(&report, &dump, &failure))
			return failure_report(&failure);
		bool done = report_print_json(&report);
		report_free(&report);
		return command_end(done ? FAILURE_NONE : FAILURE_CANNOT);
	}
	if (!file_read(path, &file, &failure))
		return failure_report(&failure);
	/* Whatever names a program has: no escape sequence reaches the terminal. */
	text_clean_bytes(file.bytes, file.count);
	fwrite(file.bytes, 1, file.count, stdout);
	file_free(&file);
	fflush(stdout);
	fprintf(stderr, "mstat: the dump is %s\n", path);
	return command_end(FAILURE_NONE);
}

static int dump(pid_t pid, bool as_json, uint64_t timeout_ms)
{
	struct target target;
	struct failure failure;
	uint64_t request = control_number(31);

	if (!target_open_process(&target, pid, &failure))
		return failure_report(&failure);
	int fd = control_open(&target, &failure);
	bool done = fd >= 0 && control_send(fd, &target, request, &failure) &&
		wait_for_dump(&target, fd, request, timeout_ms, &failure);
	if (fd >= 0)
		close(fd);
	int status = done ? print_dump(&target, as_json) : failure_report(&failure);
	target_close(&target);
	return status;
}

int command_dump(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON},
		{"timeout", required_argument, NULL, OPTION_TIMEOUT},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	uint64_t timeout_ms = DEFAULT_TIMEOUT_MS;
	bool as_json = false;
	int64_t pid;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_JSON:
			as_json = true;
			break;
		case OPTION_TIMEOUT:
			if (!units_parse_duration(optarg, &timeout_ms))
				return failure_usage("dump", "%s is no time", optarg);
			break;
		case 'h':
			return command_help("dump");
		default:
			return command_bad_option("dump", option, argv);
		}
	}
	if (argc - optind != 1)
		return failure_usage("dump", "one PID is needed, not %d", argc - optind);
	if (!units_parse_pid(argv[optind], &pid))
		return failure_usage("dump", "%s is no PID", argv[optind]);
	return dump((pid_t)pid, as_json, timeout_ms);
}
