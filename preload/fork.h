/*
 * preload/fork.h - our fork handlers, before anybody else's.
 *
 * WHY        Around a fork the heap stands still: whoever forks holds all of
 *            its locks.  Handlers are run before the fork in the reverse order
 *            of their registration, and after it in that order; so the heap
 *            must be the first to register, or a handler of the program that
 *            allocates waits for its own thread for ever.  The constructors of
 *            other libraries run before ours: their registering is what is
 *            watched.
 *
 * LOCKING    None: constructors are run by one thread.
 */
#ifndef PRELOAD_FORK_H
#define PRELOAD_FORK_H

/* Registers our handlers if they are not yet. */
void fork_watch(void);

#endif
