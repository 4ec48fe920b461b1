#include "tests/stats/box_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap/size_class.h"
#include "stats/box.h"
#include "tests/suite.h"

char box_dir[64];

void box_dir_make(void)
{
	strcpy(box_dir, "/dev/shm/check-XXXXXX");
	if (mkdtemp(box_dir) != NULL)
		return;
	strcpy(box_dir, "/tmp/check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(box_dir));
}

/* A folder and what lies in it, one level of folders deep. */
static void folder_remove(const char *path)
{
	char entry_path[PATH_MAX];
	const struct dirent *entry;
	DIR *folder = opendir(path);

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(entry_path, sizeof(entry_path), "%s/%s", path, entry->d_name);
		if (unlink(entry_path) != 0)
			folder_remove(entry_path);
	}
	if (folder != NULL)
		closedir(folder);
	rmdir(path);
}

void box_dir_remove(void)
{
	folder_remove(box_dir);
}

void box_make(void)
{
	box_identify(0, NULL);
	box_identity()->class_count = SIZED_CLASS_COUNT;
	ck_assert(box_create(box_dir));
	ck_assert(box_exists());
}

void box_file_open(struct box_file *file, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "no box at %s", path);
	ck_assert_int_eq(fstat(fd, &status), 0);
	file->bytes = (size_t)status.st_size;
	file->memory = mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file->memory, MAP_FAILED);
	close(fd);

	const struct box_header *header = (const struct box_header *)file->memory;
	ck_assert_mem_eq(header->magic, BOX_MAGIC, sizeof(header->magic));
	ck_assert_uint_eq(header->layout_version, BOX_LAYOUT_VERSION);
	ck_assert_uint_eq(header->file_bytes, file->bytes);
	ck_assert_uint_eq(header->checksum,
		box_checksum(header, offsetof(struct box_header, checksum), 0, 0));
	for (uint32_t i = 0; i < header->section_count; i++)
		ck_assert(box_section_is_sound(&header->sections[i], file->bytes));
}

void box_file_close(struct box_file *file)
{
	munmap((void *)file->memory, file->bytes);
}

const struct box_section *box_file_section(const struct box_file *file, enum box_section_kind kind)
{
	const struct box_header *header = (const struct box_header *)file->memory;

	for (uint32_t i = 0; i < header->section_count; i++)
		if (header->sections[i].kind == kind)
			return &header->sections[i];
	ck_abort_msg("no section of kind %d", (int)kind);
	return NULL;
}

const struct box_copy *box_file_copy(const struct box_file *file, enum box_section_kind kind,
	uint32_t index, int which)
{
	const struct box_section *section = box_file_section(file, kind);
	size_t copy_bytes = box_copy_bytes(section->payload_bytes);

	ck_assert_uint_lt(index, section->part_count);
	return (const struct box_copy *)(file->memory + section->offset +
		(size_t)index * section->part_bytes + (size_t)which * copy_bytes);
}

bool box_file_copy_is_whole(const struct box_file *file, enum box_section_kind kind,
	uint32_t index, int which)
{
	const struct box_section *section = box_file_section(file, kind);
	const struct box_copy *copy = box_file_copy(file, kind, index, which);
	uint64_t offset = section->offset + (uint64_t)index * section->part_bytes;

	return copy->generation != 0 && copy->checksum ==
		box_checksum(copy + 1, section->payload_bytes, copy->generation, offset);
}

const void *box_file_payload(const struct box_file *file, enum box_section_kind kind,
	uint32_t index)
{
	const struct box_copy *best = NULL;

	for (int which = 0; which < 2; which++) {
		const struct box_copy *copy = box_file_copy(file, kind, index, which);
		if (box_file_copy_is_whole(file, kind, index, which) &&
			(best == NULL || copy->generation > best->generation))
			best = copy;
	}
	return best != NULL ? best + 1 : NULL;
}
