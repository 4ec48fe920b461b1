#include "tools/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/file.h"

enum { FOLDER_BYTES = 2 * PATH_MAX };

/* Version 1 says "no limit" by a number near 2^63, rounded to its pages. */
static const uint64_t NO_LIMIT_BYTES = UINT64_C(1) << 60;

static bool number_read(const char *folder, const char *name, uint64_t *value)
{
	char path[PATH_MAX + 64], text[64], *end;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (file_read_small(path, text, sizeof(text)) <= 0)
		return false;
	*value = strtoull(text, &end, 10);
	return end != text; /* not "max" */
}

static void folder_look(const char *folder, bool is_v2, struct cgroup_memory *memory)
{
	uint64_t limit, used = 0;

	if (!number_read(folder, is_v2 ? "memory.max" : "memory.limit_in_bytes", &limit) ||
		limit >= memory->limit_bytes)
		return;
	number_read(folder, is_v2 ? "memory.current" : "memory.usage_in_bytes", &used);
	memory->limit_bytes = limit;
	memory->used_bytes = used;
	snprintf(memory->path, sizeof(memory->path), "%s", folder);
}

bool cgroup_tightest(const char *top, const char *folder, bool is_v2,
	struct cgroup_memory *memory)
{
	char path[PATH_MAX];
	size_t top_bytes = strlen(top);

	*memory = (struct cgroup_memory){.limit_bytes = NO_LIMIT_BYTES};
	snprintf(path, sizeof(path), "%s", folder);
	while (strlen(path) >= top_bytes) {
		folder_look(path, is_v2, memory);
		char *slash = strrchr(path, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	return memory->limit_bytes < NO_LIMIT_BYTES;
}

/* Whether a list of words parted by commas has this one. */
static bool list_has(const char *list, const char *word)
{
	size_t bytes = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, bytes) == 0 && (at[bytes] == ',' || at[bytes] == '\0'))
			return true;
	}
	return false;
}

/* Where the hierarchy is mounted, and which of its groups is at the top there. */
static bool mount_find(bool is_v2, char mount[PATH_MAX], char root[PATH_MAX])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[3 * PATH_MAX], type[64], options[1024];
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		const char *rest = strstr(line, " - ");
		if (rest == NULL || sscanf(rest, " - %63s %*s %1023s", type, options) != 2 ||
			sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2)
			continue;
		found = is_v2 ? strcmp(type, "cgroup2") == 0
			      : strcmp(type, "cgroup") == 0 && list_has(options, "memory");
	}
	fclose(file);
	return found;
}

/* The process's group in the hierarchy: "0::/path", or "4:memory:/path". */
static bool group_find(pid_t pid, bool is_v2, char group[PATH_MAX])
{
	char path[64], text[16384], *rest = text;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (file_read_small(path, text, sizeof(text)) <= 0)
		return false;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		const char *number = strsep(&line, ":"), *controllers = strsep(&line, ":");
		if (line == NULL || strlen(line) >= PATH_MAX)
			continue;
		if (is_v2 ? strcmp(number, "0") == 0 && controllers[0] == '\0'
			  : list_has(controllers, "memory")) {
			snprintf(group, PATH_MAX, "%s", line);
			return true;
		}
	}
	return false;
}

/* The folder of a group. */
static void folder_find(const char *mount, const char *root, const char *group,
	char folder[FOLDER_BYTES])
{
	size_t root_bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);
	/* Of a group beside what is mounted here, only the top can be seen. */
	const char *below = strncmp(group, root, root_bytes) == 0 ? group + root_bytes : "";
	if (strcmp(below, "/") == 0 || strstr(below, "/..") != NULL)
		below = "";
	snprintf(folder, FOLDER_BYTES, "%s%s", mount, below);
}

static bool hierarchy_read(pid_t pid, bool is_v2, struct cgroup_memory *memory)
{
	char mount[PATH_MAX], root[PATH_MAX], group[PATH_MAX], folder[FOLDER_BYTES];

	if (!mount_find(is_v2, mount, root) || !group_find(pid, is_v2, group))
		return false;
	folder_find(mount, root, group, folder);
	return cgroup_tightest(mount, folder, is_v2, memory);
}

bool cgroup_memory_read(pid_t pid, struct cgroup_memory *memory)
{
	return hierarchy_read(pid, true, memory) || hierarchy_read(pid, false, memory);
}

/* ---- who was killed -------------------------------------------------------- */

static bool kills_count(const char *folder, bool is_v2, uint64_t *count)
{
	static const char key[] = "oom_kill ";
	char path[FOLDER_BYTES + 64], text[1024], *rest = text;

	snprintf(path, sizeof(path), "%s/%s", folder,
		is_v2 ? "memory.events" : "memory.oom_control");
	if (file_read_small(path, text, sizeof(text)) <= 0)
		return false;
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (strncmp(line, key, strlen(key)) == 0) {
			*count = strtoull(line + strlen(key), NULL, 10);
			return true;
		}
	return false;
}

bool cgroup_kills_since(const struct box_cgroup *then, const char *folder, uint64_t *kills)
{
	struct stat status;
	uint64_t now;

	if ((then->flags & BOX_CGROUP_COUNTS) == 0 || then->inode == 0 ||
		stat(folder, &status) != 0 || status.st_ino != then->inode ||
		!kills_count(folder, (then->flags & BOX_CGROUP_V2) != 0, &now) ||
		now < then->oom_kill_count)
		return false;
	*kills = now - then->oom_kill_count;
	return true;
}

bool cgroup_kills_read(const struct box_cgroup *then, uint64_t *kills)
{
	char mount[PATH_MAX], root[PATH_MAX], folder[FOLDER_BYTES];
	char group[sizeof(then->path) + 1];

	snprintf(group, sizeof(group), "%.*s", (int)sizeof(then->path), then->path);
	if (then->realtime_ns == 0 || !mount_find((then->flags & BOX_CGROUP_V2) != 0, mount, root))
		return false;
	folder_find(mount, root, group, folder);
	return cgroup_kills_since(then, folder, kills);
}
