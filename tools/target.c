#include "tools/target.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/dump_read.h"
#include "tools/mappings.h"
#include "tools/remote.h"
#include "tools/text.h"
#include "tools/units.h"

enum { READ_TRIES = 4 }; /* of a box that is written meanwhile */

const char *target_life_word(enum box_life life)
{
	static const char *const words[] = {[LIFE_LIVE] = "running", [LIFE_ENDED] = "ended",
		[LIFE_EXECUTED] = "replaced", [LIFE_UNSEEN] = "unseen"};

	return words[life];
}

/* Whether a process has the box mapped.  Who may not look takes the box's word. */
static bool has_box(const struct process *process, const struct box_identity *identity,
	const struct file *file, const char *path)
{
	struct mappings mappings;

	if (!mappings_read(process->pid, false, &mappings))
		return process_made(process, identity);
	bool is_mapped = mappings_have_file(&mappings, file->device, file->inode, path);
	mappings_free(&mappings);
	return is_mapped;
}

/* Of a box that no process has: whether the one that made it goes on without. */
static enum box_life life_without(const struct box_identity *identity,
	const struct process *list, size_t list_count)
{
	for (size_t i = 0; i < list_count; i++)
		if (process_made(&list[i], identity))
			return LIFE_EXECUTED;
	return LIFE_ENDED;
}

enum box_life target_life(const struct box_identity *identity, const struct file *file,
	const char *path, const struct process *list, size_t list_count, struct process *process)
{
	char boot_id[sizeof(identity->boot_id) + 1];

	text_copy(boot_id, sizeof(boot_id), identity->boot_id, sizeof(identity->boot_id));
	if (boot_id[0] != '\0' && strcmp(boot_id, process_boot_id()) != 0)
		return LIFE_ENDED;
	for (size_t i = 0; file->use != FILE_LEFT && i < list_count; i++)
		if (list[i].inner_pid == identity->pid &&
			has_box(&list[i], identity, file, path)) {
			*process = list[i];
			return LIFE_LIVE;
		}
	if (file->use == FILE_LEFT || (file->use == FILE_UNKNOWN && process_all_are_seen()))
		return life_without(identity, list, list_count);
	return LIFE_UNSEEN;
}

static void title_set(struct target *target)
{
	const char *slash = strrchr(target->books.exe, '/');
	const char *name = slash != NULL ? slash + 1 : target->books.exe;
	int64_t pid = target->books.pid;

	if (target->kind == TARGET_BOX && target->life == LIFE_LIVE)
		pid = target->process.pid;
	snprintf(target->title, sizeof(target->title), "%.*s (%lld)", (int)text_cut(name, 50),
		name[0] != '\0' ? name : "?", (long long)pid);
}

static bool box_has_tags(const struct box_image *image)
{
	struct box_tag tag;

	return box_tag_read(image, 0, &tag) != PART_NEVER;
}

static bool content_load(struct target *target, const struct file *file, struct failure *failure)
{
	struct box_image image;

	if (!box_image_open(&image, file->bytes, file->count, target->path, failure) ||
		!box_content_read(&target->content, &image, target->path, failure))
		return false;
	/* By tags too is told from the sites. */
	bool needs_sites = target->wants_sites || box_has_tags(&image);
	if (!needs_sites || sites_read(&target->sites, &image, &target->content))
		return true;
	return failure_set(failure, FAILURE_CANNOT, "no memory to read %s", target->path);
}

static void content_free(struct target *target)
{
	box_content_free(&target->content);
	sites_free(&target->sites);
}

static bool content_is_whole(const struct target *target)
{
	return target->content.damaged_parts == 0 && target->sites.damaged_parts == 0;
}

static bool books_load(struct target *target, struct failure *failure)
{
	if (target->life == LIFE_LIVE)
		remote_read(&target->content, target->process.pid);
	if (!box_content_books(&target->content, &target->books))
		return failure_set(failure, FAILURE_CANNOT, "no memory to read %s", target->path);
	if (target->life == LIFE_LIVE)
		target->books.start_ticks = target->process.start_ticks;
	title_set(target);
	return true;
}

/* A descriptor on the file of a mapping, which is in the process's view of the
   files and may have been removed. */
static int mapping_open(pid_t pid, const struct mapping *mapping, char *path, size_t path_bytes)
{
	struct failure unused;
	struct stat status;

	snprintf(path, path_bytes, "/proc/%d/root%s", (int)pid, mapping->path);
	int fd = file_open(path, &unused);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == mapping->inode)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(path, path_bytes, "/proc/%d/map_files/%llx-%llx", (int)pid,
		(unsigned long long)mapping->start, (unsigned long long)mapping->end);
	return file_open(path, &unused);
}

static const char *user_name(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? user->pw_name : "another user";
}

static bool no_mappings(const struct process *process, int error, struct failure *failure)
{
	if (error == EACCES || error == EPERM)
		return failure_set(failure, FAILURE_CANNOT,
			"no permission to look into process %d (%s), which belongs to %s",
			(int)process->pid, process->name, user_name(process->uid));
	if (error == ENOENT)
		return failure_set(failure, FAILURE_CANNOT, "process %d ended", (int)process->pid);
	return failure_set(failure, FAILURE_CANNOT, "process %d (%s) has no memory of its own",
		(int)process->pid, process->name);
}

static bool no_box(const struct process *process, bool has_library, struct failure *failure)
{
	return failure_set(failure, FAILURE_CANNOT, "process %d (%s) %s", (int)process->pid,
		process->name,
		has_library ? "runs under libmstat but publishes no box"
			    : "does not run under libmstat");
}

/* Finds the box by what the process has mapped: right in any container, with
   any dir:, after any exec. */
static int process_box_open(struct target *target, struct failure *failure)
{
	const struct process *process = &target->process;
	struct mappings mappings;

	if (!mappings_read(process->pid, false, &mappings)) {
		no_mappings(process, errno, failure);
		return -1;
	}
	const struct mapping *mapping = mappings_find_box(&mappings);
	int fd = -1;
	if (mapping == NULL)
		no_box(process, mappings_have_name(&mappings, "libmstat.so"), failure);
	else if ((fd = mapping_open(process->pid, mapping, target->path, sizeof(target->path))) < 0)
		failure_set(failure, FAILURE_CANNOT,
			"the box of process %d (%s) was removed while it runs", (int)process->pid,
			process->name);
	mappings_free(&mappings);
	return fd;
}

static bool process_content_load(struct target *target, struct failure *failure)
{
	struct file file;
	bool done = false;

	for (int tries = 0; tries < READ_TRIES; tries++) {
		int fd = process_box_open(target, failure);
		if (fd < 0)
			return false;
		done = file_read_fd(fd, target->path, &file, failure);
		close(fd);
		if (!done)
			return false;
		done = content_load(target, &file, failure);
		file_free(&file);
		if (done && (content_is_whole(target) || tries + 1 == READ_TRIES))
			break;
		content_free(target);
	}
	if (!done || target->process.inner_pid == target->content.identity.pid)
		return done;
	return failure_set(failure, FAILURE_CANNOT,
		"process %d (%s) is a fork of process %lld and has no box of its own yet",
		(int)target->process.pid, target->process.name,
		(long long)target->content.identity.pid);
}

static bool process_open(struct target *target, pid_t pid, bool wants_sites,
	struct failure *failure)
{
	memset(target, 0, sizeof(*target));
	target->kind = TARGET_BOX;
	target->life = LIFE_LIVE;
	target->wants_sites = wants_sites;
	if (!process_read(pid, &target->process))
		return failure_set(failure, FAILURE_CANNOT, "there is no process %d", (int)pid);
	if (process_content_load(target, failure) && books_load(target, failure))
		return true;
	target_close(target);
	return false;
}

bool target_open_process(struct target *target, pid_t pid, struct failure *failure)
{
	return process_open(target, pid, false, failure);
}

static bool box_load(struct target *target, const struct file *file, struct failure *failure)
{
	size_t count;

	if (!content_load(target, file, failure))
		return false;
	struct process *list = process_list(&count);
	target->life = target_life(&target->content.identity, file, target->path, list, count,
		&target->process);
	free(list);
	if (target->life == LIFE_LIVE && !content_is_whole(target)) {
		/* It was written while it was read. */
		content_free(target);
		return process_open(target, target->process.pid, target->wants_sites, failure);
	}
	return books_load(target, failure);
}

static bool file_load(struct target *target, struct file *file, struct failure *failure)
{
	if (file->count == 0)
		return failure_set(failure, FAILURE_DAMAGED, "%s is empty", target->path);
	if (box_is_one(file->bytes, file->count))
		return box_load(target, file, failure);
	if (!dump_is_one(file->bytes, file->count))
		return failure_set(failure, FAILURE_DAMAGED, "%s is neither a box nor a dump",
			target->path);
	target->kind = TARGET_DUMP;
	if (!dump_read(&target->books, target->wants_sites ? &target->sites : NULL, file->bytes,
		    file->count, target->path, failure))
		return false;
	title_set(target);
	return true;
}

static bool argument_open(struct target *target, const char *argument, bool wants_sites,
	struct failure *failure)
{
	struct file file;
	int64_t pid;

	if (units_parse_pid(argument, &pid))
		return process_open(target, (pid_t)pid, wants_sites, failure);
	memset(target, 0, sizeof(*target));
	target->wants_sites = wants_sites;
	snprintf(target->path, sizeof(target->path), "%s", argument);
	if (!file_read(argument, &file, failure))
		return false;
	bool done = file_load(target, &file, failure);
	file_free(&file);
	if (!done)
		target_close(target);
	return done;
}

bool target_open(struct target *target, const char *argument, struct failure *failure)
{
	return argument_open(target, argument, false, failure);
}

bool target_open_sites(struct target *target, const char *argument, struct failure *failure)
{
	return argument_open(target, argument, true, failure);
}

bool target_read_again(struct target *target, struct failure *failure)
{
	pid_t pid = target->process.pid;
	bool wants_sites = target->wants_sites;

	target_close(target);
	return process_open(target, pid, wants_sites, failure);
}

void target_close(struct target *target)
{
	books_free(&target->books);
	content_free(target);
}
