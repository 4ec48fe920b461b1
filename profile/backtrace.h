/*
 * profile/backtrace.h - who called, from the innermost frame outwards.
 *
 * WHY        Debian's programs keep no frame pointers, and libgcc's unwinder takes a
 *            microsecond a frame and is not there at first.  A frame's rule (profile/cfi.h)
 *            is a word; kept by its address, what has been called before costs some loads.
 *
 * METHOD     Where the CPU keeps a stack of return addresses, by that.  Else by the rules; code
 *            that has none, as what a program compiles for itself, is passed by its frame
 *            pointer, if that leads up the stack.
 *
 * INVARIANT  No lock, no allocation; nothing is read that is not there: of each page of
 *            the stack the kernel is asked first.  A kept rule holds its own check: two
 *            threads may write one at the same time.  A rule of an object that has gone
 *            since may name a wrong caller, and do no more.
 *
 * NOT HERE   Inlined functions and names, which the reader finds out.
 */
#ifndef PROFILE_BACKTRACE_H
#define PROFILE_BACKTRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum { BACKTRACE_MOST = 128 };

struct backtrace {
	uint32_t count;
	bool is_cut;                   /* there were more, or who called is not to be found out */
	uintptr_t pcs[BACKTRACE_MOST]; /* where each goes on; of what a signal interrupted one
	                                  byte further, so that each less 1 is in its function */
};

/* Where a call returns to: what its caller's frame is found by. */
struct backtrace_place {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
};

/* Of the call of the function that this stands in. */
static ALWAYS_INLINE struct backtrace_place backtrace_place_here(void)
{
	return (struct backtrace_place){.pc = (uintptr_t)__builtin_return_address(0),
		.sp = (uintptr_t)__builtin_dwarf_cfa(),
		.fp = *(const uintptr_t *)__builtin_frame_address(0)};
}

/* A frame, on the way outwards. */
struct backtrace_frame {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
	bool is_exact;         /* it was interrupted at pc; else it goes on there after a call */
	uintptr_t readable;    /* what is known to be readable of its stack */
	uintptr_t readable_end;

	/* Of the last step: which words of the stack led to this frame. */
	uintptr_t pc_slot;
	uintptr_t fp_slot;     /* 0: fp is what it was */
	bool used_fp;
	bool was_plain;        /* by these words alone, within one stack */
};

enum backtrace_step { BACKTRACE_CALLER, BACKTRACE_LAST, BACKTRACE_LOST };

struct backtrace_frame backtrace_begin(const struct backtrace_place *place);

/* To the frame's caller.  LAST: it has none.  LOST: who that is is not to be found out. */
enum backtrace_step backtrace_next(struct backtrace_frame *frame);

/* Whoever calls from these addresses is nobody: libc's start of the program, whose tables a
   small process else reads for nothing but that. */
void backtrace_end_at(uintptr_t start, uintptr_t end);

/* The calling thread's, the caller of this function first. */
void backtrace_capture(struct backtrace *trace);

/* The rules that are kept are forgotten: an object was unloaded. */
void backtrace_forget(void);

#endif
