/*
 * coro/measure.h - how much of its stack a coroutine has used at most.
 *
 * WHY        How large stacks should be is found out by measuring, in the program itself.
 *            What was used is what is not zero, if it was zero in the beginning: so a
 *            coroutine that asks for it gets a stack whose pages are fresh, and nothing is
 *            done meanwhile.
 *
 * RULE       What is taken from a stack of such a coroutine while it lives - its pages, or
 *            the stack itself - is measured before.
 */
#ifndef CORO_MEASURE_H
#define CORO_MEASURE_H

#include "base/compiler.h"
#include "coro/coro.h"

/* A stack that nobody is on becomes zero. */
void stack_clear(const struct stack *stack);

void measure_slow(struct coro *co);

/* Before something is taken from its stack. */
static ALWAYS_INLINE void measure(struct coro *co)
{
	if (UNLIKELY(co->is_measured))
		measure_slow(co);
}

#endif
