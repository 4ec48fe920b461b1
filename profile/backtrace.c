#include "profile/backtrace.h"

#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "profile/cfi.h"
#include "profile/loaded.h"
#include "profile/shadow_stack.h"

enum {
	/* A program's hot callers of malloc are some hundreds, a small one's some dozens. */
	KEPT_SETS = 32,
	KEPT_WAYS = 4, /* a cache line */
	KEPT_RULES = 1024,
	LOWEST_PC = 4096,
	FRAME_MOST_BYTES = 8 << 20 /* what a frame pointer may skip */
};

/* The key is the address, changed by its rule. */
struct kept {
	uint64_t key;
	uint64_t rule;
};

/* The first addresses of each set, and all that found no room there. */
static struct kept kept_first[KEPT_SETS][KEPT_WAYS] __attribute__((aligned(64)));
BULKY struct kept backtrace_kept[KEPT_RULES];

static uintptr_t end_start, end_end;

/* A frame, and what is known to be readable of its stack. */
struct frame {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
	bool is_exact; /* it was interrupted at pc; else it goes on there after a call */
	uintptr_t readable;
	uintptr_t readable_end;
	struct backtrace_loads *loads; /* NULL: nobody asks */
	uintptr_t fp_slot;             /* where fp was read; 0: not since the first frame */
};

/* ---- rules ------------------------------------------------------------------------------- */

/* All zero if there is none. */
static NOINLINE uint64_t rule_read(uintptr_t pc)
{
	struct cfi_tables tables;
	struct cfi_rule rule = {0};
	uint64_t word;

	if (!loaded_find_tables(pc, &tables) || !cfi_find(&tables, pc, &rule))
		return 0;
	memcpy(&word, &rule, sizeof(word));
	return word;
}

static uint64_t key_of(uintptr_t pc, uint64_t rule)
{
	return pc ^ rule * 0x9e3779b97f4a7c15u;
}

/* Where the rule of an address is, or may be. */
static struct kept *kept_of(uintptr_t pc)
{
	uint64_t hash = pc * 0x9e3779b97f4a7c15u >> 32;
	struct kept *set = kept_first[hash % KEPT_SETS];

	for (int way = 0; way < KEPT_WAYS; way++) {
		uint64_t key = word_load(&set[way].key);
		if (key == 0 || key == key_of(pc, word_load(&set[way].rule)))
			return &set[way];
	}
	return &backtrace_kept[hash / KEPT_SETS % KEPT_RULES];
}

static struct cfi_rule rule_at(uintptr_t pc)
{
	struct kept *kept = kept_of(pc);
	uint64_t word = word_load(&kept->rule);
	struct cfi_rule rule;

	if (UNLIKELY(word_load(&kept->key) != key_of(pc, word))) {
		word = rule_read(pc);
		word_store(&kept->rule, word);
		word_store(&kept->key, key_of(pc, word));
	}
	memcpy(&rule, &word, sizeof(rule));
	return rule;
}

void backtrace_forget(void)
{
	for (size_t i = 0; i < KEPT_RULES; i++)
		if (word_load(&backtrace_kept[i].key) != 0)
			word_store(&backtrace_kept[i].key, 0);
	for (size_t i = 0; i < sizeof(kept_first) / sizeof(kept_first[0][0]); i++)
		word_store(&kept_first[i / KEPT_WAYS][i % KEPT_WAYS].key, 0);
}

/* ---- frames ------------------------------------------------------------------------------ */

static bool page_ask(struct frame *frame, uintptr_t page, size_t page_bytes)
{
	if (!os_can_read((const void *)page))
		return false;
	if (page != frame->readable_end)
		frame->readable = page;
	frame->readable_end = page + page_bytes;
	return true;
}

static void loaded(struct frame *frame, uintptr_t slot, uintptr_t word)
{
	struct backtrace_loads *loads = frame->loads;

	if (loads == NULL)
		return;
	if (loads->count == BACKTRACE_LOADS_MOST) {
		loads->is_whole = false;
		return;
	}
	loads->slots[loads->count] = slot;
	loads->words[loads->count++] = word;
}

/* Most functions keep the register for their callers and do not go by it. */
static void fp_used(struct frame *frame)
{
	if (frame->loads == NULL)
		return;
	if (frame->fp_slot != 0)
		loaded(frame, frame->fp_slot, frame->fp);
	else
		frame->loads->uses_fp = true;
}

/* The word may be what AddressSanitizer keeps between two variables. */
static UNSANITIZED bool word_at(struct frame *frame, uintptr_t address, uintptr_t *word)
{
	if (address % sizeof(uintptr_t) != 0)
		return false;
	if (UNLIKELY(address - frame->readable >= frame->readable_end - frame->readable) &&
		!page_ask(frame, bits_round_down(address, os_page_bytes()), os_page_bytes()))
		return false;
	*word = *(const volatile uintptr_t *)address;
	return true;
}

/* On a signed return address the upper bits are its signature. */
static uintptr_t plain(uintptr_t return_address)
{
#if defined(__aarch64__)
	register uintptr_t x30 __asm__("x30") = return_address;
	__asm__("hint #7" : "+r"(x30)); /* xpaclri; before Armv8.3 it does nothing */
	return x30;
#else
	return return_address;
#endif
}

static uintptr_t place_of(struct frame *frame, uintptr_t cfa, unsigned base, int64_t offset)
{
	uintptr_t bases[] = {[CFI_CFA] = cfa, [CFI_SP] = frame->sp, [CFI_FP] = frame->fp};

	if (base == CFI_FP)
		fp_used(frame);
	return bases[base] + (uintptr_t)offset;
}

/* One that the way to the callers leads over. */
static bool link_at(struct frame *frame, uintptr_t address, uintptr_t *word)
{
	if (!word_at(frame, address, word))
		return false;
	loaded(frame, address, *word);
	return true;
}

static bool leave(struct frame *frame, uintptr_t pc, uintptr_t sp, uintptr_t fp, bool is_exact)
{
	frame->pc = plain(pc);
	frame->sp = sp;
	frame->fp = fp;
	frame->is_exact = is_exact;
	return frame->pc >= LOWEST_PC;
}

/* To the caller's frame.  False: it is not to be found. */
static bool step_by_rule(struct frame *frame, struct cfi_rule rule)
{
	uintptr_t cfa = place_of(frame, 0, rule.cfa_base, rule.cfa_offset), pc, fp = frame->fp, slot;

	if (rule.is_signal && frame->loads != NULL)
		frame->loads->is_whole = false; /* it may have interrupted another stack */
	if (rule.cfa_is_loaded && !link_at(frame, cfa, &cfa))
		return false;
	/* Stacks are left upwards, but for one that a signal's handler had of its own. */
	if (cfa <= frame->sp && !rule.is_signal)
		return false;
	if (!link_at(frame, place_of(frame, cfa, rule.ra_base, rule.ra_offset), &pc))
		return false;
	if (rule.fp_base != CFI_NONE) {
		slot = place_of(frame, cfa, rule.fp_base, rule.fp_offset);
		if (!word_at(frame, slot, &fp))
			return false;
		frame->fp_slot = slot;
	}
	return leave(frame, pc, cfa, fp, rule.is_signal);
}

static bool step_by_frame_pointer(struct frame *frame)
{
	uintptr_t fp = frame->fp, pc, callers;

	fp_used(frame);
	frame->fp_slot = fp;
	return fp >= frame->sp && fp - frame->sp < FRAME_MOST_BYTES && word_at(frame, fp, &callers) &&
		link_at(frame, fp + sizeof(uintptr_t), &pc) &&
		leave(frame, pc, fp + 2 * sizeof(uintptr_t), callers, false);
}

static bool is_last(struct cfi_rule rule)
{
	return rule.cfa_base != CFI_NONE && rule.ra_base == CFI_NONE;
}

static bool step(struct frame *frame, struct cfi_rule rule)
{
	return rule.cfa_base != CFI_NONE ? step_by_rule(frame, rule) : step_by_frame_pointer(frame);
}

/* Of whoever calls this. */
static ALWAYS_INLINE struct frame frame_here(void)
{
	struct frame frame = {.is_exact = true};

#if defined(__x86_64__)
	__asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
			 : "=&r"(frame.pc), "=&r"(frame.sp), "=&r"(frame.fp));
#else
	__asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29"
			 : "=&r"(frame.pc), "=&r"(frame.sp), "=&r"(frame.fp));
#endif
	frame.readable = bits_round_down(frame.sp, os_page_bytes());
	frame.readable_end = frame.readable + os_page_bytes();
	return frame;
}

void backtrace_end_at(uintptr_t start, uintptr_t end)
{
	end_start = start;
	end_end = end;
}

static bool is_end(uintptr_t pc)
{
	return UNLIKELY(pc - end_start < end_end - end_start);
}

static COLD NOINLINE void capture_shadow(struct backtrace *trace, uintptr_t pointer)
{
	uint32_t read = shadow_stack_read(pointer, trace->pcs, BACKTRACE_MOST, &trace->is_cut);

	for (trace->count = 0; trace->count < read; trace->count++)
		if (is_end(trace->pcs[trace->count])) {
			trace->is_cut = false;
			return;
		}
}

/* This frame and its callers. */
static void collect(struct backtrace *trace, struct frame *frame, uint32_t most)
{
	do {
		if (trace->count == most)
			return;
		if (is_end(frame->pc)) {
			trace->is_cut = false;
			return;
		}
		trace->pcs[trace->count++] = frame->pc + frame->is_exact;
		struct cfi_rule rule = rule_at(frame->pc - !frame->is_exact);
		if (is_last(rule)) {
			trace->is_cut = false;
			return;
		}
		if (!step(frame, rule))
			return;
	} while (true);
}

NOINLINE void backtrace_capture(struct backtrace *trace)
{
	uintptr_t shadow = shadow_stack_pointer();

	if (UNLIKELY(shadow != 0)) {
		capture_shadow(trace, shadow);
		return;
	}
	struct frame frame = frame_here();

	trace->count = 0;
	trace->is_cut = true;
	if (step(&frame, rule_at(frame.pc)))
		collect(trace, &frame, BACKTRACE_MOST);
}

static struct frame frame_at(const struct backtrace_place *place)
{
	struct frame frame = {.pc = place->pc, .sp = place->sp, .fp = place->fp};

	frame.readable = bits_round_down(frame.sp, os_page_bytes());
	frame.readable_end = frame.readable + os_page_bytes();
	return frame;
}

void backtrace_from(struct backtrace *trace, const struct backtrace_place *place, uint32_t most,
	struct backtrace_loads *loads)
{
	struct frame frame = frame_at(place);

	trace->count = 0;
	trace->is_cut = true;
	if (loads != NULL)
		*loads = (struct backtrace_loads){.is_whole = true};
	frame.loads = loads;
	collect(trace, &frame, most);
}

bool backtrace_leave(struct backtrace_place *place, uintptr_t start, uintptr_t end)
{
	struct frame frame = frame_at(place);

	while (frame.pc - start < end - start)
		if (!step(&frame, rule_at(frame.pc - !frame.is_exact)))
			return false;
	*place = (struct backtrace_place){.pc = frame.pc, .sp = frame.sp, .fp = frame.fp};
	return true;
}
