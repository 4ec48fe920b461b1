/*
 * coro/stack.h - the memory that coroutines run on.
 *
 * WHY        A stack is used for a moment and then by another coroutine, by the hundred
 *            thousand: so stacks of a size are cut from large mappings, each above a guard,
 *            pages that nobody may touch, and those that are free stay in a list.  The
 *            guard takes no mapping of its own where the kernel can do without.
 *
 * INVARIANT  A stack is a power of two long and aligned to it:
 *                lo + bytes == hi + sizeof(struct stack_barrier) * barrier_capacity
 *            What bookkeeping barriers need stands at its top, so that nothing is
 *            allocated when they are installed.
 *
 * OWNERSHIP  stack_alloc() gives it to the caller, stack_free() takes it back.
 *
 * LOCKING    One lock for the lists, inside.  Who visits them in a copy of the process takes
 *            none: what they lead to is whole before they do, and stays as long as they do.
 */
#ifndef CORO_STACK_H
#define CORO_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STACK_MIN_BYTES = 2 << 10,
	STACK_ATTR_MIN_BYTES = 4 << 10, /* that a program may ask for */
	STACK_MAX_BYTES = 1 << 30,
	STACK_FIRST_BARRIER_BYTES = 1024 /* from the stack pointer; each further one twice as far */
};

struct coro;

/* Who has a stack. */
struct stack_slot {
	const struct coro *coro; /* NULL: it is free */
};

/* Anybody: of what stands on it nothing is known. */
static const struct coro *const STACK_ANYBODY = (const struct coro *)-1;

/* A return address that was replaced. */
struct stack_barrier {
	uintptr_t *slot;
	uintptr_t saved;
};

struct stack {
	uint32_t barrier_count;
	uint32_t barrier_position;      /* the lowest that was not hit */
	uint32_t barrier_capacity;
	struct stack_barrier *barriers; /* from low to high addresses, at hi */
	char *lo;
	char *hi;
	size_t bytes;                   /* 0: there is none */
	struct stack_slot *slot;
};

/* How many barriers a stack has room for: the first 1,024 bytes above the stack pointer,
   each further one twice as far; or half of the stack, if there is one at each frame.
   (Go's gcMaxStackBarriers.) */
uint32_t stack_barriers_most(size_t bytes);

/* Whether a program may ask for stacks of this size. */
bool stack_is_attr_size(size_t bytes);

/* False with ENOMEM.  Fatal "stack size not a power of 2". */
bool stack_alloc(struct stack *stack, size_t bytes);
void stack_free(struct stack *stack);

/* What stands on it is told by the coroutine from now on. */
static inline void stack_belongs_to(const struct stack *stack, const struct coro *co)
{
	__atomic_store_n(&stack->slot->coro, co, __ATOMIC_RELEASE);
}

/* Before stack_free(), of one that belongs to nobody known.  False: there is none such. */
bool stack_give_up(const char *lo, size_t bytes);

/* Whether an address is in the guard below it. */
bool stack_guards(const struct stack *stack, const void *address);

/* Gives the pages of free stacks back, and mappings of which no stack is in use. */
void stack_trim(void);

/* All address space of stacks, and the stacks that somebody has. */
void stack_visit_spaces(void (*visit)(const char *lo, const char *hi, void *arg), void *arg);
void stack_visit_used(void (*visit)(const char *lo, const char *hi, const struct coro *co, void *arg),
	void *arg);

/* Bytes of stacks that are in use, and of all mappings for stacks. */
void stack_totals(uint64_t *inuse_bytes, uint64_t *sys_bytes);

/* Around a fork: nobody else is in between. */
void stack_fork_begin(void);
void stack_fork_end(void);

#endif
