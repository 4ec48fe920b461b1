/*
 * tools/fragments.h - which objects keep memory from being given back: gathered, then printed for
 * people, as JSON or as a picture.
 *
 * WHY        All forms come from the same numbers, read once.  Sites are put into the form that
 *            profiles have, so that their writers write these, too.
 *
 * INVARIANT  What all sites pin is what all classes pin, and what the survey's header says.
 *
 * OWNERSHIP  fragments_free() frees what fragments_gather() got; the target and the survey stay
 *            the caller's.
 */
#ifndef TOOLS_FRAGMENTS_H
#define TOOLS_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/prof.h"
#include "tools/survey.h"

struct fragments_options {
	bool exact_bytes;
	bool use_debuginfod;
	bool all_classes;
	size_t top_count;
};

struct fragments {
	const struct target *target;
	const struct survey *survey;
	struct symbols *symbols;
	struct sites sites;   /* the target's, but for the list: what pins the most first */
	struct prof prof;     /* of these */
	const struct survey_fragment **classes; /* the one that pins the most first */
	size_t class_count;
	const struct survey_fragment **unnamed; /* classes that none of the living is a sample of */
	size_t unnamed_count;
};

/* False if there is no memory, or a row leads nowhere. */
bool fragments_gather(struct fragments *fragments, const struct target *target,
	const struct survey *survey, const struct fragments_options *options, struct failure *failure);

void fragments_print_text(struct fragments *fragments, const struct fragments_options *options);

/* False if there is no memory for it. */
bool fragments_print_json(struct fragments *fragments);

void fragments_free(struct fragments *fragments);

#endif
