/*
 * coro/switch.h - what C cannot say: from one stack to another and back.
 *
 * WHY        A switch stores where it leaves a stack (struct switch_left) and jumps to where
 *            another was left.  It is not left by `ret`, whose target the CPU would
 *            predict from the wrong stack.
 *                What most programs do most, coro_resume() and coro_yield(), is compiled
 *            into them (mstat_coro.h): a jump to coro_resume_at() or coro_yield_at(), with
 *            the place to go on at in a register.  The compiler is told that all registers
 *            are lost but the two or three that it may not lose, so that it saves those in
 *            use and no others, and nothing goes through the stack.  Whatever is out of
 *            the ordinary (an error, a coroutine that is locked to its thread, C++'s state
 *            of exceptions) is coro.c's, by way of the same entries.
 *
 * UNWINDING  Each has the call frame information by which a debugger, backtrace() and
 *            exceptions pass: from a callback through the foreign frames on the
 *            thread's own stack into the coroutine's.  A coroutine's first frame is
 *            the outermost.  A debugger takes a caller that is below its callee for a
 *            corrupt stack, unless one of them is a signal's, which may have a stack of its
 *            own: so between the two there is a frame that says it is a signal's.  What a
 *            signal interrupted is looked up at the very place, not at the call before
 *            it, where a C function's exception tables would be missed: so what such a
 *            frame returns to is here too.
 *
 * NOT KEPT   The floating-point environment: it is the thread's.
 */
#ifndef CORO_SWITCH_H
#define CORO_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "coro/offsets.h"
#include "include/mstat_coro.h"

struct coro;

/* Where a stack was left.  Below sp the function that was left may have RED_ZONE_BYTES that
   it uses.  (`base`: compilers keep there, or in fp, what they find the rest by.) */
struct switch_left {
	char *sp;
	void *fp;
	void *pc;
	void *base;
};

#if defined(__x86_64__)
enum { POINT_SP = 48, POINT_PC = 56, POINT_BYTES = 64 };
#elif defined(__aarch64__)
enum { POINT_SP = 160, POINT_PC = 168, POINT_BYTES = 176 };
#endif

/* The first thing on a stack that switch_call() or coro_callback() has gone over to: where
   unwinders go from there. */
struct switch_edge {
	uintptr_t frame;
	uintptr_t pc;
};

_Static_assert(sizeof(struct switch_edge) == 16, "as the assembly has it");
_Static_assert(sizeof(struct coro_point) == POINT_BYTES, "as the assembly has it");
_Static_assert(offsetof(struct coro_point, sp) == POINT_SP, "as the assembly has it");
_Static_assert(offsetof(struct coro_point, pc) == POINT_PC, "as the assembly has it");

/* The ordinary cases of coro_resume() and coro_yield(), and the way to the others. */
void coro_resume_at(void);
void coro_yield_at(void);

/* What the switch back brings. */
struct switch_brought {
	void *value;
	size_t is_cancelled;
};

/* Goes on where `to` was left, and leaves this stack at `from`. */
HIDDEN struct switch_brought switch_to(struct coro *from, struct coro *to, void *value, bool cancels);

/* The same for a stack that nobody comes back to: fn(arg) is called on the other one
   first, unless fn is NULL. */
HIDDEN _Noreturn void switch_last(const struct switch_left *to, void *value, void (*fn)(void *), void *arg);

/* Where a stack that nobody was on yet is entered: calls the coroutine's function, and
   coro_end() if there is more to be done than to leave the stack. */
HIDDEN void switch_start(void);

/* fn(arg) on the stack below `sp`; its value.  *left becomes where this stack is left. */
HIDDEN void *switch_call(void *(*fn)(void *), void *arg, void *sp, void **left);

/* fn(arg); *frame becomes the frame address that fn sees. */
HIDDEN void switch_call_deferred(void (*fn)(void *), void *arg, void **frame);

/* fn(arg), called as if by the stack that was left at `left`: for unwinders. */
HIDDEN void switch_walk(void (*fn)(void *), void *arg, const struct switch_left *left);

/* Makes a point: returns now, and whenever somebody goes to it. */
HIDDEN void switch_note_point(struct coro_point *point) __attribute__((returns_twice));

/* Returns once more from the coro_defer_at() that made the point, with 1, or from
   switch_note_point(). */
HIDDEN _Noreturn void switch_to_point(const struct coro_point *point);

#endif
