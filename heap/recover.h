/*
 * heap/recover.h - the heap in a child that no fork handler prepared: of _Fork(), of a
 * raw clone.
 *
 * WHY        Such a child has one thread, and memory as it was while the parent's others
 *            were at work.  A lock that one of them held is no more than a word to set;
 *            but what it guards was in the middle of a change, and of an object on its
 *            way from one place to another it may say that it is in both.
 *
 * RULE       What nobody was changing stays as it is.  The spans of a pool that somebody
 *            held are counted by their bitmaps, which say of each object on its own
 *            whether it is home; what lay in its stack is lost, since it may have been
 *            on its way out.  The objects in the other threads' magazines go home one by
 *            one, but for those that are home.  If somebody held the page heap's lock the
 *            free runs are made anew, of all pages that are in no span; those that were
 *            never handed out cannot be told from holes, and become such.
 *
 * INVARIANT  As in any process (heap_audit).  What was lost counts as live, in the rows
 *            of the threads that are no more.
 *
 * LOCKING    None: the child has one thread, and it holds no lock of the heap.
 */
#ifndef HEAP_RECOVER_H
#define HEAP_RECOVER_H

#include "base/compiler.h"

void heap_fork_recover(void) UNCHECKED_LOCKING;

#endif
