/*
 * check/stack.h - who called, as a number, at each allocation and each free.
 *
 * WHY        A checked process names both calls of an object that was misused, so both
 *            are looked at for every object, long before anything is wrong.  A look at the
 *            callers (profile/backtrace.h) takes a microsecond; but a program calls from the
 *            same few places of its stack again and again.
 *
 * METHOD     A thread keeps, by the place of a call, the words of its stack that led from there
 *            to the callers, and the number that came of them: where they still stand there, it
 *            is the same number.  They are compared from the innermost on: each one is there
 *            since those before it are as they were.
 *
 * LOCKING    sites_lock, for a call that is new.
 */
#ifndef CHECK_STACK_H
#define CHECK_STACK_H

#include <stdint.h>

#include "base/compiler.h"
#include "profile/backtrace.h"

struct format;

/* The addresses whose frames are passed over: this library's. */
void stack_init(uintptr_t own_pc);

/* The number of the frame (profile/frames.h) that a call came from; 0: not known. */
uint32_t stack_number(struct backtrace_place place);

/* Where the loader is: it frees what it has unloaded. */
extern HIDDEN uintptr_t stack_loader_start, stack_loader_end;

void stack_look_slow(void);

/* To be called by each free: where libraries come and go an address says nothing for long. */
static inline void stack_look_unloaded(const void *caller)
{
	if (UNLIKELY((uintptr_t)caller - stack_loader_start < stack_loader_end - stack_loader_start))
		stack_look_slow();
}

/* A line for each caller: "    #0 /usr/lib/libx.so+0x1234 (function+0x56)". */
void stack_print(struct format *out, uint32_t number);

#endif
