#include "coro/barrier.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "coro/thread.h"
#include "coro/walk.h"

extern HIDDEN const char barrier_trampolines[], barrier_trampolines_end[];

static uintptr_t trampoline_of(const struct stack *stack)
{
	uint32_t index = bits_log2(stack->bytes) - bits_log2(STACK_MIN_BYTES);

	return (uintptr_t)barrier_trampolines + (size_t)index * BARRIER_STRIDE_BYTES + BARRIER_LEAD_BYTES;
}

bool barrier_is(uintptr_t pc)
{
	return pc >= (uintptr_t)barrier_trampolines && pc < (uintptr_t)barrier_trampolines_end;
}

bool barrier_is_return(const struct stack *stack, uintptr_t pc)
{
	return pc == trampoline_of(stack);
}

bool barrier_stands(const struct stack *stack, uint32_t at)
{
	return *stack->barriers[at].slot == trampoline_of(stack);
}

/* What functions return values in is not touched. */
#define ON_RETURN __attribute__((target("general-regs-only")))

/* It was hit, or dropped.  The compiler must not leave it for later: a signal's handler may
   look in between. */
ON_RETURN static ALWAYS_INLINE void pass_lowest(struct stack *stack)
{
	volatile struct stack_barrier *lowest = &stack->barriers[stack->barrier_position];

	lowest->slot = NULL;
	lowest->saved = 0;
	stack->barrier_position++;
}

/* ---- hit -------------------------------------------------------------------------- */

/* Trampolines call the first with the stack pointer that the return has left; the word
   below it becomes where they go on.  Then that is where unwinders look, and the entry, by
   which they knew until then, goes. */
HIDDEN void barrier_hit(char *sp);
HIDDEN void barrier_pass(void);

ON_RETURN void barrier_hit(char *sp)
{
	struct stack *stack = &thread_current(&coro_thread)->stack;
	const struct stack_barrier *lowest = &stack->barriers[stack->barrier_position];
	uint32_t left = stack->barrier_count - stack->barrier_position;

	for (; left > 1 && (char *)lowest[1].slot < sp; lowest++, left--)
		pass_lowest(stack); /* left behind */
	if (UNLIKELY(left == 0 || (char *)lowest->slot >= sp))
		fatal("missed stack barrier");
	((uintptr_t *)sp)[-1] = lowest->saved;
}

ON_RETURN void barrier_pass(void)
{
	pass_lowest(&thread_current(&coro_thread)->stack);
}

uint32_t barrier_below(const struct stack *stack, uint32_t first, const char *sp)
{
	uint32_t at = WALK_NO_BARRIER;

	for (uint32_t i = first; i < stack->barrier_count && (const char *)stack->barriers[i].slot < sp; i++)
		if (stack->barriers[i].slot != NULL) /* else a signal interrupted its end */
			at = i;
	return at;
}

/* ---- passed by an exception ----------------------------------------------------------- */

extern HIDDEN const char barrier_unwound[];
HIDDEN _Unwind_Reason_Code barrier_personality(int version, _Unwind_Action actions,
	_Unwind_Exception_Class class, struct _Unwind_Exception *exception,
	struct _Unwind_Context *context);

/* As if the frame had returned; the frame is still there.  Where to. */
static uintptr_t pass_below(struct stack *stack, const char *sp)
{
	uintptr_t saved = ((const uintptr_t *)sp)[-1]; /* if a signal interrupted a hit */

	for (; stack_has_barriers(stack); pass_lowest(stack)) {
		const struct stack_barrier *lowest = &stack->barriers[stack->barrier_position];
		if ((const char *)lowest->slot >= sp)
			break;
		if (lowest->slot == NULL)
			continue;
		saved = lowest->saved;
		if (barrier_stands(stack, stack->barrier_position))
			*lowest->slot = saved;
	}
	return saved;
}

/*
 * The unwinder knows the frame that handles an exception by the stack pointer that it goes
 * on with, and so has a trampoline that returns there, which handles nothing.  So an
 * exception, once it is known where it is caught, comes to rest here first, as in a frame
 * that has a destructor: the barrier is taken off, and it is on its way again from where
 * the frame below would have returned to.
 */
_Unwind_Reason_Code barrier_personality(int version, _Unwind_Action actions,
	_Unwind_Exception_Class class, struct _Unwind_Exception *exception,
	struct _Unwind_Context *context)
{
	(void)version;
	(void)class;
	if ((actions & _UA_SEARCH_PHASE) != 0)
		return _URC_CONTINUE_UNWIND;
	const char *sp = (const char *)_Unwind_GetCFA(context); // NOLINT(performance-no-int-to-ptr)
	uintptr_t saved = pass_below(&thread_current(thread_self())->stack, sp);
	_Unwind_SetGR(context, __builtin_eh_return_data_regno(0), (uintptr_t)exception);
	_Unwind_SetGR(context, __builtin_eh_return_data_regno(1), saved);
	_Unwind_SetIP(context, (uintptr_t)barrier_unwound);
	return _URC_INSTALL_CONTEXT;
}

/* ---- taken off --------------------------------------------------------------------- */

/* Of a walk: whether it comes past a place without a return address standing there. */
struct search {
	const uintptr_t *slot;
	bool has_barrier;
	bool was_passed;
};

static bool search_at(const struct walk_frame *frame, void *arg)
{
	struct search *search = arg;

	if (frame->slot == search->slot)
		return !search->has_barrier;
	search->was_passed = frame->sp > (const char *)search->slot;
	return !search->was_passed;
}

/* The kernel reads the set before it finds fault with the rest.  (As Abseil's stack
   walker asks.) */
static bool is_readable(uintptr_t address)
{
	int saved_errno = errno;
	bool is = syscall(SYS_rt_sigprocmask, ~0, address, NULL, 8) != 0 && errno != EFAULT;

	errno = saved_errno;
	return is;
}

/*
 * Whether its frame is gone, and others have come to the place.  If it is there still, it
 * returns to what was written over: the unwinder would look there for code.  What cannot
 * even be read is no address in a frame that it depends on: the barrier is put back for
 * the while.
 */
static bool is_left_behind(const struct coro *co, uintptr_t *slot)
{
	uintptr_t there = *slot;
	struct search search = {.slot = slot, .has_barrier = !is_readable(there)};

	if (search.has_barrier)
		*slot = trampoline_of(&co->stack);
	walk_frames(co, search_at, &search);
	*slot = there;
	return search.was_passed;
}

/* The lowest. */
static void take_off(struct coro *co, const char *sp)
{
	struct stack *stack = &co->stack;
	const struct stack_barrier *lowest = &stack->barriers[stack->barrier_position];

	if (barrier_stands(stack, stack->barrier_position))
		*lowest->slot = lowest->saved;
	else if ((const char *)lowest->slot >= sp && !is_left_behind(co, lowest->slot))
		fatal("stack barrier lost");
	pass_lowest(stack);
}

static char *stack_pointer_of(const struct coro *co)
{
	return co == thread_current(thread_self()) ? __builtin_frame_address(0) : co->left.sp;
}

void barriers_unwind(struct coro *co, const char *sp)
{
	struct stack *stack = &co->stack;

	while (stack_has_barriers(stack) &&
		(const char *)stack->barriers[stack->barrier_position].slot < sp)
		take_off(co, stack_pointer_of(co));
	if (!stack_has_barriers(stack))
		stack->barrier_position = stack->barrier_count = 0;
}

void barriers_forget(struct stack *stack)
{
	if (LIKELY(stack->barrier_count == 0))
		return;
	memset(stack->barriers + stack->barrier_position, 0,
		(stack->barrier_count - stack->barrier_position) * sizeof(struct stack_barrier));
	stack->barrier_position = stack->barrier_count = 0;
}

void barriers_move(struct stack *to, const struct stack *from, intptr_t by)
{
	to->barrier_count = from->barrier_count;
	to->barrier_position = from->barrier_position;
	for (uint32_t i = from->barrier_position; i < from->barrier_count; i++) {
		uintptr_t *slot = from->barriers[i].slot;
		to->barriers[i].slot = (uintptr_t *)((char *)slot + by);
		to->barriers[i].saved = from->barriers[i].saved;
		if (*slot == trampoline_of(from)) /* else it was left behind */
			*slot = trampoline_of(to);
	}
}

/* ---- what programs call ------------------------------------------------------------- */

static enum coro_barriers barriers_mode;

EXPORT int coro_barriers_set(enum coro_barriers mode)
{
	if (mode != CORO_BARRIERS_SPACED && mode != CORO_BARRIERS_OFF && mode != CORO_BARRIERS_ALL)
		return errno = EINVAL;
	__atomic_store_n(&barriers_mode, mode, __ATOMIC_RELAXED);
	thread_drop_dead(thread_self()); /* whose stacks have another room */
	return 0;
}

enum coro_barriers barriers_mode_now(void)
{
	return __atomic_load_n(&barriers_mode, __ATOMIC_RELAXED);
}

/* Why its frames cannot be looked at; 0: they can. */
static int look_error(const struct coro *co)
{
	if (co == NULL)
		return EINVAL;
	if (coro_has_finished(co))
		return ESRCH;
	return co->is_active ? EBUSY : 0;
}

/* Of a walk: barriers are put behind it, so that it never meets one. */
struct install {
	struct stack *stack;
	uintptr_t *slot;     /* of the next; NULL: none yet */
	char *beyond;        /* where it may be at the lowest */
	size_t offset_bytes; /* of the next after that; 0: each frame has one */
};

static void install_put(struct install *install)
{
	struct stack *stack = install->stack;

	if (install->slot == NULL)
		return;
	stack->barriers[stack->barrier_count++] =
		(struct stack_barrier){.slot = install->slot, .saved = *install->slot};
	*install->slot = trampoline_of(stack);
	install->slot = NULL;
}

/* What a signal handler returns to is the kernel's: the walk ends before. */
static bool install_at(const struct walk_frame *frame, void *arg)
{
	struct install *install = arg;

	if (frame->is_interrupted) {
		install->slot = NULL;
		return false;
	}
	install_put(install);
	if (frame->slot == NULL || frame->sp <= install->beyond)
		return true;
	if (install->stack->barrier_count == install->stack->barrier_capacity)
		return false;
	install->slot = frame->slot;
	install->beyond += install->offset_bytes;
	install->offset_bytes *= 2;
	return true;
}

EXPORT int coro_barriers_install(struct coro *co)
{
	enum coro_barriers mode = barriers_mode_now();
	int error = coro_barriers_remove(co);

	if (error != 0 || mode == CORO_BARRIERS_OFF)
		return error;
	size_t first = mode == CORO_BARRIERS_ALL ? 0 : STACK_FIRST_BARRIER_BYTES;
	struct install install = {.stack = &co->stack, .beyond = co->left.sp + first,
		.offset_bytes = first};
	walk_frames(co, install_at, &install);
	install_put(&install);
	return 0;
}

EXPORT int coro_barriers_remove(struct coro *co)
{
	int error = look_error(co);

	if (error != 0)
		return errno = error;
	barriers_unwind(co, co->stack.hi);
	return 0;
}

EXPORT int coro_barriers_unwind(struct coro *co, const void *sp)
{
	int error = look_error(co);

	if (error != 0 && (co == NULL || co != thread_current(thread_self())))
		return errno = error;
	barriers_unwind(co, sp);
	return 0;
}

static bool rescan_at(const struct walk_frame *frame, void *hi)
{
	if (frame->barrier == WALK_NO_BARRIER)
		return true;
	*(char **)hi = frame->sp;
	return false;
}

EXPORT int coro_rescan(const struct coro *co, void (*visit)(const void *lo, const void *hi, void *arg),
	void *arg)
{
	int error = visit != NULL ? look_error(co) : EINVAL;

	if (error != 0)
		return errno = error;
	char *hi = co->stack.hi;
	if (stack_has_barriers(&co->stack))
		walk_frames(co, rescan_at, &hi);
	visit(&co->left, &co->left + 1, arg);
	visit(coro_used_lo(co), hi, arg);
	return 0;
}
