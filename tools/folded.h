/*
 * tools/folded.h - stacks a line each, "outermost;...;innermost bytes", as flamegraph.pl,
 * speedscope and others read them.
 *
 * INVARIANT  A ';' in a name is written as ':', because it would end the name.  Of a change
 *            only what grew is written: the form knows nothing below zero.
 */
#ifndef TOOLS_FOLDED_H
#define TOOLS_FOLDED_H

#include <stdio.h>

#include "tools/stack_tree.h"

void folded_write(const struct stack_tree *tree, FILE *out);

#endif
