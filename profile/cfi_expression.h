/*
 * profile/cfi_expression.h - what a DWARF expression comes to, in a sum of a register and a
 * number, or the word there.
 *
 * WHY        Few frames are found by expressions: those of the PLT, of functions that align
 *            their stack, of signals.  What these come to is known at an instruction but
 *            for one register, and such a sum is what a rule can say.
 */
#ifndef PROFILE_CFI_EXPRESSION_H
#define PROFILE_CFI_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/cfi.h"
#include "profile/dwarf_bytes.h"

/* The numbers that the ABIs give to registers. */
enum {
#if defined(__x86_64__)
	REGISTER_FP = 6,
	REGISTER_SP = 7,
	REGISTER_RA = 16,
#else
	REGISTER_FP = 29,
	REGISTER_SP = 31,
	REGISTER_RA = 30,
#endif
};

/* A register and a number; or the word at loaded_offset from a register, and a number. */
struct cfi_value {
	uint8_t base; /* enum cfi_base; CFI_NONE: a number alone */
	bool is_loaded;
	int64_t loaded_offset;
	int64_t number;
};

/* CFI_NONE: a register that is not followed. */
uint8_t cfi_base_of(uint64_t dwarf_register);

/* Reads a block, its length first.  False if it comes to something else. */
bool cfi_expression_read(struct bytes *in, uintptr_t pc, struct cfi_value *value);

#endif
