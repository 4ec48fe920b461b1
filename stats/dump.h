/*
 * stats/dump.h - one dump: where it goes, and writing it.
 *
 * WHY        Done by a signal handler on whatever stack it interrupted, so
 *            buffers are static and one dump runs at a time.  Between begin and
 *            end the thread cannot be cancelled.
 *
 * LOCKING    A flag, never waited for: dump_begin() fails while a dump runs,
 *            and that one then goes round once more; dump_try() only fails.
 */
#ifndef STATS_DUMP_H
#define STATS_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/source.h"

struct dump_settings {
	const char *path;  /* "": a file beside the box */
	bool json;
};

/* False if a dump is being written: it has been told to write another. */
bool dump_begin(void);

/* False if a dump is being written, which has nothing to do with this one. */
bool dump_try(void);

/* True when all that was asked for has been written. */
bool dump_end(void);

/* In a child: the dump that another thread was writing is its parent's. */
void dump_forget(void);

/* Writes a dump to the file that settings say, publishes that in the box and
   prints one line on `notice_fd` (-1: none).  Between begin and end. */
void dump_write(const struct source *source, const struct dump_settings *settings,
	uint64_t request, int notice_fd);

/* Writes a dump to a descriptor.  False: errno is in *error. */
bool dump_write_fd(const struct source *source, int fd, bool json, int *error);

/* %p pid, %e program, %t seconds since 1970, %n number of the dump, %% itself.
   False if it does not fit. */
bool dump_expand(char *out, size_t out_bytes, const char *pattern, uint64_t number,
	uint64_t seconds);

/* A regular file of ours that may be overwritten, or a new one.  A descriptor,
   or -1 with errno. */
int dump_open(const char *path);

#endif
