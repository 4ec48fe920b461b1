/*
 * tools/kmsg.h - what the kernel's log tells of the end of a process.
 *
 * WHY        Whom the kernel killed for want of memory, or for a fault, it names in its log,
 *            by pid and by name.  A pid is used again, so a line counts only if it is of the
 *            time after the process began, and the first such line: it was the end.
 *
 * FORMAT     That of /dev/kmsg: "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT", one record a
 *            read(), and lines that begin with a blank, which are no records.  Priorities from
 *            8 up are of programs: anybody who may write there can claim anything, and they
 *            are not looked at.
 *
 * Numbers are those of the first pid namespace.  Of a process in another one the name says
 * whether it is the same.
 */
#ifndef TOOLS_KMSG_H
#define TOOLS_KMSG_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/books.h"

enum kmsg_kind {
	KMSG_NOTHING,
	KMSG_OOM_CGROUP,  /* killed: the limit of a control group was reached */
	KMSG_OOM_MACHINE, /* killed: the machine had no memory */
	KMSG_FAULT        /* it touched what it may not, and had no handler for that */
};

/* Whom to look for. */
struct kmsg_wanted {
	const struct books *books; /* their pid, threads, and names */
	uint64_t since_us;         /* by the log's clock */
};

struct kmsg_found {
	enum kmsg_kind kind;
	uint64_t time_us;      /* by the log's clock */
	bool is_same_name;     /* else a process of that number was called otherwise */
	char text[512];        /* the line, cleaned */
	uint64_t oldest_us;    /* of the first record that is kept; 0: there is none */
};

/* Looks at one line, without its end; what is found first stays. */
void kmsg_take(const struct kmsg_wanted *wanted, const char *line, struct kmsg_found *found);

/* Reads all that a descriptor has now, and never waits if it is O_NONBLOCK.  0, or errno. */
int kmsg_read(int fd, const struct kmsg_wanted *wanted, struct kmsg_found *found);

/* The same of a path, as "/dev/kmsg". */
int kmsg_read_path(const char *path, const struct kmsg_wanted *wanted, struct kmsg_found *found);

/* The log's clock at a moment of CLOCK_BOOTTIME that is past, at the earliest: that clock
   stands still while the machine sleeps, and goes by itself. */
uint64_t kmsg_time_us(uint64_t boottime_ns);

/* The wall clock's time of a line of this boot. */
uint64_t kmsg_realtime_ns(uint64_t time_us);

#endif
