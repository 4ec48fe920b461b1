/*
 * coro/key.h - values of which each coroutine has its own.
 *
 * WHY        What a library keeps for whoever calls it is the coroutine's, not the
 *            thread's, which runs another one the next moment.  As pthread_key_create()
 *            and what belongs to it; a switch has nothing to do for it.
 *
 * INVARIANT  A key is its index in the table of keys and the index's sequence number,
 *            which is odd while the key is there, and never the same again.  A value is
 *            noted with the whole key it was set by: what a deleted key left behind is
 *            no later key's.
 *
 * OWNERSHIP  A coroutine's values are in one block of malloc's, from the first one that
 *            it sets to its end.  A thread's own are struct thread.root's.
 *
 * LOCKING    None: each index of the table is changed by compare and exchange, and a
 *            coroutine's values by itself.
 */
#ifndef CORO_KEY_H
#define CORO_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "coro/coro.h"

/* Values, by index. */
struct values {
	uint32_t count;
	uint32_t next;   /* of this round of destructors, which may be left in the middle */
	uint32_t rounds; /* that were ended */
	bool were_any;   /* in this one */
	struct {
		coro_key key;
		void *value;
	} at[];
};

/* Its deferred calls were made: calls the destructors, and what they defer. */
void values_end_slow(struct coro *co);

static ALWAYS_INLINE void values_end(struct coro *co)
{
	if (UNLIKELY(co->values != NULL))
		values_end_slow(co);
}

#endif
