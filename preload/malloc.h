/*
 * preload/malloc.h - whose malloc the program calls.
 *
 * WHY        A program, or a library that was preloaded before ours, may have a malloc
 *            of its own.  What we make on the program's behalf, without its having
 *            called ours by a name of ours, must then come from that one: it goes to
 *            its free().
 */
#ifndef PRELOAD_MALLOC_H
#define PRELOAD_MALLOC_H

#include <stdbool.h>

#include "base/compiler.h"

bool malloc_is_ours(void);

/* What libc has of the family too, and what we have for it; ends with NULL. */
struct malloc_name {
	const char *name;
	void *ours;
};

extern HIDDEN const struct malloc_name malloc_names[];

#endif
