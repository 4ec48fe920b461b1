/*
 * coro/panic.h - errors that unwind to whoever recovers.
 *
 * WHY        An error deep down is the business of whoever is far up; what lies between
 *            has said by its deferred calls what must be done on the way.
 *
 * INVARIANT  While deferred calls are made the frames of what panicked are still on the
 *            stack, below: they go when one has recovered and returned.  A panic in a
 *            deferred call is another one on top; when it has made its way to calls that
 *            were deferred before the first panic, that one is aborted.
 *
 * SOURCE     The Go runtime's panic.c and panic.go.
 */
#ifndef CORO_PANIC_H
#define CORO_PANIC_H

#include <stdbool.h>

#include "include/mstat_coro.h"

struct panic {
	void *value;
	struct panic *next;
	void *frame_address; /* of the deferred function that it calls; NULL: nobody may recover */
	bool is_recovered;
	bool is_aborted;
	bool is_exit;        /* it is none: a coroutine ends, its deferred calls are made */
	const struct coro_point *point; /* an exit: where it goes on after a recovery */
};

#endif
