/*
 * tools/cgroup.h - the memory limit that a process lives under, and who was killed at one.
 *
 * WHY        What ends a process in a container is not the machine's memory
 *            but the tightest limit among its control group and those above.
 */
#ifndef TOOLS_CGROUP_H
#define TOOLS_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stats/box_layout.h"

struct cgroup_memory {
	uint64_t limit_bytes;
	uint64_t used_bytes;  /* by the group that the limit is of */
	char path[PATH_MAX];  /* of that group's folder */
};

/* False if no limit is set, or none can be seen from here. */
bool cgroup_memory_read(pid_t pid, struct cgroup_memory *memory);

/* The limit among `folder` and those above it, down to `top`. */
bool cgroup_tightest(const char *top, const char *folder, bool is_v2,
	struct cgroup_memory *memory);

/* How many processes the kernel killed for memory in a group since a box told of it.  False
   if that cannot be known: the group is gone, or is another one, or out of sight. */
bool cgroup_kills_read(const struct box_cgroup *then, uint64_t *kills);

/* The same, of the folder that it should have. */
bool cgroup_kills_since(const struct box_cgroup *then, const char *folder, uint64_t *kills);

#endif
