#include "coro/books.h"

#include "base/compiler.h"
#include "coro/stack.h"
#include "coro/thread.h"
#include "include/mstat.h"

#pragma weak mstat_stacks_add
#pragma weak mstat_stacks_register

void books_stacks_add(ptrdiff_t inuse_bytes, ptrdiff_t sys_bytes)
{
	if (mstat_stacks_add != NULL)
		mstat_stacks_add(inuse_bytes, sys_bytes);
}

/* ---- what stands on stacks -------------------------------------------------------- */

struct listener {
	void (*tell)(const struct mstat_stack *stack, void *arg);
	void *arg;
};

static void space_tell(const char *lo, const char *hi, void *arg)
{
	const struct listener *listener = arg;
	struct mstat_stack stack = {.kind = MSTAT_STACK_SPACE, .lo = lo, .hi = hi};

	listener->tell(&stack, listener->arg);
}

struct running {
	const struct coro *co;
	bool is;
};

static void running_ask(const struct thread *thread, void *arg)
{
	struct running *running = arg;

	running->is |= thread_current(thread) == running->co;
}

static bool is_running(const struct coro *co)
{
	struct running running = {.co = co};

	if (co->is_active)
		thread_visit(running_ask, &running);
	return running.is;
}

/* From where on there is something; NULL: it may be running. */
static const char *left_of(const struct coro *co, const char *lo, const char *hi)
{
	if (co == STACK_ANYBODY)
		return lo;
	if (coro_has_finished(co))
		return hi;
	return is_running(co) ? NULL : co->left.sp;
}

static void stack_tell(const char *lo, const char *hi, const struct coro *co, void *arg)
{
	const struct listener *listener = arg;
	struct mstat_stack stack = {.kind = MSTAT_STACK, .lo = lo, .hi = hi,
		.left = left_of(co, lo, hi)};

	listener->tell(&stack, listener->arg);
	if (co == STACK_ANYBODY || stack.left == hi)
		return;
	const struct switch_left *registers = &co->left;
	stack = (struct mstat_stack){MSTAT_STACK, registers, registers + 1, registers};
	listener->tell(&stack, listener->arg);
}

static void thread_tell(const struct thread *thread, void *arg)
{
	const struct listener *listener = arg;
	struct mstat_stack stack = {.kind = MSTAT_STACK_THREAD,
		.lo = (const void *)thread->self, // NOLINT(performance-no-int-to-ptr)
		.left = thread->root.left.sp};

	if (thread_current(thread) != &thread->root)
		listener->tell(&stack, listener->arg);
}

static void visit(void (*tell)(const struct mstat_stack *stack, void *arg), void *arg)
{
	struct listener listener = {tell, arg};

	stack_visit_spaces(space_tell, &listener);
	stack_visit_used(stack_tell, &listener);
	thread_visit(thread_tell, &listener);
}

static __attribute__((constructor)) void books_register(void)
{
	static struct mstat_stack_source source = {.visit = visit};

	if (mstat_stacks_register != NULL)
		mstat_stacks_register(&source);
}
