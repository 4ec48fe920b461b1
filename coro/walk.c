#include "coro/walk.h"

#include <errno.h>
#include <stddef.h>
#include <unwind.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/barrier.h"
#include "coro/switch.h"
#include "coro/thread.h"

struct walk {
	const struct coro *co;
	bool (*visit)(const struct walk_frame *frame, void *arg);
	void *arg;
	const char *lo;          /* what is below is not its stack, or free */
	bool is_inside;          /* a frame of it was met */
	uint32_t next_barrier;
	uint32_t barrier;        /* the one that the frame before returns to, until the next one is met */
	uintptr_t frame_pointer; /* of the frame before */
};

/* Where the frame before has its return address, if that can be told. */
#if defined(__x86_64__)
static uintptr_t *slot_of(const struct walk *walk, const char *sp)
{
	(void)walk;
	return (uintptr_t *)sp - 1;
}
enum { FRAME_POINTER_REGISTER = 6 };
#elif defined(__aarch64__)
static uintptr_t *slot_of(const struct walk *walk, const char *sp)
{
	const char *record = (const char *)walk->frame_pointer;

	return record >= walk->lo && record <= sp - 16 && walk->frame_pointer % 8 == 0
		? (uintptr_t *)walk->frame_pointer + 1 : NULL;
}
enum { FRAME_POINTER_REGISTER = 29 };
#endif

/*
 * The trampoline is met: the frame before would return by it; or it runs, and a signal
 * interrupted it or what it calls.  Then that frame is gone, and what stood there with it,
 * and the barrier may be taken off already.
 */
static void barrier_meet(struct walk *walk, uintptr_t pc, const char *sp, bool is_interrupted)
{
	const struct stack *stack = &walk->co->stack;
	bool is_running = is_interrupted || !barrier_is_return(stack, pc);
	uint32_t at = barrier_below(stack, walk->next_barrier, sp);

	if (!is_running && (at == WALK_NO_BARRIER || !barrier_stands(stack, at)))
		fatal("missed stack barrier");
	walk->barrier = at;
	if (at != WALK_NO_BARRIER)
		walk->next_barrier = at + 1;
}

static bool frame_meet(struct walk *walk, uintptr_t pc, char *sp, bool is_interrupted)
{
	struct walk_frame frame = {.pc = pc, .sp = sp, .barrier = walk->barrier,
		.is_interrupted = is_interrupted};

	if (walk->barrier != WALK_NO_BARRIER) {
		frame.slot = walk->co->stack.barriers[walk->barrier].slot;
	} else if (walk->is_inside) {
		frame.slot = slot_of(walk, sp);
		if (frame.slot != NULL && *frame.slot != pc)
			frame.slot = NULL;
	}
	walk->is_inside = true;
	walk->barrier = WALK_NO_BARRIER;
	return walk->visit(&frame, walk->arg);
}

static _Unwind_Reason_Code meet(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	char *sp = (char *)_Unwind_GetCFA(context); // NOLINT(performance-no-int-to-ptr)
	int is_interrupted = 0;
	uintptr_t pc = _Unwind_GetIPInfo(context, &is_interrupted);
	bool goes_on = true;

	if (sp <= walk->lo || sp > walk->co->stack.hi || pc == 0)
		return _URC_NO_REASON; /* frames of the walk itself, or foreign ones */
	if (barrier_is(pc))
		barrier_meet(walk, pc, sp, is_interrupted != 0);
	else
		goes_on = frame_meet(walk, pc, sp, is_interrupted != 0);
	walk->frame_pointer = _Unwind_GetGR(context, FRAME_POINTER_REGISTER);
	return goes_on ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void walk_from_here(void *arg)
{
	_Unwind_Backtrace(meet, arg);
}

void walk_frames(const struct coro *co, bool (*visit)(const struct walk_frame *frame, void *arg),
	void *arg)
{
	struct walk walk = {.co = co, .visit = visit, .arg = arg,
		.next_barrier = co->stack.barrier_position, .barrier = WALK_NO_BARRIER};

	/* A switch that a signal interrupted has its next coroutine as the current one already,
	   and still the last one's stack. */
	if (co == thread_current(thread_self())) {
		const char *here = __builtin_frame_address(0);
		walk.lo = here > co->stack.lo && here < co->stack.hi ? here : co->stack.lo;
		walk_from_here(&walk);
	} else if (!coro_is_new(co)) {
		walk.lo = co->left.sp - 1; /* what was left may have pushed nothing since */
		switch_walk(walk_from_here, &walk, &co->left);
	}
}

/* ---- what programs call ------------------------------------------------------------- */

struct backtrace {
	void **pcs;
	int count;
	int most;
};

static bool backtrace_at(const struct walk_frame *frame, void *arg)
{
	struct backtrace *backtrace = arg;

	if (backtrace->count == backtrace->most)
		return false;
	backtrace->pcs[backtrace->count++] = (void *)frame->pc; // NOLINT(performance-no-int-to-ptr)
	return true;
}

EXPORT int coro_backtrace(const struct coro *co, void **pcs, int most)
{
	struct backtrace backtrace = {.pcs = pcs, .most = most};

	if (co == NULL || (pcs == NULL && most > 0) ||
		(co->is_active && co != thread_current(thread_self()) && thread_runs(co))) {
		errno = EINVAL;
		return -1;
	}
	if (!coro_has_finished(co) && most > 0)
		walk_frames(co, backtrace_at, &backtrace);
	return backtrace.count;
}
