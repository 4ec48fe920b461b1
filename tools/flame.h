/*
 * tools/flame.h - a flame graph: one SVG file that needs nothing else, not even its script.
 *
 * WHY        Who holds the memory is seen at once.  A box is a function with all that it
 *            called, as wide as its bytes; its callers stand above it; the colour is of its
 *            module.  Resting on a box tells the rest of it.  Where scripts run, a click
 *            makes a box as wide as the picture, and names can be searched for.
 *
 * INVARIANT  Boxes narrower than a thousandth of the picture are not drawn: those of one
 *            caller stand together as one, and what even that would be too narrow for is
 *            told below.  So there are at most a thousand boxes a row.  Of a change only
 *            what grew is drawn.
 */
#ifndef TOOLS_FLAME_H
#define TOOLS_FLAME_H

#include <stdio.h>

#include "tools/prof.h"

/* Of a tree that was summed up.  False if there is no memory. */
bool flame_write(const struct prof *prof, const struct stack_tree *tree, FILE *out);

/* What runs inside it, where scripts do; without "]]>". */
extern const char flame_script[];

/* Text into XML: what it may not contain is '?'. */
void flame_escape(const char *text, size_t bytes, FILE *out);

#endif
