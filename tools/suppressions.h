/*
 * tools/suppressions.h - leaks that are known, in LeakSanitizer's syntax.
 *
 * SYNTAX     A line is "leak:PATTERN", a comment that begins with #, or empty.  A pattern is
 *            searched for in the functions, source files and objects of a leak's callers;
 *            * is any text, ^ at its begin and $ at its end tie it to the name's.
 *
 * OWNERSHIP  suppressions_free() frees all.
 */
#ifndef TOOLS_SUPPRESSIONS_H
#define TOOLS_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/failure.h"

struct suppressions {
	char **patterns;
	size_t count;
};

/* Adds those of a file.  False and a sentence that names the line, or there is no memory. */
bool suppressions_read(struct suppressions *suppressions, const char *path, struct failure *failure);

/* The first pattern that is in a name; NULL: none is. */
const char *suppressions_find(const struct suppressions *suppressions, const char *name);

/* Whether one pattern is in a name. */
bool suppressions_match(const char *pattern, const char *name);

void suppressions_free(struct suppressions *suppressions);

#endif
