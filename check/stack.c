#include "check/stack.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/format.h"
#include "base/lock.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "profile/frames.h"
#include "profile/loaded.h"
#include "profile/sites.h"
#include "profile/tags.h"
#include "stats/box.h"

enum {
	KEPT_SETS = 64,
	KEPT_WAYS = 2,
	KEPT_WORDS = 66,
	LINKS_MOST = 512, /* what is further out than that is cut */
	LINKS_CUT_LEAST = LINKS_MOST / 2
};

/* What led from a place to its callers.  A word is kept by its lower half: of return
   addresses that is all that differs. */
struct kept_stack {
	uintptr_t pc;      /* 0: none */
	uintptr_t sp;
	uintptr_t fp;
	uint32_t number;
	uint32_t scope;    /* of a tag (profile/tags.h) */
	uint16_t count;
	uint16_t uses_fp;
	uint16_t slots[KEPT_WORDS]; /* in words from sp */
	uint32_t words[KEPT_WORDS];
} __attribute__((aligned(64)));

/* A frame of the stack that was looked at last, and the words that led on from it. */
struct link {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
	uintptr_t pc_slot;
	uintptr_t fp_slot; /* 0: the caller's fp is this one's */
	uint32_t number;   /* of the frame with all its callers */
	bool used_fp;
	bool is_plain;
	bool needs_fp;     /* fp has to do with who the callers are */
};

/* A thread's. */
struct kept_stacks {
	struct kept_stack sets[KEPT_SETS][KEPT_WAYS];
	uint32_t generation;  /* of what is loaded */
	uint32_t depth;
	uint32_t root;        /* what the outermost of them was called by */
	uint32_t scope;       /* of a tag, that they are in; 0: of none */
	struct link links[LINKS_MOST]; /* the outermost first */
};

static uintptr_t own_start, own_end;

void stack_init(uintptr_t own_pc)
{
	if (own_pc != 0)
		loaded_find_range(own_pc, &own_start, &own_end);
	uintptr_t loader = getauxval(AT_BASE);
	if (loader != 0)
		loaded_find_range(loader, &stack_loader_start, &stack_loader_end);
}

/* ---- the same place again ------------------------------------------------------------------ */

static struct kept_stack *set_of(struct kept_stacks *kept, const struct backtrace_place *place)
{
	uint64_t mixed = (place->pc ^ place->sp << 20) * 0x9e3779b97f4a7c15u;

	return kept->sets[mixed >> 32 & (KEPT_SETS - 1)];
}

static inline UNSANITIZED bool is_same(const struct kept_stack *kept, const struct backtrace_place *place)
{
	if (kept->pc != place->pc || kept->sp != place->sp || kept->scope != tags_frame ||
		(kept->uses_fp && kept->fp != place->fp))
		return false;
	const uintptr_t *stack = (const uintptr_t *)place->sp;
	for (uint32_t i = 0; i < kept->count; i++)
		if ((uint32_t)stack[kept->slots[i]] != kept->words[i])
			return false;
	return true;
}

static bool word_keep(struct kept_stack *kept, uintptr_t slot, uintptr_t word)
{
	size_t at = (slot - kept->sp) / sizeof(uintptr_t);

	if (at > UINT16_MAX || kept->count == KEPT_WORDS)
		return false;
	kept->slots[kept->count] = (uint16_t)at;
	kept->words[kept->count++] = (uint32_t)word;
	return true;
}

/* A handler may come between: what is half written belongs to no place. */
static void keep(struct kept_stack *kept, const struct kept_stacks *stacks)
{
	const struct link *link = &stacks->links[stacks->depth - 1];

	word_store(&kept->pc, 0);
	if (stacks->depth > KEPT_WORDS)
		return;
	__atomic_signal_fence(__ATOMIC_RELEASE);
	uintptr_t pc = link->pc;
	kept->sp = link->sp;
	kept->fp = link->fp;
	kept->uses_fp = link->needs_fp;
	kept->number = link->number;
	kept->scope = stacks->scope;
	kept->count = 0;
	for (; link > stacks->links; link--) {
		if (!link->is_plain || !word_keep(kept, link->pc_slot, link[-1].pc))
			return;
		if (link->fp_slot != 0 && link[-1].needs_fp &&
			!word_keep(kept, link->fp_slot, link[-1].fp))
			return;
	}
	__atomic_signal_fence(__ATOMIC_RELEASE);
	word_store(&kept->pc, pc);
}

/* ---- a place that is new ------------------------------------------------------------------- */

/* Whether what led on from a frame is as it was. */
static UNSANITIZED bool leads_on(const struct link *link)
{
	return link->is_plain && *(const uintptr_t *)link->pc_slot == link[-1].pc &&
		(link->fp_slot == 0 || !link[-1].needs_fp ||
			*(const uintptr_t *)link->fp_slot == link[-1].fp);
}

/* Whether the link at *depth is this frame.  Those within have been left, and *depth goes by
   them. */
static bool is_linked(const struct kept_stacks *stacks, uint32_t *depth,
	const struct backtrace_frame *frame)
{
	while (*depth > 0 && stacks->links[*depth - 1].sp < frame->sp)
		--*depth;
	if (*depth == 0)
		return false;
	const struct link *link = &stacks->links[*depth - 1];
	return link->sp == frame->sp && link->pc == frame->pc && !frame->is_exact &&
		(!link->needs_fp || link->fp == frame->fp);
}

/* Whether all of the outermost links, so many, are as they were. */
static bool all_lead_on(const struct kept_stacks *stacks, uint32_t depth)
{
	for (const struct link *link = &stacks->links[depth - 1]; link > stacks->links; link--)
		if (!leads_on(link))
			return false;
	return true;
}

/* Where outer ones were cut off the others must be many. */
static bool may_join(const struct kept_stacks *stacks, uint32_t depth)
{
	return stacks->root == 0 || depth >= LINKS_CUT_LEAST;
}

/* Frames that are new, the innermost first; under sites_lock, since stacks may be small. */
static struct link fresh[LINKS_MOST];

static void link_set(struct link *link, const struct backtrace_frame *frame)
{
	*link = (struct link){.pc = frame->pc + frame->is_exact, .sp = frame->sp, .fp = frame->fp};
}

static void link_lead(struct link *link, const struct backtrace_frame *to)
{
	link->pc_slot = to->pc_slot;
	link->fp_slot = to->fp_slot;
	link->used_fp = to->used_fp;
	link->is_plain = to->was_plain && !to->is_exact;
}

/* The new frames up to one that is known, of which *joined stay; 0: to the stack's end,
   *root is what the outermost was called by. */
static uint32_t walk(struct kept_stacks *stacks, struct backtrace_frame *frame, uint32_t *joined,
	uint32_t *root)
{
	uint32_t count = 0, depth = stacks->depth;
	enum backtrace_step step = BACKTRACE_CALLER;

	*joined = 0;
	while (count < LINKS_MOST && step == BACKTRACE_CALLER) {
		if (is_linked(stacks, &depth, frame) && may_join(stacks, depth) &&
			all_lead_on(stacks, depth)) {
			*joined = depth;
			*root = stacks->root;
			return count;
		}
		link_set(&fresh[count], frame);
		step = backtrace_next(frame);
		link_lead(&fresh[count++], frame);
	}
	*root = step == BACKTRACE_LAST ? 0 : BOX_FRAME_CUT;
	return count;
}

/* This library's frames are none of the stack's, but lead to them. */
static bool is_own(uintptr_t pc)
{
	return pc - own_start < own_end - own_start;
}

/* The new ones behind those that stay. */
static void links_add(struct kept_stacks *stacks, uint32_t joined, uint32_t count, uint32_t root)
{
	uint32_t outermost = stacks->scope != 0 ? stacks->scope : root;
	uint32_t caller = joined != 0 ? stacks->links[joined - 1].number : outermost;

	stacks->root = root;
	stacks->depth = joined + count;
	for (uint32_t i = 0; i < count; i++) {
		struct link *link = &stacks->links[joined + i];
		*link = fresh[count - 1 - i];
		uint32_t number = is_own(link->pc) ? 0 : frames_under(caller, link->pc);
		caller = number != 0 ? number : caller;
		link->number = caller;
		bool is_outermost = joined + i == 0;
		link->needs_fp = link->used_fp ||
			(!is_outermost && link->fp_slot == 0 && link[-1].needs_fp);
	}
}

/* ---- what is loaded ------------------------------------------------------------------------ */

uintptr_t stack_loader_start, stack_loader_end;
static uint32_t loaded_generation; /* one more whenever something was unloaded */

static bool is_any_gone(void) REQUIRES(sites_lock)
{
	bool is_any = false;

	for (uint32_t number = 0; number < loaded_count(); number++)
		if (!loaded_is_gone(number) && !loaded_is_there(number))
			is_any = true;
	return is_any;
}

COLD void stack_look_slow(void)
{
	if (lock_is_any_mine())
		return;
	lock_acquire(&sites_lock);
	if (is_any_gone())
		word_add(&loaded_generation, 1);
	lock_release(&sites_lock);
}

/* Where something was unloaded another may be now, with the same addresses. */
static COLD void forget(struct kept_stacks *stacks)
{
	stacks->depth = 0;
	for (int set = 0; set < KEPT_SETS; set++)
		for (int way = 0; way < KEPT_WAYS; way++)
			word_store(&stacks->sets[set][way].pc, 0);
	stacks->generation = word_load(&loaded_generation);
}

/* NULL: this thread keeps none, since it has no cache or they would be few. */
static struct kept_stacks *kept_stacks_here(void)
{
	struct cache *cache = cache_own;

	if (cache == &cache_none || heap_check_mode == BOX_CHECK_SAMPLE)
		return NULL;
	if (UNLIKELY(cache->stacks == NULL))
		cache->stacks = os_map(sizeof(struct kept_stacks));
	struct kept_stacks *stacks = cache->stacks;
	if (UNLIKELY(stacks != NULL && stacks->generation != word_load(&loaded_generation)))
		forget(stacks);
	return stacks;
}

/* Of a thread that keeps none. */
static struct kept_stacks nobodys;

static NOINLINE uint32_t look(const struct backtrace_place *place, struct kept_stacks *stacks,
	struct kept_stack *kept)
{
	uint32_t joined, root;

	if (lock_is_any_mine())
		return 0;
	lock_acquire(&sites_lock);
	if (stacks == NULL) {
		stacks = &nobodys;
		stacks->depth = 0;
	}
	if (stacks->scope != tags_frame)
		stacks->depth = 0;
	stacks->scope = tags_frame;
	struct backtrace_frame frame = backtrace_begin(place);
	uint32_t number = 0;
	if (frames_begin()) {
		uint32_t count = walk(stacks, &frame, &joined, &root);
		if (UNLIKELY(joined + count > LINKS_MOST)) {
			stacks->depth = 0;
			frame = backtrace_begin(place);
			count = walk(stacks, &frame, &joined, &root);
		}
		links_add(stacks, joined, count, root);
		number = stacks->links[stacks->depth - 1].number;
		if (kept != NULL)
			keep(kept, stacks);
	}
	lock_release(&sites_lock);
	return number != BOX_FRAME_CUT ? number : 0;
}

uint32_t stack_number(struct backtrace_place place)
{
	struct kept_stacks *stacks = kept_stacks_here();
	if (stacks == NULL)
		return look(&place, NULL, NULL);
	struct kept_stack *set = set_of(stacks, &place);
	if (LIKELY(is_same(&set[0], &place)))
		return set[0].number;
	if (is_same(&set[1], &place))
		return set[1].number;
	/* The one that is looked at first is the newer. */
	set[1] = set[0];
	return look(&place, stacks, &set[0]);
}

/* ---- in words ------------------------------------------------------------------------------ */

static void frame_print(struct format *out, unsigned depth, const struct box_frame *frame)
{
	uintptr_t pc = frame_address(frame);
	uint32_t module = frame_module(frame);
	Dl_info info;

	format_text(out, "    #");
	format_unsigned(out, depth);
	format_char(out, ' ');
	if (frame_is_tag(frame)) {
		format_char(out, '[');
		format_text(out, tags_at(box_place_tag(frame->place))->name);
		format_char(out, ']');
	} else if (module == LOADED_NONE) {
		format_hex(out, pc);
	} else {
		const struct box_module *object = loaded_at(module);
		format_text(out, object->path[0] != '\0' ? object->path : box_identity()->exe);
		format_char(out, '+');
		format_hex(out, pc - object->bias); /* as addr2line(1) wants it */
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
