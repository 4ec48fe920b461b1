/*
 * tools/term.h - what the output may look like: colour, width.
 *
 * WHY        Colour is for a terminal alone, and for nobody who set NO_COLOR.
 */
#ifndef TOOLS_TERM_H
#define TOOLS_TERM_H

#include <stdbool.h>
#include <stddef.h>

enum { TERM_COLUMNS = 80 }; /* where there is no terminal to ask */

/* Whether any are wanted on stdout. */
bool term_has_colour(void);

/* Escape sequences, or "" where they are not wanted. */
const char *term_bold(void);
const char *term_dim(void);
const char *term_plain(void);

/* Of the terminal on stdout. */
size_t term_columns(void);

#endif
