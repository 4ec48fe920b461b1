/*
 * tools/callers.h - a call stack in lines, for people.
 */
#ifndef TOOLS_CALLERS_H
#define TOOLS_CALLERS_H

#include <stdint.h>

#include "tools/stacks.h"

/* On stdout, from an innermost frame outwards, behind so many blanks: "function  file:line". */
void callers_print(struct stacks *stacks, uint32_t frame, int indent);

#endif
