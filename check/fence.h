/*
 * check/fence.h - pages beside an object that nobody may touch.
 *
 * WHY        Guard bytes tell of an overrun when the object is freed.  A page that nobody may
 *            touch stops it at the very instruction, a read too.
 *
 * BOUND      Where the kernel cannot mark pages (Linux 6.13), or there are many, each fence is
 *            a mapping of its own, and vm.max_map_count ends them for the whole process.  At
 *            three quarters of it no more are made, which is said once; objects then do without.
 *
 * LOCKING    None held by the caller, who has the span to himself.
 */
#ifndef CHECK_FENCE_H
#define CHECK_FENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/large.h"

struct span;

/* Where an object stands so that fences can be beside it: its end at the one behind, but for
   the alignment, 16 at least; is_left: its begin at the one before.  with_before: there is
   to be one. */
struct large_place fence_place(size_t bytes, size_t align_bytes, bool with_before, bool is_left);

/* Of a large object that is new: the OS pages of its span behind the one that it ends in, and
   those before the one that it begins in.  What was done stands in span->fences. */
void fence_set(struct span *span);

/* Nobody may touch any of it from now on, if the kernel does not refuse that.  Its memory goes
   back, if not that. */
void fence_close(struct span *span);

/* All of it may be touched again.  False: not while this process lives. */
bool fence_open(struct span *span);

#endif
