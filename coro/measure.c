#include "coro/measure.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "base/os.h"
#include "base/pagemap.h"

/* Little of a stack is needed to look at it, which may be the one. */
enum { ENTRIES = 16 };

void stack_clear(const struct stack *stack)
{
	bool is_whole = stack->bytes >= os_page_bytes();

	if (!is_whole || !os_release(stack->lo, stack->bytes))
		memset(stack->lo, 0, (size_t)(stack->hi - stack->lo));
}

/* The first of a range that is not zero; its end: there is none. */
UNSANITIZED static uintptr_t word_find(uintptr_t at, uintptr_t end)
{
	while (at < end && *(const uintptr_t *)at == 0) // NOLINT(performance-no-int-to-ptr)
		at += sizeof(uintptr_t);
	return at;
}

/* Pages that were never touched are not read, or they would be there. */
static size_t used_bytes(const struct pagemap *pagemap, const struct stack *stack)
{
	uintptr_t lo = (uintptr_t)stack->lo, hi = (uintptr_t)stack->hi, end = lo + stack->bytes, from;

	for (uintptr_t at = bits_round_down(lo, os_page_bytes()); pagemap_next(pagemap, &at, end, &from);) {
		uintptr_t last = min_bytes(at, hi), lowest = word_find(max_bytes(from, lo), last);
		if (lowest < last)
			return hi - lowest;
	}
	return 0;
}

/* open() and what follows it would end a thread that is to be cancelled. */
static size_t used_most(const struct stack *stack)
{
	uint64_t entries[ENTRIES];
	struct pagemap pagemap;
	int saved = errno, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pagemap_open(&pagemap, entries, ENTRIES);
	size_t bytes = used_bytes(&pagemap, stack);
	pagemap_close(&pagemap);
	pthread_setcancelstate(cancel_state, NULL);
	errno = saved;
	return bytes;
}

void measure_slow(struct coro *co)
{
	if (co->stack.bytes != 0)
		co->used_most_bytes = max_bytes(co->used_most_bytes, used_most(&co->stack));
}

EXPORT size_t coro_stack_high_water(const struct coro *co)
{
	size_t before = co != NULL && co->is_measured ? co->used_most_bytes : 0;

	return co != NULL && co->stack.bytes != 0 ? max_bytes(before, used_most(&co->stack)) : before;
}
