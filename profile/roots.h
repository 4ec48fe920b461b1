/*
 * profile/roots.h - where a program's pointers begin.
 *
 * WHY        What a program can reach it reaches from its variables, its stacks and its
 *            registers.
 *
 * RULE       Looked at are, in a copy of the process (profile/world.h), all private memory
 *            that may be written but the heap's own and this library's; of each thread's stack
 *            what is above its stack pointer, with its registers; other stacks as
 *            profile/stack_roots.h has it.
 */
#ifndef PROFILE_ROOTS_H
#define PROFILE_ROOTS_H

#include <stdbool.h>
#include <stdint.h>

/* This library's variables hold no pointer of the program's. */
void roots_exclude(uintptr_t from, uintptr_t to);

/* Looks at all of them (profile/mark.h).  False: not all could be read, and nothing is
   known. */
bool roots_look(void);

#endif
