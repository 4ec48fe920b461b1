#include "tools/places.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stats/box_layout.h"
#include "stats/conf.h"

static bool is_same(const char *a, const char *b)
{
	struct stat left, right;

	return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
		left.st_ino == right.st_ino;
}

static void add(struct places *places, const char *folder)
{
	struct stat status;

	if (lstat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
		return;
	for (size_t i = 0; i < places->count; i++)
		if (is_same(places->folders[i], folder))
			return;
	char **larger = reallocarray(places->folders, places->count + 1, sizeof(*larger));
	if (larger == NULL)
		return;
	places->folders = larger;
	char *copy = strdup(folder);
	if (copy != NULL)
		places->folders[places->count++] = copy;
}

/* "mstat-" and a number. */
static bool is_folder_name(const char *name)
{
	size_t prefix = strlen(BOX_DIR_PREFIX);

	return strncmp(name, BOX_DIR_PREFIX, prefix) == 0 && name[prefix] != '\0' &&
		name[prefix + strspn(name + prefix, "0123456789")] == '\0';
}

void places_add_below(struct places *places, const char *dir)
{
	char path[PATH_MAX];
	DIR *folder = opendir(dir);
	const char *slash = strrchr(dir, '/');

	if (slash != NULL && is_folder_name(slash + 1))
		add(places, dir);
	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (is_folder_name(entry->d_name) &&
			snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path))
			add(places, path);
	closedir(folder);
}

/* /run/user holds one $XDG_RUNTIME_DIR a user. */
static void add_runtime_dirs(struct places *places)
{
	char path[PATH_MAX];
	DIR *users = opendir("/run/user");
	const char *ours = getenv("XDG_RUNTIME_DIR");

	if (ours != NULL && ours[0] == '/')
		places_add_below(places, ours);
	if (users == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(users)) != NULL;)
		if (entry->d_name[0] != '.' &&
			snprintf(path, sizeof(path), "/run/user/%s", entry->d_name) < (int)sizeof(path))
			places_add_below(places, path);
	closedir(users);
}

/* One look a mount namespace is enough. */
static void add_namespaces(struct places *places, const struct process *list, size_t list_count)
{
	uint64_t *seen = calloc(list_count + 1, sizeof(*seen));
	size_t seen_count = 1;
	char path[64];

	if (seen == NULL)
		return;
	seen[0] = process_namespace(getpid(), "mnt");
	for (size_t i = 0; i < list_count; i++) {
		uint64_t space = process_namespace(list[i].pid, "mnt");
		size_t at = 0;
		while (at < seen_count && seen[at] != space)
			at++;
		if (space == 0 || at < seen_count)
			continue;
		seen[seen_count++] = space;
		snprintf(path, sizeof(path), "/proc/%d/root/dev/shm", (int)list[i].pid);
		places_add_below(places, path);
	}
	free(seen);
}

void places_find(struct places *places, const char *extra_dir, const struct process *list,
	size_t list_count)
{
	struct conf conf;
	const char *text = getenv("MSTAT_CONF");

	*places = (struct places){0};
	places_add_below(places, "/dev/shm");
	add_runtime_dirs(places);
	conf_init(&conf);
	if (text != NULL)
		conf_parse(&conf, text, NULL, NULL);
	if (conf.dir[0] != '\0')
		places_add_below(places, conf.dir);
	if (extra_dir != NULL)
		places_add_below(places, extra_dir);
	add_namespaces(places, list, list_count);
}

bool places_is_elsewhere(const char *path)
{
	return strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

void places_free(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->folders[i]);
	free(places->folders);
	*places = (struct places){0};
}
