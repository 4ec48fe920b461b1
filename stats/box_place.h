/*
 * stats/box_place.h - where the box's file stands, and opening it safely.
 *
 * WHY        The folder is the guard of the box: whoever may write the file may
 *            truncate it under the process.  So it is ours alone (0700, our
 *            user's, no symbolic link) or there is no box.
 */
#ifndef STATS_BOX_PLACE_H
#define STATS_BOX_PLACE_H

#include "stats/box_layout.h"

struct box_place {
	char folder[BOX_PATH_BYTES];
	char path[BOX_PATH_BYTES + 64];
	uint64_t device; /* the file's; its name may come to mean another */
	uint64_t inode;
};

/*
 * Makes PID.box in mstat-UID of `dir`, or of /dev/shm, or of $XDG_RUNTIME_DIR.  A
 * file of this name that is our own, from before an exec, is replaced; beside one
 * that a dead process left, or that a living one of another pid namespace has, ours
 * is PID-NUMBER.box.  Returns a descriptor, or -1 with errno.
 */
int box_place_open(struct box_place *place, const char *dir);

/* Removes that file; where the process has another root by now, or something else was
   mounted there, the name is somebody else's. */
void box_place_remove(const struct box_place *place);

#endif
