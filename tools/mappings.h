/*
 * tools/mappings.h - the mappings of a process, /proc/PID/maps and smaps.
 *
 * WHY        smaps and not pagemap: a page that was only ever read is the
 *            kernel's shared page of zeros, present in pagemap and no part
 *            of RSS.  smaps counts as RSS does.
 *
 * OWNERSHIP  mappings_free() frees the array and the paths.
 */
#ifndef TOOLS_MAPPINGS_H
#define TOOLS_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start;
	uint64_t end;
	char permissions[5]; /* "rw-p": p private, s shared */
	dev_t device;
	uint64_t inode;      /* 0: no file */
	uint64_t rss_bytes;  /* these two from smaps alone */
	uint64_t swap_bytes;
	char *path;          /* cleaned; "" for none, "[stack]" and the like */
};

struct mappings {
	struct mapping *list; /* by address */
	size_t count;
};

/* False with errno: ESRCH for a process without memory, EACCES. */
bool mappings_read(pid_t pid, bool with_sizes, struct mappings *mappings);

/* Reads the text of one of the two files. */
bool mappings_parse(const char *path, struct mappings *mappings);

void mappings_free(struct mappings *mappings);

/* RSS as the kernel adds it up itself, 0 if it does not say. */
uint64_t mappings_rss(pid_t pid);

/* The mapping of a box: a shared one of .../mstat-UID/PID.box.  NULL if
   there is none, as after an exec of a program without libmstat. */
const struct mapping *mappings_find_box(const struct mappings *mappings);

/* Whether a file is mapped: the same inode, and the same device or name.  Some
   filesystems show another device in /proc than stat does. */
bool mappings_have_file(const struct mappings *mappings, dev_t device, ino_t inode,
	const char *path);

/* Whether any mapping's path has this file name, as "libmstat.so". */
bool mappings_have_name(const struct mappings *mappings, const char *name);

#endif
