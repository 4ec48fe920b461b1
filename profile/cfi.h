/*
 * profile/cfi.h - from a frame to its caller's, by what the compiler wrote down of it.
 *
 * WHY        Who called malloc is asked at any moment, with any lock held by the program,
 *            and thousands of times a second: a frame's rule is found without a lock, an
 *            allocation or a system call, and is a word, so that it can be kept.
 *
 * FORMAT     .eh_frame and .eh_frame_hdr, as the Linux Standard Base has them, and the
 *            call frame instructions of DWARF 5, 6.4.  Three registers are followed: the
 *            stack pointer, the frame pointer, the return address.  By them compilers
 *            find every frame of theirs, and in hand-written code nearly all.
 *
 * NOT FOUND  What goes by any other register, which no caller of malloc needs; objects
 *            without the sorted table that linkers write.
 *
 * TRUST      An object's tables are read within its mapping, whatever they say.
 */
#ifndef PROFILE_CFI_H
#define PROFILE_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfi_base {
	CFI_NONE = 0, /* as in the callee; of a return address: there is none, the frame is the last */
	CFI_CFA = 1,  /* the frame's address, which its caller's stack pointer is */
	CFI_SP = 2,
	CFI_FP = 3
};

/* Offsets in bytes. */
struct cfi_rule {
	int64_t cfa_offset : 24;
	uint64_t cfa_base : 2;      /* enum cfi_base, and so are the others */
	uint64_t cfa_is_loaded : 1; /* it is the word there, not the sum */
	uint64_t is_signal : 1;     /* the caller was interrupted, and called nobody */
	int64_t ra_offset : 15;     /* where the return address stands */
	uint64_t ra_base : 2;
	int64_t fp_offset : 15;     /* where the caller's frame pointer does */
	uint64_t fp_base : 2;
};

_Static_assert(sizeof(struct cfi_rule) == sizeof(uint64_t), "a rule is a word");

/* An object's unwind tables, and the memory that it is mapped in. */
struct cfi_tables {
	const unsigned char *header; /* .eh_frame_hdr */
	const unsigned char *start;
	const unsigned char *end;
};

/* The rule at an instruction.  False: there is none that can be kept to. */
bool cfi_find(const struct cfi_tables *tables, uintptr_t pc, struct cfi_rule *rule);

#endif
