/*
 * preload/fork.h - our fork handlers, before anybody else's.
 *
 * WHY        Around a fork the heap stands still: whoever forks holds all of
 *            its locks.  Handlers are run before the fork in the reverse order
 *            of their registration, and after it in that order; so the heap
 *            must be the first to register, or a handler of the program that
 *            allocates waits for its own thread for ever.  So ours are
 *            registered as the heap begins, or as anybody else registers his: a
 *            process without a heap needs none, and to find libc's function for
 *            it is a twentieth of what is ours of its start.
 *
 * LOCKING    None: nobody makes a second thread without allocating.
 */
#ifndef PRELOAD_FORK_H
#define PRELOAD_FORK_H

/* Registers our handlers if they are not yet. */
void fork_watch(void);

#endif
