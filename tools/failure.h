/*
 * tools/failure.h - why something could not be done: one sentence and the
 * exit status that goes with it.
 *
 * WHY        Reading a box may be the whole job (`mstat show`) or one of a
 *            hundred (`mstat ls`), so the reader notes what is wrong and its
 *            caller decides whether to print it.
 */
#ifndef TOOLS_FAILURE_H
#define TOOLS_FAILURE_H

#include <stdbool.h>

#include "base/compiler.h"

/* The exit statuses of every command, documented in mstat(1). */
enum failure_status {
	FAILURE_NONE = 0,
	FAILURE_CANNOT = 1,  /* no such process, not ours, no permission, no answer */
	FAILURE_USAGE = 2,   /* the command line, or MSTAT_CONF */
	FAILURE_DAMAGED = 3, /* truncated, corrupt, no box or dump, another layout */
	FAILURE_LEAKS = 4    /* no failure: something is definitely lost, and not suppressed */
};

struct failure {
	enum failure_status status;
	char text[1024];
};

/* Notes a sentence without its full stop.  Always false. */
bool failure_set(struct failure *failure, enum failure_status status, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The same for a path and an errno. */
bool failure_set_errno(struct failure *failure, const char *doing, const char *path, int error);

/* Prints it on stderr; returns its status. */
int failure_report(const struct failure *failure);

/* Prints a usage error of a command with where to read more.  FAILURE_USAGE. */
int failure_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
