#include "coro/unwind.h"

#include <stdlib.h>

#include "base/fatal.h"
#include "coro/barrier.h"
#include "coro/sanitizer.h"
#include "coro/thread.h"

bool unwind_was_asked_for;

EXPORT void coro_unwinds(void)
{
	__atomic_store_n(&unwind_was_asked_for, true, __ATOMIC_RELAXED);
}

/* ---- how far ------------------------------------------------------------------------ */

/* Of a walk: the stack pointer of the frame that an address is in. */
struct search {
	const struct stack *stack;
	uintptr_t address;
	uintptr_t sp;        /* of the last frame that begins at or below it */
	bool was_passed;
};

/* The thread's own stack, of which no bounds are known, calls over to no other. */
static bool is_elsewhere(const struct stack *stack, uintptr_t sp)
{
	return stack->bytes != 0 && (sp < (uintptr_t)stack->lo || sp > (uintptr_t)stack->hi);
}

static _Unwind_Reason_Code search_at(struct _Unwind_Context *context, void *arg)
{
	struct search *search = arg;
	uintptr_t sp = _Unwind_GetCFA(context);

	if (is_elsewhere(search->stack, sp))
		return _URC_NO_REASON;
	search->was_passed = sp > search->address;
	if (search->was_passed)
		return _URC_END_OF_STACK;
	search->sp = sp;
	return _URC_NO_REASON;
}

/* The unwinder tells where a frame begins alone, which with a stack that grows downwards
   is the stack pointer that it called with; where it ends the next one begins.  0: it does
   not come there. */
static uintptr_t sp_of(const struct coro *co, const void *address)
{
	struct search search = {.stack = &co->stack, .address = (uintptr_t)address};

	_Unwind_Backtrace(search_at, &search);
	return search.was_passed ? search.sp : 0;
}

/* ---- the exception --------------------------------------------------------------------- */

static void unwinding_drop(struct unwinding **link)
{
	struct unwinding *unwinding = *link;

	*link = unwinding->next;
	free(unwinding);
}

void unwind_forget(struct coro *co, const void *address)
{
	struct unwinding **link = &co->unwindings;

	while (*link != NULL) {
		if ((*link)->address <= address)
			unwinding_drop(link);
		else
			link = &(*link)->next;
	}
}

bool unwind_comes_to(const struct coro *co, const void *address)
{
	const struct unwinding *unwinding = co->unwindings;

	while (unwinding != NULL && unwinding->address != address)
		unwinding = unwinding->next;
	return unwinding != NULL;
}

/* C++ has done with the exception: a catch (...) did not throw it on, or has panicked or
   exited itself, by which a newer unwinding leaves it. */
static void exception_end(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception)
{
	const struct unwinding *unwinding = (struct unwinding *)exception;

	(void)reason;
	if (thread_current(thread_self())->unwindings == unwinding)
		fatal("a catch (...) kept a panic or an exit");
}

static void *needed(void *memory)
{
	if (UNLIKELY(memory == NULL))
		fatal("no memory for unwinding");
	return memory;
}

static struct unwinding *unwinding_new(struct coro *co)
{
	struct unwinding *unwinding = needed(aligned_alloc(_Alignof(struct unwinding), sizeof(*unwinding)));

	*unwinding = (struct unwinding){.next = co->unwindings};
	unwinding->exception.exception_cleanup = exception_end;
	co->unwindings = unwinding;
	return unwinding;
}

/* Asked before each frame is left. */
static _Unwind_Reason_Code stop(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
	struct _Unwind_Exception *exception, struct _Unwind_Context *context, void *arg)
{
	const struct unwinding *unwinding = arg;

	(void)version;
	(void)class;
	(void)exception;
	if ((actions & _UA_END_OF_STACK) != 0 || _Unwind_GetCFA(context) == unwinding->sp) {
		thread_self()->exceptions[1] = unwinding->uncaught;
		unwinding->arrive(unwinding->address, unwinding->arg);
	}
	return _URC_NO_REASON;
}

void unwind_to(struct coro *co, const void *address, void (*arrive)(const void *address, void *arg),
	void *arg)
{
	if (!unwind_is_on())
		return;
	if (stack_has_barriers(&co->stack)) /* an unwinder may not see through */
		barriers_unwind(co, address);
	uintptr_t sp = address != UNWIND_ALL ? sp_of(co, address) : 0;
	if (sp == 0 && address != UNWIND_ALL)
		return;
	struct unwinding *unwinding = unwinding_new(co);
	unwinding->address = address;
	unwinding->sp = sp;
	unwinding->uncaught = thread_self()->exceptions[1];
	unwinding->arrive = arrive;
	unwinding->arg = arg;
	sanitizer_frames_leave();
	_Unwind_ForcedUnwind(&unwinding->exception, stop, unwinding);
	unwinding_drop(&co->unwindings);
}
