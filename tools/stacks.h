/*
 * tools/stacks.h - whole call stacks of the frames of a box.
 *
 * WHY        A chain of callers may lead through every frame that a box has room for, and
 *            thousands of sites may each end such a chain.  What is shown of one is bounded
 *            here, once, for the table, the pictures and the files alike.
 *
 * INVARIANT  Frames form a forest, and where a chain is cut depends on the frames alone: at
 *            one whose depth is a multiple of half of STACK_FRAMES_MAX, if so many are
 *            already shown.  So each frame has at most two paths outwards, and all stacks
 *            together at most twice as many places as the box has frames.
 *
 * OWNERSHIP  The sites and their symbols stay the caller's and must outlive the struct.
 */
#ifndef TOOLS_STACKS_H
#define TOOLS_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sites.h"
#include "tools/symbols.h"

enum {
	STACK_FRAMES_MAX = 512,  /* four times what a sample keeps */
	STACK_INLINED_MAX = 64   /* functions at one address; templates go to about thirty */
};

/* Instead of a function's name. */
#define STACK_UNKNOWN "[unknown]" /* the site has no frames */
#define STACK_CUT "[cut]"         /* there were callers outside of these */
#define STACK_NO_TAG "(no tag)"   /* instead of a tag's */

struct stacks {
	const struct sites *sites;
	struct symbols *symbols;
	uint32_t *depths;        /* of each frame: how many stand outside of it */
	bool *modules_used;      /* of each module: whether stack_read() met it */
};

struct stack {
	size_t count;            /* 0: not known */
	bool is_cut;
	uint32_t frames[STACK_FRAMES_MAX]; /* the innermost first */
};

/* False if there is no memory. */
bool stacks_open(struct stacks *stacks, const struct sites *sites, struct symbols *symbols);

/* From an innermost frame outwards. */
void stack_read(struct stacks *stacks, uint32_t frame, struct stack *stack);

/* The functions at a frame, the innermost first, STACK_INLINED_MAX at most. */
struct symbol_list stack_symbols(const struct stacks *stacks, uint32_t frame);

void stacks_close(struct stacks *stacks);

#endif
