#include "preload/cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/os.h"
#include "base/syscall.h"
#include "stats/box.h"

enum {
	TEXT_BYTES = 4096, /* /proc/self/cgroup has a line for each of a dozen hierarchies */
	FILE_BYTES = BOX_PATH_BYTES + 128,
	YOUNG_NS = 100 * 1000 * 1000 /* most processes end before, and start-up time matters */
};

/* Where the hierarchies are mounted: by systemd and by whoever makes containers. */
static const char MOUNT_V1[] = "/sys/fs/cgroup/memory";
static const char MOUNT_V2[] = "/sys/fs/cgroup";

/* Not on the stack: the slow path of malloc() may run on a small one. */
static struct {
	char text[TEXT_BYTES];
	char path[FILE_BYTES];
	struct cgroup_name name;
	struct box_cgroup group;
	uint64_t generation;
} state;

static bool was_looked_at;

static bool file_read(const char *path)
{
	ssize_t count = os_read_file(path, state.text, sizeof(state.text) - 1);

	state.text[count > 0 ? count : 0] = '\0';
	return count > 0;
}

/* A file of the group's folder, or with "" the folder. */
static const char *path_of(const char *name)
{
	struct format out;

	format_init(&out, state.path, sizeof(state.path), -1);
	format_text(&out, cgroup_mount(&state.name));
	format_text(&out, state.name.path);
	format_text(&out, name);
	format_terminate(&out);
	return state.path;
}

uint64_t cgroup_number(const char *text)
{
	uint64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return value;
}

/* A line's path, if it is of "memory" among other controllers, or of version 2. */
static const char *line_path(const char *line, bool is_v2)
{
	const char *controllers = strchr(line, ':');
	const char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

	if (path == NULL)
		return NULL;
	if (is_v2)
		return strncmp(line, "0::", 3) == 0 ? path + 1 : NULL;
	for (const char *at = controllers; at < path; at = strpbrk(at + 1, ",:"))
		if (strncmp(at + 1, "memory", 6) == 0 && strchr(",:", at[7]) != NULL)
			return path + 1;
	return NULL;
}

/* Finds the group in the text; "/" is written as "". */
static bool line_find(struct cgroup_name *name, char *text, bool is_v2)
{
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		const char *path = line_path(line, is_v2);
		size_t bytes = path != NULL ? strlen(path) : 0;
		*end = '\n';
		if (bytes == 0 || bytes >= sizeof(name->path))
			continue;
		memset(name->path, 0, sizeof(name->path));
		memcpy(name->path, path, bytes == 1 ? 0 : bytes);
		name->is_v2 = is_v2;
		return true;
	}
	return false;
}

/* Where both versions are mounted, memory counts in the one that names it. */
bool cgroup_find(struct cgroup_name *name, char *text, size_t text_bytes)
{
	ssize_t count = os_read_file("/proc/self/cgroup", text, text_bytes - 1);

	text[count > 0 ? count : 0] = '\0';
	return line_find(name, text, false) || line_find(name, text, true);
}

const char *cgroup_mount(const struct cgroup_name *name)
{
	return name->is_v2 ? MOUNT_V2 : MOUNT_V1;
}

static void limit_read(bool is_v2)
{
	if (!file_read(path_of(is_v2 ? "/memory.max" : "/memory.limit_in_bytes")))
		return;
	uint64_t limit = cgroup_number(state.text); /* of "max" 0 */
	state.group.limit_bytes = limit < CGROUP_NO_LIMIT_BYTES ? limit : 0;
}

static void kills_read(bool is_v2)
{
	if (!file_read(path_of(is_v2 ? "/memory.events" : "/memory.oom_control")))
		return;
	const char *line = strstr(state.text, "oom_kill ");
	if (line == NULL || (line != state.text && line[-1] != '\n'))
		return;
	state.group.oom_kill_count = cgroup_number(line + strlen("oom_kill "));
	state.group.flags |= BOX_CGROUP_COUNTS;
}

static void inode_read(void)
{
	struct stat status;
	long failed = syscall_of_kernel(SYS_newfstatat, AT_FDCWD, (long)path_of(""), (long)&status,
		0, 0, 0);

	if (failed == 0)
		state.group.inode = status.st_ino;
}

bool cgroup_take(void)
{
	return box_exists() && !word_load(&was_looked_at) &&
		os_boottime_ns() - box_identity()->made_boottime_ns >= YOUNG_NS &&
		!__atomic_exchange_n(&was_looked_at, true, __ATOMIC_RELAXED);
}

void cgroup_publish(void)
{
	struct cgroup_name *name = &state.name;

	if (!cgroup_find(name, state.text, sizeof(state.text)))
		return;
	state.group = (struct box_cgroup){.realtime_ns = os_realtime_ns(),
		.flags = name->is_v2 ? BOX_CGROUP_V2 : 0};
	memcpy(state.group.path, name->path, sizeof(state.group.path));
	inode_read();
	limit_read(name->is_v2);
	kills_read(name->is_v2);
	box_write(BOX_SECTION_CGROUP, 0, &state.group, &state.generation);
}

void cgroup_forget(void)
{
	if (was_looked_at) /* a page that is not written is not copied */
		was_looked_at = false;
}
