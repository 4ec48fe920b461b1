/*
 * preload/cgroup_room.h - how much memory the control groups leave to this process.
 *
 * WHY        What counts is the tightest of the limits of the group and of those above it,
 *            each with what all that is in that group uses.  Files that can be read again are
 *            no use: the kernel drops them first.
 *
 * LOCKING    One thread at a time, who looks at the limits (preload/limit.h).  Nothing is
 *            allocated; four small files are read of a group that has a limit, one of others.
 */
#ifndef PRELOAD_CGROUP_ROOM_H
#define PRELOAD_CGROUP_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/box_layout.h"

struct cgroup_room {
	uint64_t limit_bytes;
	uint64_t used_bytes;
	char path[BOX_PATH_BYTES]; /* of the group whose limit it is */
};

/* False: there is no limit, or none that can be seen. */
bool cgroup_room_read(struct cgroup_room *out);

#endif
