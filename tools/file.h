/*
 * tools/file.h - whole files into memory, whatever stands at the path.
 *
 * WHY        A path given as a box may be a FIFO, a folder or a disk: none of
 *            them may make mstat hang or fill its memory.
 *
 * OWNERSHIP  The caller frees what it got with file_free().
 */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tools/failure.h"

/* A box of the largest layout has 12 MiB, mostly holes, a dump less. */
enum { FILE_MOST_BYTES = 64 << 20 };

/* Whether somebody has a file open, or mapped, to write it. */
enum file_use { FILE_UNKNOWN, FILE_LEFT, FILE_WRITTEN };

struct file {
	char *bytes;     /* aligned for any word; a NUL stands behind the last */
	size_t count;
	dev_t device;
	ino_t inode;
	time_t modified; /* seconds since 1970 */
	enum file_use use; /* when it had been read */
};

/* Reads a regular file of at most FILE_MOST_BYTES. */
bool file_read(const char *path, struct file *file, struct failure *failure);

/* Reads what an open descriptor has now, from its beginning; `path` is for the
   sentence. */
bool file_read_fd(int fd, const char *path, struct file *file, struct failure *failure);

/* Opens a regular file for reading, never waiting.  -1 and a sentence. */
int file_open(const char *path, struct failure *failure);

/* A small file of /proc or /sys, as text.  Its length, or -1 with errno. */
ssize_t file_read_small(const char *path, char *text, size_t text_bytes);

void file_free(struct file *file);

#endif
