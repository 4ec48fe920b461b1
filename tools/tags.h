/*
 * tools/tags.h - what is alive by the program's tags (mstat_tag_push()).
 *
 * WHY        Of some scopes the process counts all, of others there are samples: both are
 *            figures of the same name, and an object counts for the innermost scope that it
 *            was allocated in.
 *
 * OWNERSHIP  tags_sum() is given the room, of sites->tag_count sums.
 */
#ifndef TOOLS_TAGS_H
#define TOOLS_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/sites.h"

/* Exact, if nothing was missed; what changed while it was read is cut at 0. */
uint64_t tag_live_objects(const struct site_tag *tag);
uint64_t tag_live_bytes(const struct site_tag *tag);

/* What is sampled and alive, by the numbers of tags.  False if there is no memory. */
bool tags_sum(const struct sites *sites, struct site_sum *sums);

/* The numbers of tags, the largest first; free()d by the caller.  NULL: no memory. */
uint32_t *tags_by_bytes(const struct sites *sites, const struct site_sum *sums);

/* A table of them on stdout, if there are any. */
void tags_print(const struct sites *sites, bool exact_bytes);

#endif
