#include "profile/frames.h"

#include <stddef.h>
#include <string.h>

#include "base/table.h"
#include "stats/box.h"

enum {
	TABLE_FIRST_WORDS = 128, /* a small program has some dozens of frames */
	TABLE_MOST_WORDS = 2 * BOX_FRAMES_MAX,
	LOADED_WORDS = (BOX_MODULES_MAX + 63) / 64
};

static const uint64_t ADDRESS_MASK = ((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1;

struct frame_kept {
	struct box_frame frame;
	uint32_t mark;
};

static struct table frames = {.entry_bytes = sizeof(struct frame_kept), .first_bits = 5};

static uint32_t frame_count = 1; /* 0 is nobody */

static struct frame_kept *kept_at(uint32_t number)
{
	return table_at(&frames, number);
}

/* Their numbers, by address and caller, and above them some bits of what these were mixed
   to; 0: no entry.  At most half full. */
static uint32_t *table;
static uint32_t table_words;
static uint32_t table_used;

/* The objects that were asked for during one stack. */
struct checked {
	uint64_t words[LOADED_WORDS];
};

enum { NUMBER_BITS = 17 };

_Static_assert(BOX_FRAMES_MAX <= 1 << NUMBER_BITS, "a number fits");

static const uint32_t NUMBER_MASK = ((uint32_t)1 << NUMBER_BITS) - 1;

static uint64_t mix(uint64_t key, uint32_t caller)
{
	return (key ^ (uint64_t)caller << 40) * 0x9e3779b97f4a7c15u;
}

/* By what it is found beside its caller: its address, of a tag more, which is nobody's
   address. */
static uint64_t key_of(const struct box_frame *frame)
{
	return frame_is_tag(frame) ? frame->place : frame_address(frame);
}

/* All but the number of a frame's entry. */
static uint32_t tag_of(uint64_t mixed)
{
	return (uint32_t)mixed & ~NUMBER_MASK;
}

/* ---- the table ----------------------------------------------------------------------------- */

/* The entry of a frame, or the free one where it belongs. */
static uint32_t *entry_of(uint64_t key, uint32_t caller)
{
	uint64_t mixed = mix(key, caller);
	uint32_t at = (uint32_t)(mixed >> 32) & (table_words - 1);

	for (;; at = (at + 1) & (table_words - 1)) {
		uint32_t entry = table[at];
		if (entry == 0)
			return &table[at];
		if ((entry & ~NUMBER_MASK) != tag_of(mixed))
			continue;
		const struct box_frame *frame = frames_at(entry & NUMBER_MASK);
		if (key_of(frame) == key && frame->caller == caller)
			return &table[at];
	}
}

static void entry_set(uint64_t key, uint32_t caller, uint32_t number)
{
	*entry_of(key, caller) = tag_of(mix(key, caller)) | number;
}

static bool is_to_be_found(const struct box_frame *frame)
{
	uint32_t module = frame_module(frame);

	return module == LOADED_NONE || !loaded_is_gone(module);
}

/* All that is to be found. */
static void table_fill(void)
{
	table_used = 0;
	for (uint32_t number = 1; number < frame_count; number++) {
		const struct box_frame *frame = frames_at(number);
		if (!is_to_be_found(frame))
			continue;
		entry_set(key_of(frame), frame->caller, number);
		table_used++;
	}
}

static bool table_make(uint32_t words)
{
	uint32_t *old = table, old_words = table_words;
	uint32_t *larger = table_carve(words * sizeof(*larger));

	if (larger == NULL)
		return false;
	table = larger;
	table_words = words;
	table_fill();
	table_give_back(old, old_words * sizeof(*old));
	return true;
}

static bool table_has_room(void)
{
	return 2 * table_used < table_words || table_words == TABLE_MOST_WORDS ||
		table_make(2 * table_words);
}

/* ---- frames -------------------------------------------------------------------------------- */

static uint64_t place_of(uint64_t address, uint32_t module)
{
	return address | (uint64_t)(module + 1) << BOX_FRAME_ADDRESS_BITS;
}

static uint32_t frame_add(uint64_t place, uint32_t caller)
{
	uint32_t number = frame_count;
	struct box_frame frame = {.place = place, .caller = caller};

	if (number == BOX_FRAMES_MAX || !table_make_room(&frames, number) || !table_has_room())
		return 0;
	frame.check = box_frame_check(frame.place, caller, number);
	kept_at(number)->frame = frame;
	frame_count++;
	entry_set(key_of(&frame), caller, number);
	table_used++;
	box_write_frame(number, &frame);
	return number;
}

/* Whether the object is there, asked once a stack. */
static bool is_there(struct checked *checked, uint32_t module)
{
	uint64_t bit = (uint64_t)1 << module % 64;

	if ((checked->words[module / 64] & bit) != 0)
		return true;
	checked->words[module / 64] |= bit;
	return loaded_is_there(module);
}

/* An object is gone: what was found in it is not to be found again. */
static void forget_gone(void)
{
	backtrace_forget();
	memset(table, 0, table_words * sizeof(*table));
	table_fill();
}

static uint32_t module_now(struct checked *checked, uint64_t address)
{
	uint32_t module = loaded_number((uintptr_t)address);

	if (module == LOADED_NONE || is_there(checked, module))
		return module;
	forget_gone();
	return loaded_number((uintptr_t)address);
}

/* The frame, if it is to be found yet; 0. */
static uint32_t frame_find(struct checked *checked, uint64_t address, uint32_t caller)
{
	uint32_t number = *entry_of(address, caller) & NUMBER_MASK;
	uint32_t module = number != 0 ? frame_module(frames_at(number)) : LOADED_NONE;

	if (module == LOADED_NONE || is_there(checked, module))
		return number;
	forget_gone();
	return 0;
}

static struct checked checked; /* stacks may be small */

bool frames_begin(void)
{
	checked = (struct checked){{0}};
	return table != NULL || (table_make_room(&frames, 0) && table_make(TABLE_FIRST_WORDS));
}

uint32_t frames_under(uint32_t caller, uintptr_t pc)
{
	uint64_t address = pc & ADDRESS_MASK;
	uint32_t number = frame_find(&checked, address, caller);

	return number != 0 ? number
			   : frame_add(place_of(address, module_now(&checked, address)), caller);
}

uint32_t frames_of_tag(uint32_t around, uint64_t address, bool may_add, bool *is_new)
{
	uint64_t place = place_of(address, BOX_MODULE_TAG - 1);
	uint32_t number = *entry_of(place, around) & NUMBER_MASK;

	*is_new = number == 0 && may_add && (number = frame_add(place, around)) != 0;
	return number;
}

uint32_t frames_intern(const struct backtrace *trace, uint32_t skipped, uint32_t scope)
{
	uint32_t caller = scope != 0 || !trace->is_cut ? scope : BOX_FRAME_CUT;

	if (!frames_begin())
		return 0;
	for (uint32_t i = trace->count; i > skipped; i--) {
		uint32_t number = frames_under(caller, trace->pcs[i - 1]);
		if (number == 0)
			break;
		caller = number;
	}
	return caller != BOX_FRAME_CUT ? caller : 0;
}

uint32_t frames_count(void)
{
	return frame_count;
}

const struct box_frame *frames_at(uint32_t number)
{
	return &kept_at(number)->frame;
}

uint32_t *frames_mark(uint32_t number)
{
	return &kept_at(number)->mark;
}

void frames_publish(void)
{
	for (uint32_t number = 1; number < frame_count; number++)
		box_write_frame(number, frames_at(number));
}
