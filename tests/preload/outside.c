/*
 * outside.c - another process's books, read from its box: outside BOX [published].
 *
 * WHY        An independent reader: it knows stats/box_layout.h and nothing of how
 *            the heap works.  Prints, for each size class that was ever used, the
 *            allocations and the live objects of all threads; then the large ones.
 *
 * With "published" it goes by the file alone; else it reads each thread's words
 * where the identity says that they are.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stats/box_layout.h"

static const char *box;
static const struct box_header *header;
static struct box_identity identity;

struct row {
	uint64_t nmalloc;
	int64_t live;
};

static struct row sums[BOX_CLASSES_MAX];

static void die(const char *what)
{
	printf("outside: %s\n", what);
	exit(1);
}

static void open_box(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < (off_t)sizeof(*header))
		die("no box");
	if ((status.st_mode & 07777) != 0600)
		die("the box's mode is not 0600");
	box = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (box == MAP_FAILED)
		die("the box cannot be mapped");
	header = (const struct box_header *)box;
	if (memcmp(header->magic, BOX_MAGIC, 8) != 0 ||
		header->layout_version != BOX_LAYOUT_VERSION ||
		header->file_bytes != (uint64_t)status.st_size)
		die("not a box of this layout");
	if (header->checksum !=
		box_checksum(header, offsetof(struct box_header, checksum), 0, 0))
		die("the header's checksum is wrong");
	for (uint32_t i = 0; i < header->section_count; i++)
		if (!box_section_is_sound(&header->sections[i], header->file_bytes))
			die("a section does not lie within the file");
}

static const struct box_section *section_of(uint32_t kind)
{
	for (uint32_t i = 0; i < header->section_count; i++)
		if (header->sections[i].kind == kind)
			return &header->sections[i];
	die("a section is missing");
	return NULL;
}

/* The valid copy of the higher generation; false if the part was never written. */
static bool read_part(uint32_t kind, uint32_t index, void *payload, size_t bytes)
{
	const struct box_section *section = section_of(kind);
	uint64_t at = section->offset + (uint64_t)index * section->part_bytes, newest = 0;
	bool is_written = false;

	if (section->payload_bytes < bytes || index >= section->part_count)
		die("a part is smaller than its struct");
	for (int i = 0; i < 2; i++) {
		const struct box_copy *copy = (const struct box_copy *)(box + at +
			(size_t)i * box_copy_bytes(section->payload_bytes));
		is_written = is_written || copy->generation != 0;
		if (copy->generation <= newest ||
			copy->checksum != box_checksum(copy + 1, section->payload_bytes,
						  copy->generation, at))
			continue;
		newest = copy->generation;
		memcpy(payload, copy + 1, bytes);
	}
	if (is_written && newest == 0)
		die("a part has no valid copy");
	return newest != 0;
}

/* The thread's words themselves. */
static void add_exact(const struct box_thread *thread)
{
	char *cache = malloc(identity.cache_bytes);
	struct iovec here = {cache, identity.cache_bytes};
	struct iovec there = {(void *)thread->cache_address, identity.cache_bytes};

	if (process_vm_readv((pid_t)identity.pid, &here, 1, &there, 1, 0) !=
		(ssize_t)identity.cache_bytes)
		die("the process's memory cannot be read");
	const struct box_magazine *magazines =
		(const struct box_magazine *)(cache + identity.magazines_offset);
	if ((*(const uint32_t *)(cache + identity.sequence_offset) & 1) != 0)
		die("a thread is not at rest");
	for (uint64_t class = 1; class < identity.class_count; class++) {
		const struct box_magazine *magazine = &magazines[class];
		const char *row = cache + class * identity.class_stride;
		uint64_t armed = *(const uint64_t *)(row + identity.armed_offset);
		int64_t net = *(const int64_t *)(row + identity.net_offset);
		sums[class].nmalloc += armed - (uint64_t)(int64_t)magazine->until;
		sums[class].live += net - (magazine->top - magazine->bottom);
	}
	free(cache);
}

static void add_published(uint32_t slot)
{
	for (uint32_t class = 1; class < identity.class_count; class++) {
		struct box_row row = {0};
		read_part(BOX_SECTION_ROWS, slot * (uint32_t)identity.class_count + class, &row,
			sizeof(row));
		sums[class].nmalloc += row.nmalloc;
		sums[class].live += row.live_objects;
	}
}

int main(int argc, char **argv)
{
	uint64_t nmalloc = 0, nfree = 0, bytes = 0;

	if (argc < 2)
		return 2;
	open_box(argv[1]);
	if (!read_part(BOX_SECTION_IDENTITY, 0, &identity, sizeof(identity)) ||
		identity.class_count > BOX_CLASSES_MAX)
		die("no identity");
	for (uint32_t slot = 0; slot < section_of(BOX_SECTION_THREADS)->part_count; slot++) {
		struct box_thread thread;
		if (!read_part(BOX_SECTION_THREADS, slot, &thread, sizeof(thread)))
			continue;
		if (argc > 2)
			add_published(slot);
		else
			add_exact(&thread);
		nmalloc += thread.large_nmalloc;
		nfree += thread.large_nfree;
		bytes += thread.large_alloc_bytes - thread.large_free_bytes;
	}
	for (uint32_t class = 1; class < identity.class_count; class++) {
		struct box_class known;
		if (sums[class].nmalloc != 0 &&
			read_part(BOX_SECTION_CLASSES, class, &known, sizeof(known)))
			printf("class %lu nmalloc %lu live %ld\n", known.object_bytes,
				sums[class].nmalloc, sums[class].live);
	}
	printf("large nmalloc %lu nfree %lu bytes %lu\n", nmalloc, nfree, bytes);
	return 0;
}
