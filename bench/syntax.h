/*
 * bench/syntax.h - syntax trees of functions, as a compiler's parser leaves them.
 *
 * WHY        Most nodes hold pointers; the leaves' names and literals do not, and a
 *            half of all names are shorter than six characters.
 */
#ifndef BENCH_SYNTAX_H
#define BENCH_SYNTAX_H

#include "bench/common.h"

struct syntax_node;

struct syntax_node *syntax_function_new(struct rng *rng);
void syntax_free(struct syntax_node *root);

#endif
