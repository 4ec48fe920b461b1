#include "tools/mappings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "stats/box_layout.h"
#include "tools/box_name.h"
#include "tools/text.h"

static bool mapping_add(struct mappings *mappings, const struct mapping *mapping, size_t *room)
{
	if (mappings->count == *room) {
		size_t more = *room == 0 ? 128 : 2 * *room;
		struct mapping *larger = reallocarray(mappings->list, more, sizeof(*larger));
		if (larger == NULL)
			return false;
		mappings->list = larger;
		*room = more;
	}
	mappings->list[mappings->count] = *mapping;
	return true;
}

/* "55d0c0a00000-55d0c0a21000 rw-p 00001000 fe:00 1234   /usr/bin/cat" */
static bool parse_head(const char *line, struct mapping *mapping)
{
	unsigned long long start, end, inode;
	unsigned device_major, device_minor;
	int path_at = 0;

	*mapping = (struct mapping){0};
	if (sscanf(line, "%llx-%llx %4s %*x %x:%x %llu %n", &start, &end, mapping->permissions,
		    &device_major, &device_minor, &inode, &path_at) != 6 || path_at == 0)
		return false;
	mapping->start = start;
	mapping->end = end;
	mapping->device = makedev(device_major, device_minor);
	mapping->inode = inode;
	mapping->path = strndup(line + path_at, strcspn(line + path_at, "\n"));
	if (mapping->path != NULL)
		text_clean(mapping->path);
	return mapping->path != NULL;
}

static void parse_size(const char *line, struct mapping *mapping)
{
	unsigned long long kib;

	if (sscanf(line, "Rss: %llu kB", &kib) == 1)
		mapping->rss_bytes = kib * 1024;
	else if (sscanf(line, "Swap: %llu kB", &kib) == 1)
		mapping->swap_bytes = kib * 1024;
}

bool mappings_parse(const char *path, struct mappings *mappings)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t line_room = 0, room = 0;
	struct mapping mapping;
	bool done = true;

	*mappings = (struct mappings){0};
	if (file == NULL)
		return false;
	errno = 0;
	while (done && getline(&line, &line_room, file) > 0) {
		if (parse_head(line, &mapping)) {
			done = mapping_add(mappings, &mapping, &room);
			mappings->count += done;
			if (!done)
				free(mapping.path);
		} else if (mappings->count > 0) {
			parse_size(line, &mappings->list[mappings->count - 1]);
		}
	}
	int error = ferror(file) ? errno : ESRCH;
	free(line);
	fclose(file);
	if (done && mappings->count > 0)
		return true;
	mappings_free(mappings);
	errno = error;
	return false;
}

bool mappings_read(pid_t pid, bool with_sizes, struct mappings *mappings)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, with_sizes ? "smaps" : "maps");
	return mappings_parse(path, mappings);
}

void mappings_free(struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		free(mappings->list[i].path);
	free(mappings->list);
	*mappings = (struct mappings){0};
}

uint64_t mappings_rss(pid_t pid)
{
	struct mappings rollup;
	char path[64];
	uint64_t bytes = 0;

	/* Its form is that of one mapping. */
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (mappings_parse(path, &rollup)) {
		bytes = rollup.list[0].rss_bytes;
		mappings_free(&rollup);
	}
	return bytes;
}

/* Where the file's name begins; the kernel marks what was removed. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool is_box(const struct mapping *mapping)
{
	const char *name = base_name(mapping->path);
	int64_t pid;
	size_t end;

	return mapping->permissions[3] == 's' && strstr(mapping->path, "/" BOX_DIR_PREFIX) != NULL &&
		box_name_begins(name, &pid, &end) && (name[end] == '\0' || name[end] == ' ');
}

const struct mapping *mappings_find_box(const struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (is_box(&mappings->list[i]))
			return &mappings->list[i];
	return NULL;
}

bool mappings_have_file(const struct mappings *mappings, dev_t device, ino_t inode,
	const char *path)
{
	const char *name = base_name(path);

	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *mapping = &mappings->list[i];
		if (mapping->inode == inode &&
			(mapping->device == device ||
				strncmp(base_name(mapping->path), name, strlen(name)) == 0))
			return true;
	}
	return false;
}

bool mappings_have_name(const struct mappings *mappings, const char *name)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (strncmp(base_name(mappings->list[i].path), name, strlen(name)) == 0)
			return true;
	return false;
}
