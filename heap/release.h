/*
 * heap/release.h - when free memory goes back to the OS.
 *
 * WHY        Kept pages save faults, given-back pages save memory.  A program
 *            that frees must see its RSS fall without a helper thread and
 *            without a call of its own, and one that frees and allocates in
 *            turn must not pay a system call each time.
 *
 * RULE       At once: what is kept beyond a share of the recent peak and of
 *            what is in use goes back in the freeing call, down to three
 *            quarters of the bound.
 *            With age: in every interval, the pages that were free all
 *            through it go back (the low-water mark of the interval).
 *            Huge pages are broken up only for what was free all through
 *            five intervals, a second.
 *
 * LOCKING    The page heap's lock.
 */
#ifndef HEAP_RELEASE_H
#define HEAP_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "heap/page_heap.h"

/* Looks after pages were freed or taken: keeps the marks, gives back at once. */
void release_after_change(void) REQUIRES(page_heap_lock);

/* Whether an interval has ended since it was last asked; os_coarse_ns(). */
bool release_is_due(uint64_t now_ns);

/* Ends this interval so much from now. */
void release_be_due_in(uint64_t ns);

/* Ends the interval: gives back what was not needed in it. */
void release_with_age(void) REQUIRES(page_heap_lock);

/* Gives back free pages until at most `keep_pages` are kept.  Returns pages. */
size_t release_down_to(size_t keep_pages) REQUIRES(page_heap_lock);

#endif
