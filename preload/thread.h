/*
 * preload/thread.h - noticing that a thread ends.
 *
 * WHY        What a thread's magazines hold must go back when it ends, as late
 *            as can be: other destructors still free.  A pthread key's
 *            destructor that sets its key again is called once more, up to the
 *            last round; what is freed after that goes by the shared cache.
 */
#ifndef PRELOAD_THREAD_H
#define PRELOAD_THREAD_H

/* Once, at start. */
void thread_watch_init(void);

/* The calling thread has a cache now. */
void thread_attached(void);

#endif
