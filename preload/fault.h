/*
 * preload/fault.h - SIGSEGV in a checked process.
 *
 * WHY        A touch of what was freed is told before anything else is done about it; then
 *            the program's own handler runs, or what the kernel would do.  So the signal is
 *            ours in the kernel, and what the program sets is kept here.
 *
 * INVARIANT  What the program is told of the signal is what it has set.  Its mask and flags
 *            are the kernel's, but that the handler is told of the fault.
 *
 * LOCKING    Any thread, handlers too: the last who sets it counts.
 */
#ifndef PRELOAD_FAULT_H
#define PRELOAD_FAULT_H

#include <signal.h>
#include <stdbool.h>

/* From now on. */
void fault_watch(void);

/* Whether this signal is kept here. */
bool fault_is_watched(int number);

/* sigaction(2), for one that is. */
int fault_sigaction(int number, const struct sigaction *action, struct sigaction *old);

#endif
