/*
 * coro/offsets.h - where the assembly finds what, in bytes; coro.h and thread.h assert it.
 */
#ifndef CORO_OFFSETS_H
#define CORO_OFFSETS_H

#define CORO_LEFT 0
#define CORO_RESUMER 32
#define CORO_IS_ACTIVE 40
#define CORO_STATE 44
#define CORO_PANICS 48
#define CORO_FN 56
#define CORO_ARG 64
#define CORO_DEFERS 72
#define CORO_SITES 80
#define CORO_HELD 88
#define CORO_VALUES 96
#define CORO_UNWINDINGS 104
#define CORO_BARRIER_COUNT 112

/* No coroutine's address. */
#define CORO_NOT_PLAIN 1

/* Bits of a state. */
#define CORO_STATE_FINISHED 1
#define CORO_STATE_PLAIN 2
#define CORO_STATE_CANCELLING 4

#define THREAD_RUNNING 0
#define THREAD_EXCEPTIONS 8

/* Below the stack pointer, that a function may use which calls none. */
#if defined(__x86_64__)
#define RED_ZONE_BYTES 128
#elif defined(__aarch64__)
#define RED_ZONE_BYTES 0
#endif

#endif
