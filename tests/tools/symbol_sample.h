/*
 * symbol_sample.h - a program whose symbols are known, to look them up: the one that
 * this is linked into.
 */
#ifndef TESTS_TOOLS_SYMBOL_SAMPLE_H
#define TESTS_TOOLS_SYMBOL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/sites.h"

/* Where a call goes on in sample_inner(), which is inlined in sample_outer(). */
uint64_t sample_outer(void);

extern const unsigned sample_inner_start; /* the line that sample_inner() begins in */
extern const unsigned sample_inner_line;  /* of its call */
extern const unsigned sample_outer_start;
extern const unsigned sample_outer_line;  /* of the call of sample_inner() */

/* The same in sample::holder<int>::taken(std::pair<int, char const*>), of C++. */
uint64_t sample_taken(void);

/* The object that an address of this process is in, as its box has it.  Of the vDSO if
   the address is 0. */
bool sample_module(uint64_t address, struct site_module *module);

#endif
