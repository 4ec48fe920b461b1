/*
 * check/sampled.h - a process of which some objects are checked: MSTAT_CONF's check:sample.
 *
 * WHY        What is wrong in one run of a thousand, in production, is not found by a process
 *            that is made slow.  One of some samples (heap/sample.h) stands between pages that
 *            nobody may touch, and its pages are taken away when it is freed: an overrun or a use
 *            after free is stopped at that very instruction, and told with both stacks.  By
 *            many processes, over days, all that is wrong often enough is found.
 *
 * SOURCE     GWP-ASan (Serebryany et al., 2023), as in LLVM's scudo and in Chromium; Electric
 *            Fence (Perens, 1987).
 *
 * BOUND      So many slots as there are for objects that are there and those that were freed;
 *            of the latter the one that was freed the longest ago goes first.
 */
#ifndef CHECK_SAMPLED_H
#define CHECK_SAMPLED_H

#include <stddef.h>
#include <stdint.h>

/* From now on, one of `every` samples, and `slots` of them at a time.  own_pc: an address in
   this library. */
void sampled_start(uintptr_t own_pc, size_t every, size_t slots);

#endif
