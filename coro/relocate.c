/*
 * coro/relocate.c - stacks that become larger or smaller while their coroutine is
 * suspended.
 *
 * WHY        How deep a coroutine will go is not known when it is made.  One that said it
 *            may be moved gets another stack when it does: what stands on the old one is
 *            copied, and each word that points into the old one then points to the same
 *            place in the new one.
 *
 * LIMITS     Words are all that is looked at: those on the stack, saved registers among
 *            them, and those of deferred calls.  A pointer to a local variable that is
 *            kept elsewhere, or not as it is (as in a jmp_buf), is not found; a number that
 *            looks like one is changed.  Nothing is aligned to more than 16 bytes
 *            afterwards.  So it is for those who asked for it.
 *
 * SOURCE     Go's copystack() and shrinkstack().
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "coro/barrier.h"
#include "coro/coro.h"
#include "coro/defer.h"
#include "coro/measure.h"
#include "coro/panic.h"
#include "coro/sanitizer.h"
#include "coro/unwind.h"

/* Below the stack pointer, which a copy leaves room for, and a shrink leaves alone. */
enum { SPARE_BYTES = 1024 };

/* What points into [lo, hi] of the old stack is moved. */
struct move {
	uintptr_t lo;
	uintptr_t hi;
	uintptr_t by;
};

static void word_move(const struct move *move, void *word)
{
	uintptr_t value;

	memcpy(&value, word, sizeof(value));
	if (value - move->lo > move->hi - move->lo)
		return;
	value += move->by;
	memcpy(word, &value, sizeof(value));
}

static void words_move(const struct move *move, void *words, size_t bytes)
{
	for (size_t i = 0; i + sizeof(uintptr_t) <= bytes; i += sizeof(uintptr_t))
		word_move(move, (char *)words + i);
}

/* Records on the stack are copied with it, and moved there. */
static bool is_on_stack(const struct move *move, const void *record)
{
	return (uintptr_t)record - move->lo <= move->hi - move->lo;
}

static void defers_move(const struct move *move, struct defer *defer)
{
	while (defer != NULL) {
		struct defer *next = defer->next;
		if (!is_on_stack(move, defer)) {
			word_move(move, &defer->frame);
			word_move(move, &defer->next);
			words_move(move, defer->args, (size_t)defer->bytes);
		}
		defer = next;
	}
}

static void sites_move(const struct move *move, struct coro_site *site)
{
	for (; site != NULL; site = site->next) {
		word_move(move, &site->frame);
		words_move(move, &site->point, sizeof(site->point));
	}
}

/* While the old stack is as it was. */
static void coro_move(const struct move *move, struct coro *co)
{
	defers_move(move, co->defers);
	defers_move(move, co->held);
	sites_move(move, co->sites);
	for (struct unwinding *unwinding = co->unwindings; unwinding != NULL; unwinding = unwinding->next)
		words_move(move, unwinding, sizeof(*unwinding));
	word_move(move, &co->defers);
	word_move(move, &co->panics);
	word_move(move, &co->left.sp);
	word_move(move, &co->left.fp);
	word_move(move, &co->left.base);
}

/* Why it cannot be moved now; 0: it can. */
static int move_error(const struct coro *co)
{
	if (co == NULL)
		return EINVAL;
	if (coro_has_finished(co))
		return ESRCH;
	if (co->is_active || co->foreign != NULL || coro_has_uncaught(co))
		return EBUSY;
	return co->is_relocatable && !sanitizer_keeps_stacks() ? 0 : EPERM;
}

static size_t used_bytes(const struct coro *co)
{
	return (size_t)(co->stack.hi - coro_used_lo(co));
}

static int copystack(struct coro *co, size_t bytes)
{
	struct stack old = co->stack, new;
	size_t used = used_bytes(co);

	if (!stack_alloc(&new, bytes))
		return ENOMEM;
	if (used + SPARE_BYTES > (size_t)(new.hi - new.lo) || old.barrier_count > new.barrier_capacity) {
		stack_free(&new);
		return ENOSPC;
	}
	measure(co);
	if (co->is_measured)
		stack_clear(&new);
	struct move move = {.lo = (uintptr_t)coro_used_lo(co), .hi = (uintptr_t)old.hi,
		.by = (uintptr_t)new.hi - (uintptr_t)old.hi};
	barriers_move(&new, &old, (intptr_t)move.by);
	coro_move(&move, co);
	memcpy(new.hi - used, old.hi - used, used);
	words_move(&move, new.hi - used, used);
	co->stack = new;
	stack_belongs_to(&co->stack, co);
	barriers_forget(&old);
	stack_free(&old);
	return 0;
}

EXPORT int coro_copystack(struct coro *co, size_t bytes)
{
	int error = move_error(co);

	if (error == 0)
		error = stack_is_attr_size(bytes) ? copystack(co, bytes) : EINVAL;
	return error != 0 ? errno = error : 0;
}

/* To half of it, as long as less than a quarter is used. */
static int halve(struct coro *co)
{
	size_t bytes = co->stack.bytes / 2;

	if (!stack_is_attr_size(bytes) || used_bytes(co) >= co->stack.bytes / 4)
		return 0;
	int error = copystack(co, bytes);
	return error == ENOSPC ? 0 : error;
}

/* What it does not use at the moment goes back. */
static void release_unused(struct coro *co)
{
	size_t page_bytes = os_page_bytes();
	char *hi = (char *)bits_round_down((uintptr_t)co->left.sp - SPARE_BYTES, page_bytes);

	measure(co);
	if (hi > co->stack.lo && co->stack.bytes >= page_bytes)
		os_release(co->stack.lo, (size_t)(hi - co->stack.lo));
}

EXPORT int coro_shrink(struct coro *co)
{
	int error = move_error(co);

	switch (error) {
	case 0:
		error = halve(co);
		return error != 0 ? errno = error : 0;
	case EPERM:
		release_unused(co);
		return 0;
	case ESRCH:
		measure(co);
		co->state &= ~(uint32_t)CORO_STATE_PLAIN; /* it is not used again */
		if (co->stack.bytes != 0)
			stack_free(&co->stack);
		return 0;
	default:
		return errno = error;
	}
}
