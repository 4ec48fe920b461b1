/*
 * heap/huge.h - huge pages that were broken up, so that a part could be given back.
 *
 * WHY        Where the kernel was asked for huge pages (MADV_HUGEPAGE, or for everybody) it makes
 *            them again of what is left, in the background (khugepaged): all that was given
 *            back of a block is memory again some seconds later, and nobody has asked for it.
 *            So a block of which a part goes back is asked to stay small pages, until all of it
 *            goes.
 *
 * INVARIANT  Each block that is asked to differ from its neighbours may be two more mappings, of
 *            which a process may have some ten thousand; where they are too many, all blocks are
 *            small pages for good.
 *
 * LOCKING    None: whoever gives pages back has them alone.
 */
#ifndef HEAP_HUGE_H
#define HEAP_HUGE_H

#include <stddef.h>

/* Before pages go back, `pages` from `first` on, or parts of these. */
void huge_break(size_t first, size_t pages);

/* The same of a run that is free: of blocks that all of is in it huge pages are wanted again,
   unless a limit presses (heap/limit.h). */
void huge_break_run(size_t first, size_t pages);

#endif
