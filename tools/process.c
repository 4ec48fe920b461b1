#include "tools/process.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stats/box_layout.h"
#include "tools/file.h"
#include "tools/text.h"
#include "tools/units.h"

enum { STATUS_BYTES = 8192 };

/* The kernel's number for the first pid namespace, PROC_PID_INIT_INO. */
static const uint64_t FIRST_PID_NAMESPACE = 0xeffffffc;

/* Behind the name, which may hold blanks and parentheses: state (field 3) ...
   threads (20), start time (22). */
static bool parse_stat(const char *text, struct process *process)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long threads, ticks;

	if (open == NULL || close == NULL || close < open)
		return false;
	text_copy(process->name, sizeof(process->name), open + 1, (size_t)(close - open - 1));
	if (sscanf(close + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			      " %llu %*s %llu",
		    &process->state, &threads, &ticks) != 3)
		return false;
	process->thread_count = (uint32_t)threads;
	process->start_ticks = ticks;
	return true;
}

static const char *status_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? at + strlen(name) : NULL;
}

static void parse_status(const char *text, struct process *process)
{
	const char *uids = status_field(text, "\nUid:");
	const char *pids = status_field(text, "\nNSpid:");
	const char *caught = status_field(text, "\nSigCgt:");
	unsigned uid;

	if (uids != NULL && sscanf(uids, "%*u %u", &uid) == 1)
		process->uid = uid;
	if (caught != NULL)
		process->caught_signals = strtoull(caught, NULL, 16);
	/* The last is what the process itself sees. */
	for (char *end; pids != NULL && *pids != '\n' && *pids != '\0'; pids = end) {
		long value = strtol(pids, &end, 10);
		if (end == pids)
			break;
		process->inner_pid = (pid_t)value;
	}
}

static bool read_stat(pid_t pid, struct process *process)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return file_read_small(path, text, sizeof(text)) > 0 && parse_stat(text, process);
}

bool process_read(pid_t pid, struct process *process)
{
	char path[64], text[STATUS_BYTES];

	*process = (struct process){.pid = pid, .inner_pid = pid};
	if (!read_stat(pid, process))
		return false;
	/* The first thread may end before the others: then it alone is a zombie. */
	if ((process->state == 'Z' || process->state == 'X') && process->thread_count <= 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read_small(path, text, sizeof(text)) <= 0)
		return false;
	parse_status(text, process);
	return true;
}

uint64_t process_start_ticks(pid_t pid)
{
	struct process process;

	return read_stat(pid, &process) ? process.start_ticks : 0;
}

uint64_t process_rss_bytes(pid_t pid)
{
	char path[64], text[256];
	unsigned long long pages;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (file_read_small(path, text, sizeof(text)) <= 0 || sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct process *process_list(size_t *count)
{
	DIR *proc = opendir("/proc");
	struct process *list = NULL;
	size_t room = 0;
	int64_t pid;

	*count = 0;
	if (proc == NULL)
		return NULL;
	for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
		if (!units_parse_pid(entry->d_name, &pid))
			continue;
		if (*count == room) {
			room = room == 0 ? 256 : 2 * room;
			struct process *larger = reallocarray(list, room, sizeof(*list));
			if (larger == NULL)
				break;
			list = larger;
		}
		*count += process_read((pid_t)pid, &list[*count]);
	}
	closedir(proc);
	return list;
}

bool process_made(const struct process *process, const struct box_identity *identity)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	return process->inner_pid == identity->pid &&
		process->start_ticks <= identity->made_boottime_ns / tick_ns;
}

bool process_catches(const struct process *process, int64_t signal_number)
{
	return signal_number >= 1 && signal_number <= 64 &&
		(process->caught_signals >> (signal_number - 1) & 1) != 0;
}

const char *process_boot_id(void)
{
	static char boot_id[sizeof(((struct box_identity *)NULL)->boot_id)];

	if (boot_id[0] == '\0' &&
		file_read_small("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id)) > 0)
		boot_id[strcspn(boot_id, "\n")] = '\0';
	return boot_id;
}

uint64_t process_namespace(pid_t pid, const char *kind)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return stat(path, &status) == 0 ? status.st_ino : 0;
}

bool process_all_are_seen(void)
{
	return process_namespace(getpid(), "pid") == FIRST_PID_NAMESPACE;
}
