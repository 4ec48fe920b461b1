/*
 * tools/box_name.h - whose box a file is by its name: PID.box, or PID-NUMBER.box
 * where there was one already.
 */
#ifndef TOOLS_BOX_NAME_H
#define TOOLS_BOX_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `name` begins with a box's name, of which process, and where it ends. */
bool box_name_begins(const char *name, int64_t *pid, size_t *end);

/* Whether it is one. */
bool box_name_parse(const char *name, int64_t *pid);

#endif
