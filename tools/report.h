/*
 * tools/report.h - everything that `mstat show` says of one target, gathered,
 * then printed for people or as JSON.
 *
 * WHY        Both forms come from the same numbers, read once.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include "tools/cgroup.h"
#include "tools/ledger.h"
#include "tools/target.h"

struct report_options {
	bool exact_bytes;  /* --bytes */
	bool all_classes;  /* --classes */
	bool threads;      /* --threads */
};

struct report {
	struct target target;
	struct ledger ledger;
	bool has_resident;
	int resident_error;   /* errno: why not, of a living process */
	struct resident resident;
	bool has_cgroup;
	struct cgroup_memory cgroup;
};

/* Takes over an open target; looks at its memory if it lives.  What it reads of
   a process that works meanwhile it reads again, until the two agree or it has
   tried often enough.  False if the process ends meanwhile. */
bool report_gather(struct report *report, const struct target *target, struct failure *failure);

void report_print_text(const struct report *report, const struct report_options *options);

/* False if there is no memory for it. */
bool report_print_json(const struct report *report);

void report_free(struct report *report);

#endif
