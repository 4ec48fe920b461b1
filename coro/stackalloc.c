/*
 * coro/stackalloc.c - stacks for whatever the program wants, and memory given back.
 *
 * RULE       What a program asks for may be wrong, and it is told so; where a size is
 *            wrong in the library itself that is fatal (coro/stack.h).
 */
#include <errno.h>

#include "base/compiler.h"
#include "coro/stack.h"
#include "coro/thread.h"

EXPORT int coro_stackalloc(struct coro_stack *out, size_t bytes)
{
	struct stack stack;

	if (out == NULL || !stack_is_attr_size(bytes))
		return errno = EINVAL;
	if (!stack_alloc(&stack, bytes))
		return ENOMEM;
	*out = (struct coro_stack){.lo = stack.lo, .hi = stack.lo + bytes, .bytes = bytes};
	return 0;
}

EXPORT int coro_stackfree(struct coro_stack *stack)
{
	if (stack == NULL || !stack_is_attr_size(stack->bytes) || !stack_give_up(stack->lo, stack->bytes))
		return errno = EINVAL;
	stack_free(&(struct stack){.lo = stack->lo, .bytes = stack->bytes});
	*stack = (struct coro_stack){0};
	return 0;
}

EXPORT void coro_trim(void)
{
	thread_drop_dead(&coro_thread);
	stack_trim();
}
