/*
 * tools/control.h - asking a process for something, by its dump signal.
 *
 * WHY        A signal that libmstat does not handle is the program's, and may be its end:
 *            the box says whose handler it is, the kernel whether there is one, and a
 *            descriptor that no other process comes to be meant.  What the box says
 *            afterwards is the answer; signals coalesce, so it may have to be asked again.
 */
#ifndef TOOLS_CONTROL_H
#define TOOLS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/target.h"

enum { CONTROL_PATH_BYTES = PATH_MAX + BOX_PATH_BYTES + 128 };

/* A descriptor of a living target, of whose process the signal would be heard; -1. */
int control_open(const struct target *target, struct failure *failure);

/* A number, 1 to 2^bits - 1, that tells a request from others. */
uint64_t control_number(unsigned bits);

bool control_send(int fd, const struct target *target, uint64_t request, struct failure *failure);

/* Why nobody answered.  Always false. */
bool control_no_answer(const struct target *target, const char *will, struct failure *failure);

/* What a part of the target's box says now; false if it cannot be read at this moment. */
bool control_read(const char *path, enum box_section_kind kind, uint32_t index, void *payload,
	size_t payload_bytes);

/* A path that the box has, of BOX_PATH_BYTES, which is the process's view of the files, as it is
   in ours.  For CONTROL_PATH_BYTES. */
void control_path(const struct target *target, const char *inner, char *path, size_t path_bytes);

uint64_t control_now_ms(void);

#endif
