/*
 * tools/process.h - a process as /proc tells of it.
 *
 * WHY        A pid alone names nobody: it is used again.  With the start time it
 *            names one process of one boot for ever, and a signal is only sent
 *            to a process that still is the one that was meant.
 */
#ifndef TOOLS_PROCESS_H
#define TOOLS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stats/box_layout.h"

struct process {
	pid_t pid;            /* as we see it */
	pid_t inner_pid;      /* as it sees itself */
	uid_t uid;            /* effective */
	uint64_t start_ticks;
	uint32_t thread_count;
	uint64_t caught_signals; /* bit N - 1: signal N has a handler */
	char state;           /* R, S, D, T, Z ... */
	char name[64];        /* cleaned */
};

/* False if there is no such process, or one that is over: a zombie. */
bool process_read(pid_t pid, struct process *process);

/* Its present start time; 0 if it is gone. */
uint64_t process_start_ticks(pid_t pid);

/* What of it is in memory, as the kernel counts it along the way: it may be a little
   behind, and costs nothing.  0 if it does not say. */
uint64_t process_rss_bytes(pid_t pid);

/* All processes, by one look at /proc.  The caller frees the array. */
struct process *process_list(size_t *count);

/* Whether it may have made a box, before an exec too: its pid is the box's, and it
   is the older.  Another's, of another pid namespace, may pass. */
bool process_made(const struct process *process, const struct box_identity *identity);

bool process_catches(const struct process *process, int64_t signal_number);

/* The machine's present boot, "" if it does not say. */
const char *process_boot_id(void);

/* The inode of a namespace of a process ("pid", "mnt"), 0 if unreadable. */
uint64_t process_namespace(pid_t pid, const char *kind);

/* Whether our own pid namespace is the first of the machine. */
bool process_all_are_seen(void);

#endif
