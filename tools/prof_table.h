/*
 * tools/prof_table.h - tables and stacks of a profile, as text on stdout.
 *
 * WHY        `mstat prof` prints them below a heading of its own, `mstat post` among what else
 *            is known of a process that ended.
 */
#ifndef TOOLS_PROF_TABLE_H
#define TOOLS_PROF_TABLE_H

#include "tools/prof.h"
#include "tools/units.h"

struct units_text prof_bytes_text(double bytes, const struct prof_options *options);
struct units_text prof_change_text(double bytes, const struct prof_options *options);
struct units_text prof_share_text(double part, double whole);

/* "function", "file": what each row is. */
const char *prof_by_word(enum stack_by by);

/* The largest rows of a tree that was summed up.  False if there is no memory, as in the
   next two. */
bool prof_print_table(const struct prof *prof, const struct stack_tree *tree,
	const struct prof_options *options);

/* The largest stacks, of a tree by call. */
bool prof_print_stacks(const struct prof *prof, const struct stack_tree *tree,
	const struct prof_options *options);

/* The largest stack alone. */
bool prof_print_largest(struct prof *prof, const struct prof_options *options);

/* What the files of the modules lack that were met. */
void prof_print_modules(const struct prof *prof, const struct prof_options *options);

#endif
