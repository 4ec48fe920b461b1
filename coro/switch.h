/*
 * coro/switch.h - what C cannot say: from one stack to another and back.
 *
 * WHY        A switch is a call that returns on another stack: the compiler has saved
 *            what a call destroys, so that only the registers that a call keeps, and the
 *            stack pointer, go to memory.  It is left by a jump, not by `ret`, whose
 *            target the CPU would predict from the wrong stack.
 *
 * UNWINDING  Each has the call frame information by which a debugger, backtrace() and
 *            exceptions pass: from a callback through the foreign frames on the
 *            thread's own stack into the coroutine's.  A coroutine's first frame is
 *            the outermost.
 *
 * NOT KEPT   The floating-point environment: it is the thread's.
 */
#ifndef CORO_SWITCH_H
#define CORO_SWITCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "include/mstat_coro.h"

/* What switch_in() and _out() leave on a stack, in words; where the entry's address stands, and
   the word that it is called with. */
#if defined(__x86_64__)
enum { SWITCH_FRAME_WORDS = 7, SWITCH_PC_WORD = 6, SWITCH_ARG_WORD = 3 }; /* r12 */
#elif defined(__aarch64__)
enum { SWITCH_FRAME_WORDS = 20, SWITCH_PC_WORD = 11, SWITCH_ARG_WORD = 0 }; /* x30, x19 */
#endif

#if defined(__x86_64__)
enum { POINT_SP = 48, POINT_PC = 56, POINT_BYTES = 64 };
#elif defined(__aarch64__)
enum { POINT_SP = 160, POINT_PC = 168, POINT_BYTES = 176 };
#endif

_Static_assert(sizeof(struct coro_point) == POINT_BYTES, "as the assembly has it");
_Static_assert(offsetof(struct coro_point, sp) == POINT_SP, "as the assembly has it");
_Static_assert(offsetof(struct coro_point, pc) == POINT_PC, "as the assembly has it");

/*
 * Goes to the stack that was left at `to`; *from becomes where this one is left.  What
 * the switch back brings.  The last call of a function, so that the compiler jumps: the
 * CPU predicts the end of a call by the calls before, and where the stack is another
 * one each prediction of a return is wrong.  One in, one out, for each jump to have its
 * own prediction.
 */
HIDDEN void *switch_in(void **from, void *to, void *value);
HIDDEN void *switch_out(void **from, void *to, void *value);

/* The same for a stack that nobody comes back to: fn(arg) is called on the other one
   first. */
HIDDEN _Noreturn void switch_last(void *to, void *value, void (*fn)(void *), void *arg);

/* Where a coroutine that is cancelled goes on: behind what it was left at. */
HIDDEN void switch_exit(void);

/* Where a stack that nobody was on yet is entered: calls coro_begin(). */
HIDDEN void switch_start(void);

/* fn(arg) on the stack below `sp`; its value.  *left becomes where this stack is left. */
HIDDEN void *switch_call(void *(*fn)(void *), void *arg, void *sp, void **left);

/* fn(arg); *frame becomes the frame address that fn sees. */
HIDDEN void switch_call_deferred(void (*fn)(void *), void *arg, void **frame);

/* Returns once more from the coro_defer_at() that made the point, with 1. */
HIDDEN _Noreturn void switch_to_point(const struct coro_point *point);

#endif
