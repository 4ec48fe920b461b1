/*
 * tests/coro/fuzz/model.h - what a random program of coroutines does, known beforehand.
 *
 * WHY        What deferred calls, panics, exits, foreign calls and switches do to each other
 *            has more cases than anybody writes down.  So a program chooses what it does at
 *            random, and a model says what must come of it.
 *
 * HOW        Wherever control comes to in the program it says so: model_arrive().  There it
 *            asks what to do, model_choose(), and does that.  The model knows neither stacks
 *            nor addresses: a coroutine is a list of what was begun in it and has not ended
 *            (struct activation) and a list of calls that were deferred.  What was chosen is
 *            done to these at once, so that it is known where control comes to next, in
 *            which coroutine, in which of its functions, and with which value.  That is
 *            compared, and is all that is.
 *
 * INVARIANT  One of the coroutines is current, and its last activation waits to be chosen
 *            for, or to be arrived at.  All is in static memory, outside of any stack.
 */
#ifndef TESTS_CORO_FUZZ_MODEL_H
#define TESTS_CORO_FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/mstat_coro.h"

enum {
	MODEL_COROS = 20,         /* the first is the thread's own stack */
	MODEL_ACTIVATIONS = 100,
	MODEL_CALLS = 400,
	MODEL_KEYS = 3,           /* the last has no destructor */
	MODEL_ARGS_BYTES = 3000,
	MODEL_SITES = 3           /* where a function defers; the last is in its scope */
};

/* What control comes to. */
enum model_place {
	AT_BEGIN,      /* a function's, whatever its kind; a deferred one's number is its own */
	AT_BACK,       /* what was called, or a scope, has ended */
	AT_VALUE,      /* what came of a switch, or of a call over to another stack */
	AT_ERROR,      /* why there was none */
	AT_DONE,       /* what any other call returned */
	AT_DEFERRED,   /* coro_defer() has returned 0 */
	AT_RECOVERY    /* or 1, at the site of that number */
};

/* A function that is told to do something; the program has one for each. */
enum model_kind {
	A_ROOT,        /* the thread's loop */
	A_FUNCTION,    /* that defers; a coroutine's first is one */
	A_SCOPED,      /* it has a lexical call, and defers no others */
	A_DEFERRED,
	A_LEXICAL,     /* such a call */
	A_DESTRUCTOR,
	A_FOREIGN,
	A_CALLBACK,
	A_PANIC,       /* these three call others, but are told nothing */
	A_EXIT,
	A_END          /* destructors are called */
};

/* What to do. */
enum model_act {
	DO_RETURN,
	DO_CALL,
	DO_CALL_SCOPED,
	DO_DEFER,      /* `site`, `number`, `bytes` of arguments */
	DO_SCOPE,
	DO_SCOPE_END,
	DO_RECOVER,
	DO_YIELD,
	DO_RESUME,
	DO_TRANSFER,
	DO_CREATE,     /* `bytes` of stack */
	DO_CANCEL,
	DO_DESTROY,
	DO_PANIC,
	DO_EXIT,
	DO_FOREIGN,
	DO_CALLBACK,
	DO_LOCK,
	DO_UNLOCK,
	DO_COPYSTACK,
	DO_SHRINK,
	DO_BARRIERS_SET,
	DO_BARRIERS_INSTALL,
	DO_BARRIERS_REMOVE,
	DO_BARRIERS_UNWIND,
	DO_RESCAN,
	DO_KEY_SET,
	DO_KEY_GET,
	DO_STATUS,
	DO_BACKTRACE,
	DO_MOVE,       /* the thread `number` goes on with all of it */
	DO_END
};

struct act {
	enum model_act act;
	struct coro *co;
	uint64_t number;
	size_t bytes;
	int site;
	bool is_relocatable;
	bool is_measured;
	bool has_pointer;    /* the first argument is the address of the function's own variable */
	const void *covered; /* a rescan must tell of it; NULL: of nothing that is known */
	struct coro **made;  /* where what is created goes */
};

struct arrival {
	enum model_place place;
	uint32_t id;         /* of the activation */
	uint64_t number;
};

/* What was begun and has not ended. */
struct activation {
	enum model_kind kind;
	uint32_t id;
	uint64_t number;     /* a value: what a panic or an exit brings; what a deferred call is */
	size_t cost_bytes;   /* of stack, at most */
	const void *local;   /* a variable in its frame; NULL: not known now */
	bool is_leaving;
	bool is_sure;        /* it recovers, does nothing else, and returns */
	bool has_asked;
	bool in_scope;
	uint64_t scope;      /* the lexical call's number */
	bool is_recovered;   /* a panic */
	uint32_t owner;      /* of the call that a panic makes, and where that was deferred */
	int site;
	bool locks;          /* a foreign call */
	bool is_given_up;
};

enum model_call { CALL_DYNAMIC, CALL_LEXICAL, CALL_UNLOCK, CALL_GIVE_UP };

/* That was deferred. */
struct call {
	enum model_call kind;
	uint32_t owner;
	int site;
	uint64_t number;
	size_t bytes;
	bool has_pointer;
	bool is_sure;
};

/* What it does, or why it does not run. */
enum model_state { C_NONE, C_NEW, C_LEFT, C_ACTIVE, C_FINISHED };

/* What one that resumed another waits for. */
enum model_wait { WAITS_VALUE, WAITS_CANCEL, WAITS_DESTROY };

struct model_coro {
	struct coro *co;
	enum model_state state;
	enum model_wait wait;
	uint32_t target;        /* of the cancellation */
	uint32_t resumer;
	bool is_cancelling;
	bool is_relocatable;
	bool is_foreign_locked;
	uint32_t lock_count;
	uint32_t locked_thread;
	size_t stack_bytes;     /* at least */
	size_t cost_bytes;
	uint32_t low;           /* activations from this one on have run since it was marked */
	bool has_values;
	uint32_t next_key;      /* of a round of destructors */
	bool were_any;          /* in it */
	uint32_t rounds;
	uint64_t values[MODEL_KEYS];
	uint32_t activation_count;
	uint32_t call_count;
	struct activation activations[MODEL_ACTIVATIONS];
	struct call calls[MODEL_CALLS];
};

struct model {
	uint64_t seed;
	uint64_t state;              /* of the random numbers */
	uint64_t steps_left;         /* then everything ends */
	uint32_t thread;
	uint32_t thread_count;
	bool sets_barriers;          /* they are all threads' */
	enum coro_barriers barriers;
	coro_key keys[MODEL_KEYS];
	uint64_t foreign_count;
	uint64_t next_number;
	uint32_t next_id;
	uint32_t current;
	struct arrival expected;
	uint64_t also;               /* errors that are right too, a bit each */
	struct call made;            /* the deferred call that is expected to begin */
	uint32_t copied;             /* whose stack will be another if that can be had */
	size_t copied_bytes;
	uint64_t counts[DO_END + 1]; /* of what was chosen */
	uint64_t recovery_count;
	uint64_t exit_again_count;   /* recoveries that an exit stood in the way of */
	struct model_coro coros[MODEL_COROS];
	unsigned char args[MODEL_ARGS_BYTES];
};

/* On the thread's own stack, which is to do model_choose() next. */
void model_begin(struct model *model, uint64_t seed, uint64_t steps);

struct act model_choose(struct model *model);

/* What was come to, which must be what was expected; the activation's id.  `local` is a
   variable of the function, or NULL. */
uint32_t model_arrive(struct model *model, struct arrival arrival, const void *local);

/* The arguments of a deferred call with this number. */
void model_args_fill(void *args, uint64_t number, size_t bytes);

/* Whether this is its copy. */
bool model_args_are(const void *args, const struct call *call);

#endif
