#include "tools/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "stats/conf.h"

uint64_t control_now_ms(void)
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

static bool is_heard(const struct target *target, struct failure *failure)
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
	return failure_set(failure, FAILURE_CANNOT, "nothing was sent: %s would not answer %s: %s",
		target->title, name_of_signal(signal->signal_number), why);
}

int control_open(const struct target *target, struct failure *failure)
{
	const struct process *process = &target->process;

	if (!is_heard(target, failure))
		return -1;
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

uint64_t control_number(unsigned bits)
{
	uint64_t number = 0, most = ((uint64_t)1 << bits) - 1;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint64_t)getpid();
	number &= most;
	return number != 0 ? number : 1;
}

bool control_send(int fd, const struct target *target, uint64_t request, struct failure *failure)
{
	int number = (int)target->content.signal.signal_number;
	siginfo_t info = {0};

	info.si_signo = number;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)request;
	if (pidfd_send_signal(fd, number, &info, 0) == 0)
		return true;
	if (errno == EPERM)
		return failure_set(failure, FAILURE_CANNOT, "no permission to send %s to %s",
			name_of_signal(number), target->title);
	return failure_set(failure, FAILURE_CANNOT, "cannot send %s to %s: %s",
		name_of_signal(number), target->title, strerror(errno));
}

bool control_no_answer(const struct target *target, const char *will, struct failure *failure)
{
	struct process now;
	const char *signal = name_of_signal(target->content.signal.signal_number);

	if (process_read(target->process.pid, &now) && (now.state == 'T' || now.state == 't'))
		return failure_set(failure, FAILURE_CANNOT,
			"%s has not answered: it is stopped, and will %s when it goes on",
			target->title, will);
	return failure_set(failure, FAILURE_CANNOT,
		"%s has not answered in time: it may block %s", target->title, signal);
}

bool control_read(const char *path, enum box_section_kind kind, uint32_t index, void *payload,
	size_t payload_bytes)
{
	struct failure unused;
	struct box_image image;
	struct file file;

	if (!file_read(path, &file, &unused))
		return false;
	bool done = box_image_open(&image, file.bytes, file.count, path, &unused) &&
		box_part_read(&image, kind, index, payload, payload_bytes) == PART_FOUND;
	file_free(&file);
	return done;
}

void control_path(const struct target *target, const char *inner, char *path, size_t path_bytes)
{
	char text[BOX_PATH_BYTES + 1], cwd[PATH_MAX], link[64], root[64] = "";
	int pid = (int)target->process.pid;

	memcpy(text, inner, BOX_PATH_BYTES);
	text[BOX_PATH_BYTES] = '\0';
	snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
	ssize_t bytes = text[0] == '/' ? 0 : readlink(link, cwd, sizeof(cwd) - 1);
	cwd[bytes > 0 ? bytes : 0] = '\0';
	if (process_namespace(target->process.pid, "mnt") != process_namespace(getpid(), "mnt"))
		snprintf(root, sizeof(root), "/proc/%d/root", pid);
	snprintf(path, path_bytes, "%s%s%s%s", root, cwd, bytes > 0 ? "/" : "", text);
}
