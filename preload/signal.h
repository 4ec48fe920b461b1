/*
 * preload/signal.h - the dump signal, and what else is asked for by it.
 *
 * WHY        A dump must come even while the process is stuck inside malloc,
 *            so the handler itself writes it: no allocation, no lock.  The
 *            signal is the program's if it wants it: ours is installed only
 *            where there was none, and the box says whose it is, so that the
 *            reporter never sends a signal that would kill or do something else.
 *
 *            A queued one has a payload, which may ask for something else than a dump
 *            (struct box_control); the kernel has seen to it that its sender may.
 *
 * LOCKING    None that a stopped thread could hold (stats/dump.h).
 */
#ifndef PRELOAD_SIGNAL_H
#define PRELOAD_SIGNAL_H

#include <signal.h>
#include <stdint.h>

/* Installs the handler if the program has none. */
void signal_install(void);

/* One sample of call sites in so many bytes; 0: none. */
void signal_set_sample(uint64_t bytes);

/* Asks the kernel whose handler it is now, and publishes a change. */
void signal_check(void);

/* Publishes it, changed or not: the box is new. */
void signal_publish(void);

/* In a child: nobody else is publishing. */
void signal_forget(void);

/* Ends a dump that dump_begin() began, and writes those that were asked for
   meanwhile. */
void signal_finish_dump(void);

/* The handler, which programs are not told of. */
void signal_handle(int number, siginfo_t *info, void *context);

#endif
