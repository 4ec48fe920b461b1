/*
 * preload/limit.h - the memory limits that this process lives under.
 *
 * WHY        What ends a process is the tightest of its limits: of its control group and those
 *            above (preload/cgroup_room.h), of address space and of data (setrlimit), or what
 *            MSTAT_CONF's limit says of the heap alone.  Near it the books are worth keeping
 *            as they are, and memory that nobody uses is worth returning.
 *
 * RULE       It is looked at every two seconds, since limits and what others use change, and
 *            when the heap has grown by a quarter of the room that is left: never in a call
 *            that does not grow it.  A process that has come near comes near again only when
 *            it was a sixteenth below.  While it is near, growth returns what is idle; with a
 *            soft limit, heap/limit.h keeps below it.
 *
 * LOCKING    Who looks is one thread; others go on.  Nothing is allocated.
 */
#ifndef PRELOAD_LIMIT_H
#define PRELOAD_LIMIT_H

#include <stdbool.h>

#include "stats/conf.h"

/* The heap is to call from now on. */
void limit_begin(const struct conf *conf);

/* Whether it is time. */
bool limit_is_due(void);

/* Looks, and does what is to be done.  may_read: files, and the kernel may be asked. */
void limit_look(bool may_read);

/* The same because the heap has grown: not if that was just now. */
void limit_look_grown(bool may_read);

/* Nobody can look here any more. */
void limit_give_up(void);

/* In a child, which has a box of its own. */
void limit_forget(void);

#endif
