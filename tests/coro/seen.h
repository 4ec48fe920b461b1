/*
 * seen.h - what functions of the program the unwinders see from stop_here(), for
 * places.sh and barriers.sh, which stop gdb there too.
 */
#ifndef TESTS_CORO_SEEN_H
#define TESTS_CORO_SEEN_H

/* A function that is exported, so that it has a name, and has a frame of its own. */
#define NAMED __attribute__((visibility("default"), noinline))

#ifdef __cplusplus
extern "C" {
#endif

/* Prints a line of those that backtrace() sees, and one of the unwinder's. */
NAMED void stop_here(void);

/* A call that is the last of its function must not become a jump. */
static inline void still_here(void)
{
	__asm__ volatile("" ::: "memory");
}

#ifdef __cplusplus
}
#endif

#endif
