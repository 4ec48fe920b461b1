/*
 * tools/leaks.h - what a process has lost: gathered, then printed for people or as JSON.
 *
 * WHY        Both forms come from the same numbers, read once.
 *
 * INVARIANT  Of each grade the own sums of all leaks, and those that are suppressed, add up to
 *            what the survey's header says.
 *
 * OWNERSHIP  leaks_free() frees what leaks_gather() got; the target and the survey stay the
 *            caller's.
 */
#ifndef TOOLS_LEAKS_H
#define TOOLS_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/stacks.h"
#include "tools/suppressions.h"
#include "tools/survey.h"

struct leaks_options {
	bool all;             /* indirect ones and suppressed ones, too */
	bool exact_bytes;
	bool use_debuginfod;
	size_t top_count;
};

struct leak {
	const struct survey_leak *row;
	double bytes;             /* exact, or of samples an estimate */
	double bytes_error;       /* 0: exact */
	const char *suppression;  /* the pattern; NULL: it is not suppressed */
};

struct leaks {
	const struct target *target;
	const struct survey *survey;
	struct symbols *symbols;
	struct stacks stacks;
	struct leak *list;        /* by grade, then the largest first */
	size_t count;
	struct survey_sum suppressed[SURVEY_GRADES];
};

/* False if there is no memory, or a row leads nowhere. */
bool leaks_gather(struct leaks *leaks, const struct target *target, const struct survey *survey,
	const struct suppressions *suppressions, const struct leaks_options *options,
	struct failure *failure);

/* Whether anything is lost definitely that is not suppressed. */
bool leaks_are_there(const struct leaks *leaks);

const char *leaks_grade_word(enum survey_grade grade);

/* Of what the process knew; a leak's callers are not known where it is false. */
bool leak_has_callers(const struct leak *leak);

void leaks_print_text(struct leaks *leaks, const struct leaks_options *options);

/* False if there is no memory for it. */
bool leaks_print_json(struct leaks *leaks);

void leaks_free(struct leaks *leaks);

#endif
