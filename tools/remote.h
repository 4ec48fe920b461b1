/*
 * tools/remote.h - the caches of a living process, read from its memory.
 *
 * WHY        The box is behind by what lies in the magazines and by the
 *            countdowns.  Where the kernel lets us read the process's memory,
 *            nothing is.
 *
 * INVARIANT  A slot becomes exact only if its cache did not change hands with
 *            the pool while it was read: its sequence before and after is one.
 *            The process may have moved on since, one operation at a time.
 */
#ifndef TOOLS_REMOTE_H
#define TOOLS_REMOTE_H

#include <sys/types.h>

#include "tools/box_content.h"

/* Replaces the rows of every slot that can be read. */
void remote_read(struct box_content *content, pid_t pid);

/* Takes the rows of a slot out of a copy of its cache; `bytes` of it are there.
   False if the offsets lead out of it. */
bool remote_take(struct slot *slot, const struct box_identity *identity, uint32_t class_count,
	const char *cache, size_t bytes);

#endif
