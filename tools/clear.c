#include "tools/clear.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool clear_is_due(const struct box_entry *entry, bool all, time_t now)
{
	if ((entry->life != LIFE_ENDED && entry->life != LIFE_EXECUTED) ||
		places_is_elsewhere(entry->path))
		return false;
	return all || (now > entry->touched && now - entry->touched > CLEAR_AGE_SECONDS);
}

/* Removes the file that was looked at, not one that took its name since. */
static bool entry_remove(const struct box_entry *entry)
{
	struct stat status;

	return lstat(entry->path, &status) == 0 && status.st_dev == entry->device &&
		status.st_ino == entry->inode && unlink(entry->path) == 0;
}

size_t clear_boxes(struct boxes *boxes, bool all)
{
	time_t now = time(NULL);
	size_t kept = 0, removed = 0;

	for (size_t i = 0; i < boxes->count; i++) {
		struct box_entry *entry = &boxes->list[i];
		if (!clear_is_due(entry, all, now) || !entry_remove(entry)) {
			boxes->list[kept++] = *entry;
			continue;
		}
		free(entry->path);
		free(entry->command);
		free(entry->exe);
		removed++;
	}
	boxes->count = kept;
	return removed;
}

static bool dump_parse_name(const char *name, int64_t *pid)
{
	long long number;
	unsigned long long count;
	int end = 0;

	if (sscanf(name, "%lld-%llu.%n", &number, &count, &end) != 2 || end == 0)
		return false;
	*pid = number;
	return strcmp(name + end, "dump") == 0 || strcmp(name + end, "json") == 0 ||
		strcmp(name + end, "survey") == 0;
}

static bool is_running(int64_t inner_pid, const struct process *list, size_t list_count)
{
	for (size_t i = 0; i < list_count; i++)
		if (list[i].inner_pid == inner_pid)
			return true;
	return false;
}

static bool dump_is_due(int folder, const char *name, bool all, const struct process *list,
	size_t list_count)
{
	struct stat status;
	time_t now = time(NULL);
	int64_t pid;

	if (!dump_parse_name(name, &pid) ||
		fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(status.st_mode))
		return false;
	/* A number of a namespace that is not ours to see may be in use. */
	bool is_gone = process_all_are_seen() && !is_running(pid, list, list_count);
	return (all && is_gone) ||
		(now > status.st_mtime && now - status.st_mtime > CLEAR_AGE_SECONDS);
}

static size_t clear_folder(const char *path, bool all, const struct process *list,
	size_t list_count)
{
	DIR *folder = places_is_elsewhere(path) ? NULL : opendir(path);
	size_t removed = 0;

	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		if (dump_is_due(dirfd(folder), entry->d_name, all, list, list_count))
			removed += unlinkat(dirfd(folder), entry->d_name, 0) == 0;
	closedir(folder);
	return removed;
}

size_t clear_dumps(const struct places *places, bool all, const struct process *list,
	size_t list_count)
{
	size_t removed = 0;

	for (size_t i = 0; i < places->count; i++)
		removed += clear_folder(places->folders[i], all, list, list_count);
	return removed;
}
