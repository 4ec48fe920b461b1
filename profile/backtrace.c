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
	KEPT_FIRST = 1024,
	KEPT_MOST = 32768, /* a compiler has ten thousand, where each call is looked at */
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
BULKY struct kept backtrace_kept[KEPT_FIRST];

/* Those may become more.  A table that was left is read by whoever came before. */
struct kept_table {
	struct kept *rules;
	uint32_t count;
	uint32_t read_count; /* that found no room in it, or none yet */
};

static struct kept_table kept_tables[] = {{.rules = backtrace_kept, .count = KEPT_FIRST}, {NULL, 4 * KEPT_FIRST, 0},
	{NULL, KEPT_MOST, 0}};
static uint32_t kept_table;

static uintptr_t end_start, end_end;

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
	const struct kept_table *table = &kept_tables[__atomic_load_n(&kept_table, __ATOMIC_ACQUIRE)];
	return &table->rules[hash / KEPT_SETS % table->count];
}

/* Many were read that it has no room for: the next one has more, and is empty. */
static COLD void kept_grow(uint32_t number)
{
	struct kept_table *next = &kept_tables[number + 1];
	struct kept *rules = os_map(next->count * sizeof(*rules));

	if (rules == NULL)
		return;
	struct kept *none = NULL;
	if (!__atomic_compare_exchange_n(&next->rules, &none, rules, false, __ATOMIC_ACQ_REL,
		    __ATOMIC_RELAXED)) {
		os_unmap(rules, next->count * sizeof(*rules));
		return;
	}
	__atomic_store_n(&kept_table, number + 1, __ATOMIC_RELEASE);
}

static void kept_count(void)
{
	uint32_t number = __atomic_load_n(&kept_table, __ATOMIC_ACQUIRE);
	struct kept_table *table = &kept_tables[number];

	word_store(&table->read_count, word_load(&table->read_count) + 1);
	if (word_load(&table->read_count) == 2 * table->count &&
		number + 1 < sizeof(kept_tables) / sizeof(kept_tables[0]))
		kept_grow(number);
}

static struct cfi_rule rule_at(uintptr_t pc)
{
	struct kept *kept = kept_of(pc);
	uint64_t word = word_load(&kept->rule);
	struct cfi_rule rule;

	if (UNLIKELY(word_load(&kept->key) != key_of(pc, word))) {
		word = rule_read(pc);
		kept_count();
		word_store(&kept->rule, word);
		word_store(&kept->key, key_of(pc, word));
	}
	memcpy(&rule, &word, sizeof(rule));
	return rule;
}

void backtrace_forget(void)
{
	for (uint32_t number = 0; number <= __atomic_load_n(&kept_table, __ATOMIC_ACQUIRE); number++)
		for (uint32_t i = 0; i < kept_tables[number].count; i++)
			if (word_load(&kept_tables[number].rules[i].key) != 0)
				word_store(&kept_tables[number].rules[i].key, 0);
	for (size_t i = 0; i < sizeof(kept_first) / sizeof(kept_first[0][0]); i++)
		word_store(&kept_first[i / KEPT_WAYS][i % KEPT_WAYS].key, 0);
}

/* ---- frames ------------------------------------------------------------------------------ */

static bool page_ask(struct backtrace_frame *frame, uintptr_t page, size_t page_bytes)
{
	if (!os_can_read((const void *)page))
		return false;
	if (page != frame->readable_end)
		frame->readable = page;
	frame->readable_end = page + page_bytes;
	return true;
}

/* The word may be what AddressSanitizer keeps between two variables. */
static UNSANITIZED bool word_at(struct backtrace_frame *frame, uintptr_t address, uintptr_t *word)
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

static uintptr_t place_of(struct backtrace_frame *frame, uintptr_t cfa, unsigned base, int64_t offset)
{
	uintptr_t bases[] = {[CFI_CFA] = cfa, [CFI_SP] = frame->sp, [CFI_FP] = frame->fp};

	frame->used_fp = frame->used_fp || base == CFI_FP;
	return bases[base] + (uintptr_t)offset;
}

static bool leave(struct backtrace_frame *frame, uintptr_t pc, uintptr_t sp, uintptr_t fp, bool is_exact)
{
	frame->pc = plain(pc);
	frame->sp = sp;
	frame->fp = fp;
	frame->is_exact = is_exact;
	return frame->pc >= LOWEST_PC;
}

/* To the caller's frame.  False: it is not to be found. */
static bool step_by_rule(struct backtrace_frame *frame, struct cfi_rule rule)
{
	uintptr_t cfa, pc, fp = frame->fp;

	frame->used_fp = false;
	frame->was_plain = !rule.cfa_is_loaded && !rule.is_signal;
	cfa = place_of(frame, 0, rule.cfa_base, rule.cfa_offset);

	if (rule.cfa_is_loaded && !word_at(frame, cfa, &cfa))
		return false;
	/* Stacks are left upwards, but for one that a signal's handler had of its own. */
	if (cfa <= frame->sp && !rule.is_signal)
		return false;
	frame->pc_slot = place_of(frame, cfa, rule.ra_base, rule.ra_offset);
	frame->fp_slot = rule.fp_base != CFI_NONE
		? place_of(frame, cfa, rule.fp_base, rule.fp_offset) : 0;
	if (!word_at(frame, frame->pc_slot, &pc))
		return false;
	if (frame->fp_slot != 0 && !word_at(frame, frame->fp_slot, &fp))
		return false;
	return leave(frame, pc, cfa, fp, rule.is_signal);
}

static bool step_by_frame_pointer(struct backtrace_frame *frame)
{
	uintptr_t fp = frame->fp, pc, callers;

	frame->used_fp = frame->was_plain = true;
	frame->fp_slot = fp;
	frame->pc_slot = fp + sizeof(uintptr_t);
	return fp >= frame->sp && fp - frame->sp < FRAME_MOST_BYTES && word_at(frame, fp, &callers) &&
		word_at(frame, fp + sizeof(uintptr_t), &pc) &&
		leave(frame, pc, fp + 2 * sizeof(uintptr_t), callers, false);
}

static bool is_last(struct cfi_rule rule)
{
	return rule.cfa_base != CFI_NONE && rule.ra_base == CFI_NONE;
}

static bool step(struct backtrace_frame *frame, struct cfi_rule rule)
{
	return rule.cfa_base != CFI_NONE ? step_by_rule(frame, rule) : step_by_frame_pointer(frame);
}

struct backtrace_frame backtrace_begin(const struct backtrace_place *place)
{
	struct backtrace_frame frame = {.pc = place->pc, .sp = place->sp, .fp = place->fp};

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

enum backtrace_step backtrace_next(struct backtrace_frame *frame)
{
	struct cfi_rule rule = rule_at(frame->pc - !frame->is_exact);

	if (is_last(rule))
		return BACKTRACE_LAST;
	if (!step(frame, rule))
		return BACKTRACE_LOST;
	return is_end(frame->pc) ? BACKTRACE_LAST : BACKTRACE_CALLER;
}

NOINLINE void backtrace_capture(struct backtrace *trace)
{
	uintptr_t shadow = shadow_stack_pointer();

	if (UNLIKELY(shadow != 0)) {
		capture_shadow(trace, shadow);
		return;
	}
	struct backtrace_place place = backtrace_place_here();
	struct backtrace_frame frame = backtrace_begin(&place);

	trace->count = 0;
	trace->is_cut = true;
	while (trace->count < BACKTRACE_MOST) {
		trace->pcs[trace->count++] = frame.pc + frame.is_exact;
		enum backtrace_step step = backtrace_next(&frame);
		if (step == BACKTRACE_CALLER)
			continue;
		trace->is_cut = step == BACKTRACE_LOST;
		return;
	}
}
