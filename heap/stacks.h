/*
 * heap/stacks.h - stacks that a library beside the heap hands out.
 *
 * WHY        Coroutines' stacks are mapped by whoever makes coroutines.  The books have
 *            them all the same: told of each change, they need to ask nobody at a
 *            moment when nobody may be asked, in a signal or from outside.
 *
 * INVARIANT  inuse_bytes <= sys_bytes, if each who tells does so under a lock of its own.
 *            Stacks of threads are not among them.
 *
 * LOCKING    Changed and published under the page heap's lock, as the other totals; read
 *            without.
 */
#ifndef HEAP_STACKS_H
#define HEAP_STACKS_H

#include <stdint.h>

#include "base/compiler.h"
#include "heap/page_heap.h"

struct stacks_totals {
	uint64_t inuse_bytes;
	uint64_t sys_bytes;
};

void stacks_add(int64_t inuse_bytes, int64_t sys_bytes);

struct stacks_totals stacks_read(void);

#endif
