/*
 * preload/process.h - this process: its options, its box, its forks, its end.
 *
 * WHY        The box follows the process: made at start, left to the parent in
 *            a fork, made anew by a child that lives, removed at the end.
 *
 * LOCKING    At start and in a fork's child there is one thread; making a box
 *            late is guarded by a flag, removing it by the pid.
 */
#ifndef PRELOAD_PROCESS_H
#define PRELOAD_PROCESS_H

#include <stdbool.h>

#include "stats/conf.h"

/* What MSTAT_CONF said. */
extern struct conf process_conf;

/* A descriptor for reports at exit, -1 if none was asked for. */
int process_report_fd(void);

/* The same file under a number that no program has closed and opened again; the old one is closed.
   -1 if fd is, or there is none. */
int process_fd_aside(int fd);

/* stderr, if it is still what it was at start, else -1. */
int process_stderr(void);

/* Makes a box, if there is to be one and there is none.  Whether there is one now. */
bool process_box_ensure(void);

/* The last act of a process that ends by _exit() or exit(). */
void process_end(void);

/* In the child of a fork that our handlers saw. */
void process_fork_child(void);

/* Whether this is the process that the state is about: false in a child of
   vfork(), which shares our memory and must leave it as it is; and in one that is
   confined, which is let be. */
bool process_is_self(void);

#endif
