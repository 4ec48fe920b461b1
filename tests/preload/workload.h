/*
 * workload.h - a program at work: every entry point, every size, objects that
 * another thread frees.
 *
 * WHY        Random, but by a seed that is printed: what failed once can be run
 *            again.  Each step is counted in a tally by who takes it.
 *
 * OWNERSHIP  The objects lie in slots that all threads share.  Whoever takes one
 *            out of its slot owns it until it is freed or in a slot again.
 */
#ifndef TESTS_PRELOAD_WORKLOAD_H
#define TESTS_PRELOAD_WORKLOAD_H

#include <stdint.h>

#include "tests/preload/tally.h"

struct workload {
	uint64_t random; /* the seed, never 0 */
	struct tally tally;
};

void workload_step(struct workload *work);

/* Frees what is left in the slots. */
void workload_clear(struct workload *work);

/* The seed of this run: the argument if there is one, else the time; printed. */
uint64_t workload_seed(int argc, char **argv);

#endif
