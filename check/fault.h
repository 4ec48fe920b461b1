/*
 * check/fault.h - a touch of memory that nobody may touch: whose it was.
 *
 * WHY        What a program reads or writes after it was freed, where its pages were taken
 *            away, or beside an object, where there is a fence (check/fence.h), stops it at that
 *            very instruction.  Who handles the signal asks here, says
 *            what it was, and then does with it what would have been done.
 *
 * Called by a signal's handler: takes no lock but to print.
 */
#ifndef CHECK_FAULT_H
#define CHECK_FAULT_H

#include <signal.h>
#include <stdbool.h>

/* False: it has nothing to do with an object. */
bool fault_report(const siginfo_t *info, const void *context);

#endif
