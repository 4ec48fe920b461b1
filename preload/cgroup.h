/*
 * preload/cgroup.h - the control group whose memory this process's counts for, into the box.
 *
 * WHY        Who is killed for want of memory can tell nobody.  The kernel counts in each
 *            group how many it killed there: whoever reads the box later compares.  Many a
 *            process ends before this would be of use, and start-up is not the time to read
 *            files of /proc and /sys: it is looked at once, when the first interval passed.
 *
 * LOCKING    None: cgroup_take() gives it to one thread.  Nothing is allocated, and three
 *            small files are read.
 */
#ifndef PRELOAD_CGROUP_H
#define PRELOAD_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/box_layout.h"

/* Whether there is a box that is not quite new, and nobody has looked yet: then the caller
   does, or nobody. */
bool cgroup_take(void);

/* Looks, and writes it into the box.  Not in a process that is confined, or filtered. */
void cgroup_publish(void);

/* In a child, which has a box of its own. */
void cgroup_forget(void);

/* ---- for whoever looks at more of it ------------------------------------------------------ */

struct cgroup_name {
	bool is_v2;
	char path[BOX_PATH_BYTES]; /* within its hierarchy; "" at the top */
};

/* The group that memory counts for; `text` is room for a small file. */
bool cgroup_find(struct cgroup_name *name, char *text, size_t text_bytes);

/* Where its hierarchy is mounted. */
const char *cgroup_mount(const struct cgroup_name *name);

/* The digits at the text's start; 0: none. */
uint64_t cgroup_number(const char *text);

/* Of version 1 "no limit" is a number near 2^63. */
#define CGROUP_NO_LIMIT_BYTES ((uint64_t)1 << 60)

#endif
