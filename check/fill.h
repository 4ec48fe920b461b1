/*
 * check/fill.h - what stands beside objects, and in those that are free.
 *
 * WHY        What is written beyond an object, or when it is the program's no more, is found by
 *            what should stand there.
 *
 * INVARIANT  The last FILL_TAIL_BYTES of a slot are guard bytes from when it is first handed
 *            out on, whether it is free or not; so there are some before each object, the tail
 *            of the slot before it.  Behind a live object they begin where it ends.
 *
 * Guard bytes differ from process to process and from place to place, and are none that a
 * text is made of.  What is free reads 0xde, which as a pointer leads nowhere, or zero.
 */
#ifndef CHECK_FILL_H
#define CHECK_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILL_TAIL_BYTES = 8 };

void fill_init(bool with_zeroes);

/* Guard bytes, at any place. */
void fill_guard(char *from, size_t bytes);

/* The first that is none; NULL if all are. */
const char *fill_guard_broken(const char *from, size_t bytes);

/* Of what is free. */
void fill_free(char *from, size_t bytes);
const char *fill_free_broken(const char *from, size_t bytes);

#endif
