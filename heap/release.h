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
 *            quarters of the bound; no more than the recent peak a second.
 *            With age: in every interval, the pages that were free all
 *            through it go back (the low-water mark of the interval).
 *            Huge pages are broken up only for what was free all through
 *            four intervals, eight tenths of a second.
 *            Under a soft limit (heap/limit.h): no more is kept than it allows,
 *            however soon it goes back.
 *
 * LOCKING    One lock, rank RELEASE, held while pages are on their way: whoever
 *            finds it taken lets the other do the work.  The page heap's is held
 *            to withdraw pages and to put them back, and not while the OS takes
 *            them.
 */
#ifndef HEAP_RELEASE_H
#define HEAP_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/lock.h"
#include "heap/page_heap.h"

extern struct lock release_lock;
extern HIDDEN bool release_is_wanted;

/* Looks after pages were freed or taken: keeps the marks, and says that some are
   to go back at once. */
void release_after_change(void) REQUIRES(page_heap_lock);

/* Gives back at once what is to; for a thread that holds no lock. */
void release_at_once(void);

static inline void release_if_wanted(void)
{
	if (UNLIKELY(word_load(&release_is_wanted)))
		release_at_once();
}

/* Whether an interval has ended since it was last asked; os_coarse_ns(). */
bool release_is_due(uint64_t now_ns);

/* Ends this interval so much from now. */
void release_be_due_in(uint64_t ns);

/* Ends the interval: gives back what was not needed in it. */
void release_with_age(void);

/* Gives back free pages until at most `keep_pages` are kept.  Returns pages. */
size_t release_down_to(size_t keep_pages);

/* Until no pages are on their way: they are as free as any. */
void release_wait(void);

/* In a child that no fork handler prepared: what a thread that it does not have
   was giving back is kept. */
void release_recover(void) REQUIRES(page_heap_lock);

/* The same where those pages are taken care of otherwise. */
void release_forget(void) REQUIRES(page_heap_lock);

#endif
