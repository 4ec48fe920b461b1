/*
 * tools/clear.h - removing what dead processes left behind.
 *
 * INVARIANT  A living process's box is never removed, nor one of which it
 *            cannot be told whether its process lives.
 */
#ifndef TOOLS_CLEAR_H
#define TOOLS_CLEAR_H

#include <stdbool.h>

#include "tools/boxes.h"

enum { CLEAR_AGE_SECONDS = 7 * 86400 };

/* Whether a box is to go: of a dead process, and `all` or old. */
bool clear_is_due(const struct box_entry *entry, bool all, time_t now);

/* Removes the boxes that are due from the list and from the disk. */
size_t clear_boxes(struct boxes *boxes, bool all);

/* Removes dumps, PID-N.dump and PID-N.json, from the folders: with `all` those of
   processes that are gone, else old ones. */
size_t clear_dumps(const struct places *places, bool all, const struct process *list,
	size_t list_count);

#endif
