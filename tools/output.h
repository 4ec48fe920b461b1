/*
 * tools/output.h - files that a command writes where it was told to.
 *
 * INVARIANT  A file that could not be written whole is told of.  "-" is stdout; what is no
 *            text is never sent to a terminal.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/failure.h"

/* NULL and a sentence if it cannot be opened. */
FILE *output_open(const char *path, bool is_text, struct failure *failure);

bool output_close(FILE *out, const char *path, struct failure *failure);

#endif
