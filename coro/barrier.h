/*
 * coro/barrier.h - marks in a stack, by which one can tell later how much of it has
 * been returned from.
 *
 * WHY        Who has seen all frames of a deep stack, and comes again, need look only at
 *            those that ran meanwhile.  A mark is a return address that was replaced by
 *            that of a trampoline: when its frame returns, the mark is taken off, and
 *            control goes on at the saved address.  A few, each twice as far from the
 *            stack pointer as the one before, cost a few returns.
 *
 * INVARIANT  stack.barriers[position .. count) were not hit.  They go from low to high
 *            addresses, and all others of the array are zero: the trampolines' unwind
 *            information finds a barrier by searching the array from its end, and so
 *            does whatever unwinds through it: exceptions, backtrace(), a debugger.
 *            An exception that leaves frames takes theirs off.  Frames that longjmp() leaves
 *            leave theirs behind: below the stack pointer, where the next that is hit,
 *            removed or walked over drops them.
 *
 * LOCKING    None: a coroutine's barriers are its thread's while it runs, else of whoever
 *            may resume it.  What a signal interrupts can be unwound at every instruction.
 *
 * SOURCE     Austin Clements, "runtime: steal space for stack barrier tracking from
 *            stack", golang.org/cl/10313, and those that follow it.
 */
#ifndef CORO_BARRIER_H
#define CORO_BARRIER_H

/* In coro/barrier_*.S: one for each size of stacks, from the least; before each an
   instruction that belongs to it, where unwinders look a return address up. */
#if defined(__x86_64__)
#define BARRIER_STRIDE_BYTES 32
#define BARRIER_LEAD_BYTES 1
#elif defined(__aarch64__)
#define BARRIER_STRIDE_BYTES 64
#define BARRIER_LEAD_BYTES 4
#endif

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "coro/coro.h"

enum coro_barriers barriers_mode_now(void);

/* Of a trampoline; the one that return addresses of this stack are replaced by. */
bool barrier_is(uintptr_t pc);
bool barrier_is_return(const struct stack *stack, uintptr_t pc);

/* Which of those from `first` on is the one that was hit, or would be, when the stack
   pointer has become `sp`: the highest below.  WALK_NO_BARRIER: none. */
uint32_t barrier_below(const struct stack *stack, uint32_t first, const char *sp);

/* Whether the trampoline still stands where it was put. */
bool barrier_stands(const struct stack *stack, uint32_t at);

/* Takes those off that are below sp.  Fatal "stack barrier lost". */
void barriers_unwind(struct coro *co, const char *sp);

/* Nobody will return: there are none, and their room is clear. */
void barriers_forget(struct stack *stack);

/* To another stack, whose array is clear, before the frames go: `by` bytes away. */
void barriers_move(struct stack *to, const struct stack *from, intptr_t by);

static inline bool stack_has_barriers(const struct stack *stack)
{
	return stack->barrier_position != stack->barrier_count;
}

#endif
#endif
