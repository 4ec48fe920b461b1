/*
 * preload/near.h - the books when the process came near its limit, into the box.
 *
 * WHY        Who is killed at the limit has no time to tell anything, and what filled the memory
 *            is in the books some moments before: the last time that it came near is kept
 *            whole, whatever comes after it, with a peak that each call site's figures are
 *            kept of (profile/sites.h).
 *
 * LOCKING    One thread at a time, who looks at the limits (preload/limit.h).
 */
#ifndef PRELOAD_NEAR_H
#define PRELOAD_NEAR_H

#include <stdint.h>

struct box_limit;

/* Writes them down, and a line into the event log. */
void near_note(const struct box_limit *limit);

/* So much went back to the OS then. */
void near_returned(uint64_t bytes);

/* In a child. */
void near_forget(void);

#endif
