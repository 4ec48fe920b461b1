#include "tools/boxes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/box_name.h"
#include "tools/mappings.h"

static bool is_known(const struct boxes *boxes, const struct file *file)
{
	for (size_t i = 0; i < boxes->count; i++)
		if (boxes->list[i].device == file->device && boxes->list[i].inode == file->inode)
			return true;
	return false;
}

static void entry_books(struct box_entry *entry, const struct box_content *content)
{
	struct books books;

	if (!box_content_books(content, &books))
		return;
	entry->pid = books.pid;
	entry->start_realtime_ns = books.start_realtime_ns;
	entry->realtime_ns = books.realtime_ns;
	entry->live_bytes = books.totals.alloc;
	entry->nmalloc = books.totals.nmalloc;
	entry->inuse_bytes = books.totals.heap_inuse;
	entry->peak_bytes = books.peak_heap_inuse;
	entry->command = strdup(books.command[0] != '\0' ? books.command : books.exe);
	entry->exe = strdup(books.exe);
	if ((uint64_t)entry->touched < books.realtime_ns / 1000000000u)
		entry->touched = (time_t)(books.realtime_ns / 1000000000u);
	books_free(&books);
}

/* What cannot be read still has a name; a file that a process is just making
   has nothing else. */
static void entry_by_name(struct box_entry *entry, const struct file *file)
{
	const char *slash = strrchr(entry->path, '/');

	box_name_parse(slash != NULL ? slash + 1 : entry->path, &entry->pid);
	entry->is_damaged = true;
	entry->life = file->use == FILE_LEFT ? LIFE_ENDED : LIFE_UNSEEN;
}

static void entry_read(struct box_entry *entry, const struct file *file,
	const struct process *list, size_t list_count)
{
	struct box_image image;
	struct box_content content;

	if (!box_image_open(&image, file->bytes, file->count, entry->path, &entry->failure) ||
		!box_content_read(&content, &image, entry->path, &entry->failure)) {
		entry_by_name(entry, file);
		return;
	}
	entry->life = target_life(&content.identity, file, entry->path, list, list_count,
		&entry->process);
	entry_books(entry, &content);
	box_content_free(&content);
}

static struct box_entry *entry_add(struct boxes *boxes, const char *path)
{
	struct box_entry *larger = reallocarray(boxes->list, boxes->count + 1, sizeof(*larger));

	if (larger == NULL)
		return NULL;
	boxes->list = larger;
	struct box_entry *entry = &larger[boxes->count];
	memset(entry, 0, sizeof(*entry));
	entry->path = strdup(path);
	if (entry->path == NULL)
		return NULL;
	boxes->count++;
	return entry;
}

static void add_file(struct boxes *boxes, const char *path, const struct process *list,
	size_t list_count)
{
	struct failure failure;
	struct file file;

	if (!file_read(path, &file, &failure))
		return; /* removed meanwhile, or nothing that a process made */
	struct box_entry *entry = is_known(boxes, &file) ? NULL : entry_add(boxes, path);
	if (entry != NULL) {
		entry->device = file.device;
		entry->inode = file.inode;
		entry->touched = file.modified;
		entry_read(entry, &file, list, list_count);
	}
	file_free(&file);
}

static void add_folder(struct boxes *boxes, const char *folder, const struct process *list,
	size_t list_count)
{
	char path[PATH_MAX];
	DIR *open_folder = opendir(folder);
	int64_t pid;

	if (open_folder == NULL)
		return; /* another user's */
	for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;)
		if (box_name_parse(entry->d_name, &pid) &&
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int)sizeof(path))
			add_file(boxes, path, list, list_count);
	closedir(open_folder);
}

static bool is_listed(const struct boxes *boxes, pid_t pid)
{
	for (size_t i = 0; i < boxes->count; i++)
		if (!boxes->list[i].is_damaged && boxes->list[i].life == LIFE_LIVE &&
			boxes->list[i].process.pid == pid)
			return true;
	return false;
}

/* A process whose dir: nobody told us of, or whose box was removed: the mapping
   itself leads to the file, for those who may follow it. */
static void add_mapped(struct boxes *boxes, const struct process *process,
	const struct process *list, size_t list_count)
{
	char path[PATH_MAX];
	struct mappings mappings;
	bool is_ours = process_namespace(process->pid, "mnt") == process_namespace(getpid(), "mnt");

	if (!mappings_read(process->pid, false, &mappings))
		return;
	const struct mapping *mapping = mappings_find_box(&mappings);
	if (mapping != NULL && is_ours)
		add_file(boxes, mapping->path, list, list_count);
	if (mapping != NULL && !is_listed(boxes, process->pid) &&
		snprintf(path, sizeof(path), "/proc/%d/root%s", (int)process->pid, mapping->path) <
			(int)sizeof(path))
		add_file(boxes, path, list, list_count);
	if (mapping != NULL && !is_listed(boxes, process->pid)) {
		snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)process->pid,
			(unsigned long long)mapping->start, (unsigned long long)mapping->end);
		add_file(boxes, path, list, list_count);
	}
	mappings_free(&mappings);
}

void boxes_find(struct boxes *boxes, const struct places *places, const struct process *list,
	size_t list_count)
{
	*boxes = (struct boxes){0};
	for (size_t i = 0; i < places->count; i++)
		add_folder(boxes, places->folders[i], list, list_count);
	for (size_t i = 0; i < list_count; i++)
		if (!is_listed(boxes, list[i].pid))
			add_mapped(boxes, &list[i], list, list_count);
}

void boxes_find_all(struct boxes *boxes, const char *dir)
{
	struct places places;
	size_t process_count;
	struct process *processes = process_list(&process_count);

	places_find(&places, dir, processes, process_count);
	boxes_find(boxes, &places, processes, process_count);
	places_free(&places);
	free(processes);
}

void boxes_free(struct boxes *boxes)
{
	for (size_t i = 0; i < boxes->count; i++) {
		free(boxes->list[i].path);
		free(boxes->list[i].command);
		free(boxes->list[i].exe);
	}
	free(boxes->list);
	*boxes = (struct boxes){0};
}
