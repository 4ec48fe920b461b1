/*
 * preload/sigaction.h - the program's calls that set signal handlers.
 *
 * WHY        Whose handler the dump signal has must be known at once, not at
 *            the next allocation: a reporter that relied on old news would
 *            start another program's upgrade, or kill it.  So the calls are
 *            watched: each does what libc's does, and then the kernel is asked.
 *            What the program is told of our handler is that there is none.
 */
#ifndef PRELOAD_SIGACTION_H
#define PRELOAD_SIGACTION_H

#include <signal.h>

/* libc's sigaction(), past ours. */
int sigaction_of_libc(int number, const struct sigaction *action, struct sigaction *old);

#endif
