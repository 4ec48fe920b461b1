/*
 * tools/death.h - how a process ended that left its box, as far as can be known.
 *
 * WHY        A process that ends by itself removes its box.  One that was killed can say
 *            nothing, but others noted something: its own event log, the kernel's log, the
 *            counter of its control group.  Each clue comes with who says so and in what
 *            words; what only may be is no cause.
 *
 * INVARIANT  is_known exactly if one of the clues is a cause.
 */
#ifndef TOOLS_DEATH_H
#define TOOLS_DEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/target.h"

enum { DEATH_CLUES_MAX = 6 };

enum death_source {
	DEATH_BY_EVENTS,  /* the library's event log, in the box */
	DEATH_BY_KERNEL,  /* the kernel's log */
	DEATH_BY_CGROUP,  /* the counter of its control group */
	DEATH_BY_BOOT     /* which boot this is */
};

struct death_clue {
	enum death_source source;
	bool is_cause;         /* it ended the process; else it may have */
	const char *kind;      /* a word for programs: "fatal", "oom_cgroup" ... */
	uint64_t realtime_ns;  /* 0: not known */
	char sentence[256];
	char evidence[640];    /* in the words of the source; "" if it has none */
};

struct death {
	struct death_clue clues[DEATH_CLUES_MAX];
	size_t clue_count;
	bool is_known;
	bool is_this_boot;     /* else the kernel's log and its counters are not of its time */
	bool kernel_is_read;
	int kernel_error;      /* errno: why not */
	bool kernel_reaches_back; /* its log is kept from before the process began */
	bool has_kills;        /* the counter could be compared */
	uint64_t kills;        /* processes killed for memory in its group since */
};

/* Looks for clues; `kernel_log` is "/dev/kmsg". */
void death_find(struct death *death, const struct target *target, const char *kernel_log);

/* "event log", "kernel's log" ... */
const char *death_source_text(enum death_source source);

/* The same for programs: "events", "kernel" ... */
const char *death_source_word(enum death_source source);

#endif
