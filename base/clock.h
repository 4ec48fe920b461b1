/*
 * base/clock.h - the time, past libc.
 *
 * WHY        As base/syscall.h; and the clock is looked at on slow paths, which it must
 *            not make much slower: what libc calls is the kernel's own function, in the
 *            page that it maps into every process (the vDSO).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* 0 if there is no such clock.  Leaves errno alone. */
uint64_t clock_read_ns(clockid_t clock);

#endif
