/*
 * profile/stack_roots.h - stacks that are not threads' own.
 *
 * WHY        A library may run the program on stacks that it mapped.  What was left
 *            standing on one is a root; what a finished one left behind is not, and
 *            neither is what lies below where a thread left its own for another.  Only
 *            the library knows which is which.
 *
 * RULE       From the lowest of what the library says that a stack was left at and the
 *            stack pointers that are in it.  Where it was being left or gone on with, the
 *            one is old and the other right; where a thread was stopped in a handler on
 *            an alternate stack, that cannot be known, and all stacks that are not done
 *            with are looked at as a whole.
 *
 * PLACE      In the copy, as profile/reach.h: the library is asked there, takes no lock,
 *            and has what it goes by in order between any two instructions.
 */
#ifndef PROFILE_STACK_ROOTS_H
#define PROFILE_STACK_ROOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "include/mstat.h"

/* Below a stack pointer is what the ABI calls the red zone. */
enum { RED_ZONE_BYTES = 128 };

/* In the process itself, at any time.  There is no way back. */
void stack_roots_register(struct mstat_stack_source *source);

/* Asks for the address space of stacks, and where threads left theirs.  False: there is
   no memory for it. */
bool stack_roots_find(void);

/* Whether it is in that address space. */
bool stack_roots_hold(uintptr_t address);

/* Some part of that address space within [*from, *to).  False: there is none. */
bool stack_roots_hole(uintptr_t *from, uintptr_t *to);

/* Looks at what stands on them. */
void stack_roots_look(void (*look)(uintptr_t from, uintptr_t to));

#endif
