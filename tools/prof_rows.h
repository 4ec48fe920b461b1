/*
 * tools/prof_rows.h - what each name allocated itself, and with all that it called.
 *
 * INVARIANT  The flat sums of all rows add up to the root of the tree.  A cumulative sum
 *            counts each stack once, however often the name is in it.
 *
 * OWNERSHIP  The tree must outlive the rows; prof_rows_free() frees them.
 */
#ifndef TOOLS_PROF_ROWS_H
#define TOOLS_PROF_ROWS_H

#include "tools/stack_tree.h"

struct prof_row {
	const struct stack_name *name;
	struct stack_sum flat;
	struct stack_sum cum;
};

struct prof_rows {
	struct prof_row *list; /* the largest change of flat bytes first, then of cum */
	size_t count;
};

/* Of a tree that was summed up.  False if there is no memory. */
bool prof_rows_make(struct prof_rows *rows, const struct stack_tree *tree);

void prof_rows_free(struct prof_rows *rows);

#endif
