/*
 * coro/thread.h - what a thread knows of its coroutines.
 *
 * WHY        Which one runs; and where on the thread's own stack there is room, which is
 *            where foreign calls run.
 *
 * INVARIANT  `running` is the coroutine that runs, if a switch need look at nothing but the
 *            coroutines: else it is nobody, and `held` runs, or is in a foreign call.  The
 *            thread's own stack stands for a coroutine, `root`, which never yields: it waits, at
 *            root.left, while another runs, and everything below root.left.sp is free, but for
 *            the red zone.  A callback moves root.left.sp to below the foreign frames, and back.
 *
 * LOCKING    The thread's own.
 */
#ifndef CORO_THREAD_H
#define CORO_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "coro/coro.h"

enum { THREAD_DEAD_MOST = 64 };

struct thread {
	struct coro *running;      /* NULL: the thread has not been here yet */
	uintptr_t *exceptions;     /* C++'s state of this thread, two words: not 0 while there are any */
	struct coro *held;
	bool is_foreign;           /* it runs a foreign call, on its own stack */
	uint32_t dead_room;        /* for more of them */
	struct coro *first_dead;   /* with stacks of the usual size, to be used again */
	uint64_t foreign_count;
	uint64_t id;               /* no other thread's, ever; from 1 */
	pthread_t self;
	bool is_sanitized;         /* there is somebody to be told of each switch */
	const void *stack_bottom;  /* is_sanitized: of its own stack, when it was left */
	size_t stack_bytes;
	struct thread *next;       /* of all that are listed */
	struct thread **link;
	struct coro root;
};

_Static_assert(offsetof(struct thread, running) == THREAD_RUNNING, "as the assembly has it");
_Static_assert(offsetof(struct thread, exceptions) == THREAD_EXCEPTIONS, "as the assembly has it");

/* (Its name is for mstat_coro_inline.h.) */
extern EXPORT THREAD_LOCAL struct thread coro_thread;

extern HIDDEN struct coro thread_nobody;

/* A thread's first use. */
void thread_begin(struct thread *thread);

/* Frees the coroutines that it keeps to be used again. */
void thread_drop_dead(struct thread *thread);

/* This thread's.  No function that uses it goes on after a switch, when it may be on
   another thread. */
static ALWAYS_INLINE struct thread *thread_self(void)
{
	struct thread *thread = &coro_thread;

	if (UNLIKELY(thread->running == NULL))
		thread_begin(thread);
	return thread;
}

/* NULL: the thread has not been here yet.  (Not ALWAYS_INLINE: coro/barrier.c has functions
   for whose target it would have to be compiled.) */
static inline struct coro *thread_current(const struct thread *thread)
{
	struct coro *running = word_load(&thread->running);

	return LIKELY(running != &thread_nobody) ? running : word_load(&thread->held);
}

static ALWAYS_INLINE void thread_set_current(struct thread *thread, struct coro *co)
{
	word_store(LIKELY(thread->running != &thread_nobody) ? &thread->running : &thread->held, co);
}

/* Out to foreign code, and back.  A signal's handler finds the same coroutine before and
   after. */
static inline void thread_go_out(struct thread *thread)
{
	word_store(&thread->held, thread_current(thread));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	word_store(&thread->running, &thread_nobody);
	thread->is_foreign = true;
}

static inline void thread_come_back(struct thread *thread)
{
	thread->is_foreign = false;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	word_store(&thread->running, thread->is_sanitized ? &thread_nobody : thread->held);
}

/* Whether any thread runs it at the moment. */
bool thread_runs(const struct coro *co);

static inline bool thread_is_on_root(const struct thread *thread)
{
	return thread_current(thread) == &thread->root;
}

/* All that are listed; without a lock, where there is no other thread. */
void thread_visit(void (*visit)(const struct thread *thread, void *arg), void *arg);

/* Foreign calls of threads that ended, and of all. */
uint64_t thread_foreign_counts(void);

#endif
