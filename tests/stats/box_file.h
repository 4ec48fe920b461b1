/*
 * tests/stats/box_file.h - a box as its readers see it, and a folder to make it in.
 *
 * WHY        What a writer published is proved by reading the file by nothing but
 *            stats/box_layout.h.
 */
#ifndef TESTS_STATS_BOX_FILE_H
#define TESTS_STATS_BOX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/box_layout.h"

/* Below /dev/shm, or /tmp; made and removed by checked fixtures. */
extern char box_dir[64];
void box_dir_make(void);
void box_dir_remove(void);

/* Makes this process's box there. */
void box_make(void);

/* A box, mapped read-only; fails the test if its header is not sound. */
struct box_file {
	const char *memory;
	size_t bytes;
};

void box_file_open(struct box_file *file, const char *path);
void box_file_close(struct box_file *file);

const struct box_section *box_file_section(const struct box_file *file, enum box_section_kind kind);

/* Copy 0 or 1 of a part. */
const struct box_copy *box_file_copy(const struct box_file *file, enum box_section_kind kind,
	uint32_t index, int which);
bool box_file_copy_is_whole(const struct box_file *file, enum box_section_kind kind,
	uint32_t index, int which);

/* The payload of the newer whole copy; NULL if neither is. */
const void *box_file_payload(const struct box_file *file, enum box_section_kind kind,
	uint32_t index);

#endif
