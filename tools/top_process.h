/*
 * tools/top_process.h - one process, looked at again and again.
 *
 * WHY        What is shown must be one process's to the end: its number may be given to
 *            another, and it may execute another program.  Then the last figures stay, and
 *            say so.
 *
 *            Finding the names of functions may take seconds, so it is done when they are
 *            first shown; what was found is kept from look to look.
 *
 * OWNERSHIP  top_process_close() frees all.
 */
#ifndef TOOLS_TOP_PROCESS_H
#define TOOLS_TOP_PROCESS_H

#include "tools/prof.h"
#include "tools/rate.h"
#include "tools/report.h"
#include "tools/top_list.h"

enum top_fate {
	TOP_RUNS,
	TOP_UNREAD,    /* the last look failed: `failure`; it is tried again */
	TOP_ENDED,     /* these two for ever */
	TOP_EXECUTED   /* the process goes on with another program */
};

struct top_process {
	struct top_identity identity;
	enum top_fate fate;
	struct failure failure;
	uint64_t fate_realtime_ns;  /* when it was seen to have ended */
	struct report *now;         /* the last look that was one */
	struct report *before;      /* NULL: it was the first */
	uint64_t now_ns;            /* monotonic: when each was */
	uint64_t before_ns;
	uint64_t rss_bytes;
	struct symbols *symbols;    /* of now's sites; NULL: not yet asked for */
};

/* Takes the first look.  False if it cannot be looked into. */
bool top_process_open(struct top_process *process, pid_t pid, struct failure *failure);

/* The next look. */
void top_process_refresh(struct top_process *process);

/* The rate of the process as a whole. */
struct rate top_process_rate(const struct top_process *process);

void top_process_close(struct top_process *process);

#endif
