/*
 * tools/stack_tree.h - call stacks as a tree: who called whom, the outermost first, equal
 * names in one place.
 *
 * WHY        A flame graph is its picture, folded stacks are its paths, and what a function
 *            holds with all that it called is the sum of its branches.  A change between
 *            two moments is one tree with two sums at each place.
 *
 * INVARIANT  nodes[n].parent < n, and node 0 is the root, which is nobody.
 *                whole == own + the wholes of its children
 *            in samples, objects and bytes; errors add up as the roots of their squares.
 *
 * OWNERSHIP  stack_tree_free() frees all; the stacks stay the caller's.
 */
#ifndef TOOLS_STACK_TREE_H
#define TOOLS_STACK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/stack_names.h"
#include "tools/stacks.h"

/* Of two moments that are compared; of one alone, `before` stays zero. */
struct stack_sum {
	struct site_sum before;
	struct site_sum after;
};

struct stack_node {
	uint32_t parent;
	uint32_t name;      /* in the tree's names; of the root none */
	uint32_t first;     /* of its children, 0: none; in no order */
	uint32_t next;      /* of its parent's children, 0: the last */
	bool is_again;      /* one of its callers has its name: it is recursive */
	struct stack_sum own;   /* of stacks that end here */
	struct stack_sum whole; /* known after stack_tree_sum() */
};

struct stack_tree {
	struct stack_names names;
	struct stack_node *nodes;
	size_t count;
	size_t room;
	uint32_t *slots;    /* nodes by parent and name; 0: free */
	size_t slot_count;
};

enum stack_side { STACK_BEFORE, STACK_AFTER };

/* False if there is no memory, as in the next. */
bool stack_tree_begin(struct stack_tree *tree, enum stack_by by);

/* Adds all sites that have one of the sums. */
bool stack_tree_add(struct stack_tree *tree, enum stack_side side, struct stacks *stacks,
	enum site_value value);

void stack_tree_sum(struct stack_tree *tree);

const struct stack_name *stack_node_name(const struct stack_tree *tree, uint32_t node);

void stack_sum_add(struct stack_sum *to, const struct stack_sum *more);

/* What came, less what went; of one moment alone, what there is. */
double stack_sum_change(const struct stack_sum *sum);

/* Its standard error. */
double stack_sum_error(const struct stack_sum *sum);

void stack_tree_free(struct stack_tree *tree);

#endif
