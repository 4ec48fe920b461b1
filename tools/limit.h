/*
 * tools/limit.h - the memory limit that a box tells of, and the books as they were when the
 * process had come near it.
 *
 * WHY        mstat show tells it of a process that lives, mstat post of one that was killed: in
 *            the same words and the same JSON.  What a hostile box claims is cut.
 */
#ifndef TOOLS_LIMIT_H
#define TOOLS_LIMIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/box_content.h"

enum { LIMIT_TEXT_BYTES = BOX_PATH_BYTES + 160 };

/* "921.0 MiB of 1.0 GiB used (89.9 %), cgroup /a/b". */
void limit_text(const struct box_limit *limit, bool exact, char text[LIMIT_TEXT_BYTES]);

/* The limit as the process sees it, and when it came near, a line each; or nothing. */
void limit_print(const struct box_content *content, bool exact);

/* A table of the size classes whose spans held the most, at most `count`. */
void limit_print_classes(const struct box_content *content, size_t count, bool exact);

/* null if nobody has looked, or it has not come near. */
json_t *limit_json(const struct box_limit *limit);
json_t *limit_near_json(const struct box_content *content);

#endif
