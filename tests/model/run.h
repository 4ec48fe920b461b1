/*
 * run.h - the steps of a plan: threads that come and go, processes that fork, and rests
 * at which the books are compared.
 */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include <stdint.h>

#include "tests/model/worker.h"

/* What a seed is a plan for.  threads, steps: 0 or what they must be. */
void plan_make(uint64_t seed, uint32_t threads, uint32_t steps);

/* All of it; ends the process if something is wrong. */
void run_plan(void);

/* The worker forks; its child goes on for a while. */
void run_fork(struct worker *worker);

/* The worker's objects end, those in mailboxes too. */
void run_end_objects(struct worker *worker);
void run_end_mail(struct worker *worker);

/* Sums over all the run, for who reads its output. */
struct run_figures {
	uint64_t collected;
	uint64_t forks;
	uint64_t threads;
	uint64_t vague_rests;
	uint64_t rests;
	uint64_t digest;
};

extern struct run_figures run_figures;

#endif
