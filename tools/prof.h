/*
 * tools/prof.h - what `mstat prof` shows: the call sites of one target, or what changed
 * from one to another.
 *
 * WHY        A table, a picture and files for other tools are of the same stacks.  Each
 *            writer takes this, and knows nothing of where the sites came from.
 *
 * OWNERSHIP  Everything stays the caller's.
 */
#ifndef TOOLS_PROF_H
#define TOOLS_PROF_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/failure.h"
#include "tools/sites.h"
#include "tools/stack_tree.h"
#include "tools/stacks.h"

struct prof_side {
	const char *title;       /* "python3 (4711)" */
	uint64_t realtime_ns;    /* of the figures; 0: not known */
	struct stacks stacks;
};

struct prof {
	enum site_value value;
	bool is_diff;
	struct prof_side sides[2]; /* by enum stack_side; STACK_BEFORE of a change alone */
};

struct prof_options {
	bool exact_bytes;   /* --bytes */
	bool use_debuginfod;
	bool print_stacks;  /* --sites */
	size_t top_count;   /* SIZE_MAX: all */
	enum stack_by by;
};

static inline const struct sites *prof_sites(const struct prof *prof)
{
	return prof->sides[STACK_AFTER].stacks.sites;
}

/* "live", "total" or "peak". */
const char *prof_value_word(enum site_value value);

/* Puts the stacks of all sides into a tree, and sums it up.  False if there is no memory;
   there is nothing to free then. */
bool prof_tree_make(struct stack_tree *tree, struct prof *prof, enum stack_by by);

/* The forms that are made of that tree: folded stacks on stdout, a flame graph; NULL: none. */
bool prof_write_tree(struct prof *prof, enum stack_by by, bool as_folded, const char *flame_path,
	struct failure *failure);

/* Why there is nothing to show, a sentence; NULL if there is something. */
const char *prof_nothing(const struct prof *prof, char *text, size_t text_bytes);

/* Bytes or objects as a whole number; what no process can have is cut. */
int64_t prof_whole(double value);

/* For people, on stdout.  False if there is no memory. */
bool prof_print_text(struct prof *prof, const struct prof_options *options);

/* On stdout.  False if there is no memory. */
bool prof_print_json(struct prof *prof, const struct prof_options *options);

#endif
