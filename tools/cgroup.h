/*
 * tools/cgroup.h - the memory limit that a process lives under.
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

#endif
