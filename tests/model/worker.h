/*
 * worker.h - a thread of the model, or a row of threads each of which starts the next.
 *
 * WHY        All that a step looks at and changes: what the model believes to live, where
 *            its decisions come from, what the books must say of it.
 *
 * OWNERSHIP  An object is in a slot of one worker, or in a mailbox, through which it
 *            goes to another.
 *
 * LOCKING    A worker is its present thread's.  A mailbox is whoever's who made it BUSY.
 */
#ifndef TESTS_MODEL_WORKER_H
#define TESTS_MODEL_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/model/books.h"
#include "tests/model/choice.h"
#include "tests/model/object.h"

enum {
	WORKERS_MAX = 17,    /* 16, and the main thread's */
	SLOTS_MAX = 512,
	FINALIZERS_MAX = 64,
	MAILBOXES = 64
};

/* What a run is like; follows from the seed. */
struct plan {
	uint64_t seed;
	uint32_t threads;
	uint32_t rounds;
	uint32_t steps;            /* of each worker in a round */
	uint32_t slots;
	uint32_t refusal_chances;  /* one step in so many; 0: none */
	size_t live_most_bytes;    /* of each worker */
	bool is_limited;           /* memory comes to an end at times */
	bool refuses_by_itself;    /* the library does: --enable-torture */
	bool has_books;            /* it is ours */
	bool tiny;                 /* what MSTAT_CONF says */
	bool is_checked;           /* by it: every object is looked at */
	bool is_fenced;            /* and has pages of its own */
	const void *nothing;       /* the one address of no bytes that hinted objects have */
	bool is_sampled;           /* some have, and are counted as large ones */
	bool noscan_strings;
	bool has_lost;             /* something is, and was not collected yet */
	bool checks_each_step;     /* of one thread, the books */
	bool is_fuzzed;            /* no threads, no forks, no collections */
};

struct worker {
	uint32_t index;
	struct choice choice;
	struct tally tally;
	struct object slots[SLOTS_MAX];
	struct finalizer finalizers[FINALIZERS_MAX];
	size_t live_bytes;
	uint64_t object_count;
	uint64_t digest;           /* of all that was seen and is no address */
	uint64_t steps_done;
	uint64_t steps_end;
	const char *operation;
	uint32_t size_mood;
	uint32_t free_mood;        /* how many of 256 steps of the two make rather than end */
	bool is_child;             /* of a fork */
	bool is_leaving;           /* its thread ends after this step */
	bool is_collecting;        /* finalizers do nothing but look */
	bool is_last;              /* its thread is at its end */
	bool is_over;              /* its thread is about to end */
	pthread_t thread;
};

struct mailbox {
	uint32_t state;            /* enum mailbox_state */
	struct object object;
};

enum mailbox_state { MAILBOX_EMPTY, MAILBOX_FULL, MAILBOX_BUSY };

extern struct plan plan;
extern struct worker workers[WORKERS_MAX];
extern struct mailbox mailboxes[MAILBOXES];

/* The worker whose thread this is; NULL outside of steps. */
extern __thread struct worker *worker_self;

/* Says what is wrong, where, and how to see it again; ends the process. */
void model_fail(const struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* One step. */
void worker_step(struct worker *worker);

/* How often each kind of step was taken, and which entry point never was. */
void steps_report(void);

static inline void worker_note(struct worker *worker, uint64_t what)
{
	worker->digest = choice_mix(worker->digest + what);
}

#endif
