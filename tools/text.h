/*
 * tools/text.h - text of unknown origin, made fit for a terminal and for JSON.
 *
 * WHY        Names of programs, threads and files come from whoever wrote the
 *            box.  An escape sequence in one must not reach the terminal of
 *            whoever reads it, and JSON is UTF-8 or nothing.
 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stddef.h>

/* Turns every control character and every byte that is not part of a UTF-8
   character into '?', in place. */
void text_clean(char *text);

/* The same for bytes that are no string; newlines and tabs stay. */
void text_clean_bytes(char *bytes, size_t count);

/* Copies a field that may lack its terminator, cut to fit, cleaned. */
void text_copy(char *out, size_t out_bytes, const char *field, size_t field_bytes);

/* How many columns a clean text takes, one a character. */
size_t text_columns(const char *text);

/* The byte at which a clean text of more than `columns` characters is cut. */
size_t text_cut(const char *text, size_t columns);

#endif
