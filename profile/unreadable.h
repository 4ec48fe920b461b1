/*
 * profile/unreadable.h - memory that may not be read, in a copy of the process.
 *
 * WHY        A program may protect pages of its own objects, as those at a stack's end, or keep
 *            them out of copies (MADV_DONTFORK).  Who follows pointers through all memory must not
 *            end there, and need not know of it before.
 *
 * METHOD     The copy's memory is its own: what may not be read is made readable when it is; what
 *            is not there reads zero.
 */
#ifndef PROFILE_UNREADABLE_H
#define PROFILE_UNREADABLE_H

#include "profile/world.h"

/* In the copy, for as long as it lives.  `set`: libc's own sigaction(). */
void unreadable_begin(sigaction_set_fn *set);

#endif
