#include "check/stack.h"

#include <dlfcn.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/format.h"
#include "base/lock.h"
#include "base/os.h"
#include "heap/cache.h"
#include "profile/frames.h"
#include "profile/loaded.h"
#include "profile/sites.h"

enum {
	CALLERS_MOST = 24, /* as of the sanitizers' reports: what is further out says little more */
	KEPT_SETS = 64,
	KEPT_WAYS = 2
};

/* A word is kept by its lower half: of return addresses that is all that differs. */
struct kept_stack {
	uintptr_t pc;      /* 0: none */
	uintptr_t sp;
	uintptr_t fp;
	uint32_t number;
	uint16_t count;
	uint16_t uses_fp;
	uint16_t slots[BACKTRACE_LOADS_MOST]; /* in words from sp */
	uint32_t words[BACKTRACE_LOADS_MOST];
} __attribute__((aligned(256)));

struct kept_stacks {
	struct kept_stack sets[KEPT_SETS][KEPT_WAYS];
};

static uintptr_t own_start, own_end;

void stack_init(uintptr_t own_pc)
{
	if (own_pc != 0)
		loaded_find_range(own_pc, &own_start, &own_end);
}

/* ---- what a thread keeps ------------------------------------------------------------------- */

static struct kept_stack *set_of(struct kept_stacks *kept, const struct backtrace_place *place)
{
	uint64_t mixed = (place->pc ^ place->sp << 20) * 0x9e3779b97f4a7c15u;

	return kept->sets[mixed >> 32 & (KEPT_SETS - 1)];
}

static UNSANITIZED bool is_same(const struct kept_stack *kept, const struct backtrace_place *place)
{
	if (kept->pc != place->pc || kept->sp != place->sp ||
		(kept->uses_fp && kept->fp != place->fp))
		return false;
	const uintptr_t *stack = (const uintptr_t *)place->sp;
	for (uint32_t i = 0; i < kept->count; i++)
		if ((uint32_t)stack[kept->slots[i]] != kept->words[i])
			return false;
	return true;
}

/* A handler may come between: what is half written belongs to no place. */
static void keep(struct kept_stack *kept, const struct backtrace_place *place,
	const struct backtrace_loads *loads, uint32_t number)
{
	word_store(&kept->pc, 0);
	__atomic_signal_fence(__ATOMIC_RELEASE);
	kept->sp = place->sp;
	kept->fp = place->fp;
	kept->number = number;
	kept->count = (uint16_t)loads->count;
	kept->uses_fp = loads->uses_fp;
	for (uint32_t i = 0; i < loads->count; i++) {
		size_t slot = (loads->slots[i] - place->sp) / sizeof(uintptr_t);
		if (slot > UINT16_MAX)
			return; /* below it, too */
		kept->slots[i] = (uint16_t)slot;
		kept->words[i] = (uint32_t)loads->words[i];
	}
	__atomic_signal_fence(__ATOMIC_RELEASE);
	word_store(&kept->pc, place->pc);
}

/* NULL: this thread keeps none. */
static struct kept_stacks *kept_stacks_here(void)
{
	struct cache *cache = cache_own;

	if (cache == &cache_none)
		return NULL;
	if (UNLIKELY(cache->stacks == NULL))
		cache->stacks = os_map(sizeof(struct kept_stacks));
	return cache->stacks;
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* Stacks may be small: under the lock. */
static NOINLINE uint32_t look(const struct backtrace_place *place, struct kept_stack *kept)
{
	static struct backtrace trace;
	static struct backtrace_loads loads;

	if (lock_is_any_mine())
		return 0;
	lock_acquire(&sites_lock);
	backtrace_from(&trace, place, CALLERS_MOST, &loads);
	uint32_t number = frames_intern(&trace, 0);
	if (kept != NULL && loads.is_whole)
		keep(kept, place, &loads, number);
	lock_release(&sites_lock);
	return number;
}

uint32_t stack_number(struct backtrace_place place)
{
	if (place.pc - own_start < own_end - own_start && !backtrace_leave(&place, own_start, own_end))
		return 0;
	struct kept_stacks *stacks = kept_stacks_here();
	if (stacks == NULL)
		return look(&place, NULL);
	struct kept_stack *set = set_of(stacks, &place);
	if (LIKELY(is_same(&set[0], &place)))
		return set[0].number;
	if (is_same(&set[1], &place))
		return set[1].number;
	/* The one that is looked at first is the newer. */
	set[1] = set[0];
	return look(&place, &set[0]);
}

/* ---- in words ------------------------------------------------------------------------------ */

static void frame_print(struct format *out, unsigned depth, const struct box_frame *frame)
{
	uintptr_t pc = frame->place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1);
	uint32_t module = (uint32_t)(frame->place >> BOX_FRAME_ADDRESS_BITS) - 1;
	Dl_info info;

	format_text(out, "    #");
	format_unsigned(out, depth);
	format_char(out, ' ');
	if (module == LOADED_NONE) {
		format_hex(out, pc);
	} else {
		format_text(out, loaded_at(module)->path);
		format_char(out, '+');
		format_hex(out, pc - loaded_at(module)->start);
	}
	if (module != LOADED_NONE && !loaded_is_gone(module) && !os_is_confined &&
		dladdr((void *)(pc - 1), &info) != 0 && info.dli_sname != NULL) {
		format_text(out, " (");
		format_text(out, info.dli_sname);
		format_char(out, '+');
		format_hex(out, pc - (uintptr_t)info.dli_saddr);
		format_char(out, ')');
	}
	format_char(out, '\n');
}

void stack_print(struct format *out, uint32_t number)
{
	unsigned depth = 0;

	for (; number != 0 && number != BOX_FRAME_CUT; number = frames_at(number)->caller)
		frame_print(out, depth++, frames_at(number));
	if (depth == 0)
		format_text(out, "    (not known)\n");
}
