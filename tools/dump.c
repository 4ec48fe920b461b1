#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "stats/conf.h"
#include "tools/command.h"
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

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *name_of_signal(int64_t number)
{
	const char *name = signal_name((int)number);

	return name != NULL ? name : "the dump signal";
}

/* The box says whose handler it is; the kernel says whether there is one. */
static bool may_signal(const struct target *target, struct failure *failure)
{
	const struct box_signal *signal = &target->content.signal;
	const char *why = NULL;

	if (signal->state == BOX_SIGNAL_NONE)
		return failure_set(failure, FAILURE_CANNOT,
			"%s has no dump signal: it runs with signal:none", target->title);
	if (signal->state == BOX_SIGNAL_PROGRAM)
		why = "the program has a handler of its own";
	else if (signal->state == BOX_SIGNAL_IGNORED)
		why = "the program ignores it";
	else if (signal->state != BOX_SIGNAL_OURS)
		why = "the program took libmstat's handler away";
	else if (!process_catches(&target->process, signal->signal_number))
		why = "it has no handler any more";
	if (why == NULL)
		return true;
	return failure_set(failure, FAILURE_CANNOT, "nothing was sent: %s would not dump on %s: %s",
		target->title, name_of_signal(signal->signal_number), why);
}

/* A descriptor that is this process's, whatever becomes of its number. */
static int process_open(const struct process *process, struct failure *failure)
{
	int fd = pidfd_open(process->pid, 0);

	if (fd < 0) {
		failure_set(failure, FAILURE_CANNOT, "cannot open process %d: %s", (int)process->pid,
			strerror(errno));
		return -1;
	}
	if (process_start_ticks(process->pid) == process->start_ticks)
		return fd;
	close(fd);
	failure_set(failure, FAILURE_CANNOT, "process %d ended", (int)process->pid);
	return -1;
}

/* What the handler writes back, so that our dump is told from another's. */
static int request_number(void)
{
	int number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (int)getpid();
	number &= INT32_MAX;
	return number != 0 ? number : 1;
}

static bool send_signal(int fd, const struct target *target, int request, struct failure *failure)
{
	int number = (int)target->content.signal.signal_number;
	siginfo_t info = {0};

	info.si_signo = number;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = request;
	if (pidfd_send_signal(fd, number, &info, 0) == 0)
		return true;
	if (errno == EPERM)
		return failure_set(failure, FAILURE_CANNOT, "no permission to send %s to %s",
			name_of_signal(number), target->title);
	return failure_set(failure, FAILURE_CANNOT, "cannot send %s to %s: %s",
		name_of_signal(number), target->title, strerror(errno));
}

/* The box's word on the last dump; false if it cannot be read at this moment. */
static bool last_dump(const char *path, struct box_dump *dump)
{
	struct failure unused;
	struct box_image image;
	struct file file;

	if (!file_read(path, &file, &unused))
		return false;
	bool done = box_image_open(&image, file.bytes, file.count, path, &unused) &&
		box_part_read(&image, BOX_SECTION_DUMP, 0, dump, sizeof(*dump)) == PART_FOUND;
	file_free(&file);
	return done;
}

static bool no_answer(const struct target *target, struct failure *failure)
{
	struct process now;
	const char *signal = name_of_signal(target->content.signal.signal_number);

	if (process_read(target->process.pid, &now) && (now.state == 'T' || now.state == 't'))
		return failure_set(failure, FAILURE_CANNOT,
			"%s has not answered: it is stopped, and will dump when it goes on",
			target->title);
	return failure_set(failure, FAILURE_CANNOT,
		"%s has not answered in time: it may block %s", target->title, signal);
}

/* Signals coalesce: if somebody else asked at the same moment, one dump answers
   both and bears one number.  So one that is not ours will do if no other comes. */
static bool wait_for_dump(struct target *target, int fd, int request, uint64_t timeout_ms,
	struct failure *failure)
{
	uint64_t count = target->content.dump.dump_count, deadline = now_ms() + timeout_ms;
	struct pollfd end = {.fd = fd, .events = POLLIN};
	struct box_dump *dump = &target->content.dump, now;

	for (int wait_ms = POLL_FIRST_MS;; wait_ms = wait_ms < POLL_MOST_MS ? 2 * wait_ms : POLL_MOST_MS) {
		bool is_over = poll(&end, 1, wait_ms) > 0;
		if (last_dump(target->path, &now) && now.dump_count > count) {
			if (dump->dump_count == count && now_ms() + COALESCE_MS < deadline)
				deadline = now_ms() + COALESCE_MS;
			*dump = now;
			if (now.request == (uint64_t)request)
				return true;
		}
		if ((is_over || now_ms() >= deadline) && dump->dump_count != count)
			return true;
		if (is_over)
			return failure_set(failure, FAILURE_CANNOT,
				"%s ended before it had written a dump", target->title);
		if (now_ms() >= deadline)
			return no_answer(target, failure);
	}
}

/* The path is in the process's view of the files. */
static void dump_path(const struct target *target, char *path, size_t path_bytes)
{
	char inner[BOX_PATH_BYTES + 1], cwd[PATH_MAX], link[64], root[64] = "";
	const struct box_dump *dump = &target->content.dump;
	int pid = (int)target->process.pid;

	memcpy(inner, dump->path, BOX_PATH_BYTES);
	inner[BOX_PATH_BYTES] = '\0';
	snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
	ssize_t bytes = inner[0] == '/' ? 0 : readlink(link, cwd, sizeof(cwd) - 1);
	cwd[bytes > 0 ? bytes : 0] = '\0';
	if (process_namespace(target->process.pid, "mnt") != process_namespace(getpid(), "mnt"))
		snprintf(root, sizeof(root), "/proc/%d/root", pid);
	snprintf(path, path_bytes, "%s%s%s%s", root, cwd, bytes > 0 ? "/" : "", inner);
}

static int print_dump(const struct target *target, bool as_json)
{
	char path[PATH_MAX + BOX_PATH_BYTES + 128];
	struct failure failure;
	struct target dump;
	struct report report;
	struct file file;

	dump_path(target, path, sizeof(path));
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
	int request = request_number();

	if (!target_open_process(&target, pid, &failure))
		return failure_report(&failure);
	int fd = may_signal(&target, &failure) ? process_open(&target.process, &failure) : -1;
	bool done = fd >= 0 && send_signal(fd, &target, request, &failure) &&
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
