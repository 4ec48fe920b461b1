/*
 * coro/thread.h - what a thread knows of its coroutines.
 *
 * WHY        Which one runs; and where on the thread's own stack there is room, which is
 *            where foreign calls run.
 *
 * INVARIANT  `current` runs, or is in a foreign call.  The thread's own stack stands for a
 *            coroutine, `root`, which never yields: it waits, at root.left, while another
 *            runs, and everything below root.left is free.  A callback moves root.left
 *            to below the foreign frames, and back.
 *
 * LOCKING    The thread's own.
 */
#ifndef CORO_THREAD_H
#define CORO_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "coro/coro.h"

enum { THREAD_DEAD_MOST = 64 };

struct thread {
	struct coro *current;      /* NULL: the thread has not been here yet */
	bool is_foreign;           /* it runs a foreign call, on its own stack */
	uint32_t dead_count;
	struct coro *first_dead;   /* with stacks of the usual size, to be used again */
	uint64_t foreign_count;
	uint64_t id;               /* no other thread's, ever; from 1 */
	void *exceptions;          /* C++'s state of this thread; NULL: no C++ here */
	struct thread *next;       /* of all that are listed */
	struct thread **link;
	struct coro root;
};

extern HIDDEN THREAD_LOCAL struct thread thread_local_state;

/* A thread's first use. */
void thread_begin(struct thread *thread);

/* This thread's.  No function that uses it goes on after a switch, when it may be on
   another thread. */
static ALWAYS_INLINE struct thread *thread_self(void)
{
	struct thread *thread = &thread_local_state;

	if (UNLIKELY(thread->current == NULL))
		thread_begin(thread);
	return thread;
}

static inline bool thread_is_on_root(const struct thread *thread)
{
	return thread->current == &thread->root;
}

/* Foreign calls of threads that ended, and of all. */
uint64_t thread_foreign_counts(void);

#endif
