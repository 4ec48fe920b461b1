/*
 * preload/thread.h - noticing that a thread ends.
 *
 * WHY        What a thread's magazines hold must go back when it ends, late:
 *            other destructors still free.  A pthread key's destructor that
 *            sets its key again is called once more, in the next of libc's four
 *            rounds.  Ours waits for the second: a thread that allocates for
 *            the first time in a destructor has fewer before it.  What is freed
 *            after that goes by the shared cache.
 */
#ifndef PRELOAD_THREAD_H
#define PRELOAD_THREAD_H

/* Once, at start. */
void thread_watch_init(void);

/* The calling thread has a cache now. */
void thread_attached(void);

#endif
