/*
 * profile/world.h - all threads stopped for a moment, and the process copied as it
 * stands.
 *
 * WHY        Whoever follows pointers must find memory, stacks and registers as they
 *            were at one moment.  Every thread but the caller's is sent a signal and
 *            waits in its handler, with what its registers held on its stack; the
 *            process is copied, page tables only, and all go on.  The copy looks about
 *            for as long as it likes.
 *
 * PROTOCOL   The heap's locks first, as for a fork: no thread is stopped within them.
 *            Then the signal, to every thread of /proc/self/task, until a pass finds
 *            none that is new: who stands still makes none.  A thread that ends
 *            meanwhile is not waited for; one that does not come within a second is
 *            given up, and all with it.  The signal is queued with the number of the
 *            stop: one that comes too late does nothing.
 *
 *            The copy is made by clone(2) as _Fork() would: no fork handler runs.  Its
 *            end sends no SIGCHLD and no wait() of the program's sees it.
 *
 * SIGNALS    One real-time signal, MSTAT_CONF=stop_signal, taken when it is first
 *            needed, if the program has no handler for it.  A thread in a system call
 *            finds that restarted, or interrupted, as after any handled signal
 *            (signal(7)).
 */
#ifndef PROFILE_WORLD_H
#define PROFILE_WORLD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile/backtrace.h"

/* Where a thread stands. */
struct world_thread {
	int32_t tid;
	uint32_t has_stopped;
	uintptr_t stack_pointer;   /* of its handler, below what was in registers */
	uintptr_t program_pointer; /* of what the signal interrupted */
	uintptr_t program_pc;
	uintptr_t thread_pointer;  /* glibc's, at its stack's upper end */
	uintptr_t left_pointer;    /* where it left its own stack for another; 0: not known */
	bool is_on_alternate;      /* what was interrupted ran on its alternate signal stack */
	struct backtrace_place place; /* where its handler was called from */
};

struct world_job {
	void (*when_still)(void *arg); /* in this process, all threads standing still */
	void (*in_copy)(void *arg);    /* in the copy, which ends when it returns */
	void *arg;
	const void *interrupted;       /* in a signal handler: its ucontext_t; else NULL */
	uint64_t pause_ns;             /* out: how long the threads stood still */
	int32_t late_tid;              /* out: of ETIMEDOUT, a thread that did not stop; 0: not known */
};

typedef int sigaction_set_fn(int number, const struct sigaction *action, struct sigaction *old);

/* `set`: libc's own sigaction(). */
void world_init(int signal_number, sigaction_set_fn *set);

/*
 * Does all that.  0, then *copy is the copy's process id, for world_wait(); or an
 * errno: EBUSY, the program uses the signal; ETIMEDOUT, a thread did not stop; EAGAIN,
 * there is no room for a process or too many threads; what open(2) said of /proc.
 * From a signal handler too, if it blocks all signals and what it interrupted has none of the
 * heap's locks (base/lock.h); then EDEADLK if it has.
 */
int world_copy(struct world_job *job, pid_t *copy);

/* Waits for the copy.  Whether it did all that it was to do. */
bool world_wait(pid_t copy);

/* The same of one that may be at it still: false then.  Nothing else is left of one that is not. */
bool world_reap(pid_t copy);

/* The threads, in the copy; the caller's is the first. */
const struct world_thread *world_threads(uint32_t *count);

/* In the copy: the thread of this thread pointer has left its own stack so. */
void world_note_left(uintptr_t thread_pointer, uintptr_t left_pointer);

#endif
