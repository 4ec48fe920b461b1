#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stats/conf.h"
#include "tools/command.h"
#include "tools/control.h"
#include "tools/units.h"

enum { OPTION_TIMEOUT = 256, DEFAULT_TIMEOUT_MS = 10000, ASK_AGAIN_MS = 200, LOOK_MS = 5 };

static const char sample_key[] = "sample:";

/* A value that MSTAT_CONF would take. */
static bool parse_setting(const char *text, size_t *sample_bytes)
{
	size_t key_bytes = strlen(sample_key);

	return strncmp(text, sample_key, key_bytes) == 0 &&
		conf_parse_bytes(sample_bytes, text + key_bytes, strlen(text + key_bytes)) &&
		*sample_bytes <= CONF_SAMPLE_MOST_BYTES;
}

/* Signals coalesce with those that others send: it is asked until it was heard. */
static bool ask(const struct target *target, int fd, uint64_t request, uint64_t timeout_ms,
	struct failure *failure)
{
	uint64_t begin_ms = control_now_ms(), asked_ms = 0;
	struct pollfd end = {.fd = fd, .events = POLLIN};
	struct box_control control;

	for (;;) {
		uint64_t now_ms = control_now_ms();
		if (control_read(target->path, BOX_SECTION_CONTROL, 0, &control, sizeof(control)) &&
			control.request == request)
			return true;
		if (now_ms - begin_ms >= timeout_ms)
			return control_no_answer(target, "do so", failure);
		if (now_ms - asked_ms >= ASK_AGAIN_MS) {
			if (!control_send(fd, target, request, failure))
				return false;
			asked_ms = now_ms;
		}
		if (poll(&end, 1, LOOK_MS) > 0)
			return failure_set(failure, FAILURE_CANNOT, "%s ended before it had answered",
				target->title);
	}
}

static int set(pid_t pid, size_t sample_bytes, uint64_t timeout_ms)
{
	struct failure failure;
	struct target target;
	uint64_t request = (uint64_t)BOX_REQUEST_SAMPLE << BOX_REQUEST_SHIFT |
		control_number(BOX_REQUEST_SHIFT - BOX_REQUEST_NUMBER_SHIFT) << BOX_REQUEST_NUMBER_SHIFT |
		sample_bytes;

	if (!target_open_process(&target, pid, &failure))
		return failure_report(&failure);
	int fd = control_open(&target, &failure);
	bool done = fd >= 0 && ask(&target, fd, request, timeout_ms, &failure);
	if (fd >= 0)
		close(fd);
	if (done && sample_bytes != 0)
		printf("%s takes one sample in %s from now on\n", target.title,
			units_bytes((int64_t)sample_bytes, false).text);
	else if (done)
		printf("%s takes no samples from now on\n", target.title);
	target_close(&target);
	return done ? command_end(FAILURE_NONE) : failure_report(&failure);
}

int command_set(int argc, char **argv)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, OPTION_TIMEOUT},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	uint64_t timeout_ms = DEFAULT_TIMEOUT_MS;
	size_t sample_bytes;
	int64_t pid;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_TIMEOUT:
			if (!units_parse_duration(optarg, &timeout_ms))
				return failure_usage("set", "%s is no time", optarg);
			break;
		case 'h':
			return command_help("set");
		default:
			return command_bad_option("set", option, argv);
		}
	}
	if (argc - optind != 2)
		return failure_usage("set", "one PID and one sample:BYTES are needed");
	if (!units_parse_pid(argv[optind], &pid))
		return failure_usage("set", "%s is no PID", argv[optind]);
	if (!parse_setting(argv[optind + 1], &sample_bytes))
		return failure_usage("set", "%s is no sample:BYTES, as sample:64k", argv[optind + 1]);
	return set((pid_t)pid, sample_bytes, timeout_ms);
}
