/*
 * tools/dump_text.h - a dump as text: "mstat dump 1", a line each, "end".
 */
#ifndef TOOLS_DUMP_TEXT_H
#define TOOLS_DUMP_TEXT_H

#include "tools/books.h"
#include "tools/failure.h"

bool dump_text_is_one(const char *bytes, size_t count);

/* Cuts the text into its lines and words. */
bool dump_text_read(struct books *books, char *text, const char *path, struct failure *failure);

#endif
