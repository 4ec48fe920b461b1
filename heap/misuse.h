/*
 * heap/misuse.h - what is said to a program that frees what it should not.
 *
 * WHY        One sentence for each kind of misuse, the same wherever it is
 *            found: the address, what it is, its size class, the caller.
 *
 * CAUGHT     Always: an address that is not the heap's; one inside a large
 *            object or a large object's second free while its pages are free;
 *            the second of two frees in a row; an address that is no multiple of
 *            16.  When objects go home to their span, or else at exit: a small
 *            object's second free, an address inside one.
 */
#ifndef HEAP_MISUSE_H
#define HEAP_MISUSE_H

#include <stdbool.h>

#include "base/compiler.h"

COLD _Noreturn void misuse_double_free(const char *call, const void *ptr, const void *caller);

/* `ptr` is no object's start: finds out what it is instead. */
COLD _Noreturn void misuse_bad_pointer(const char *call, const void *ptr, const void *caller);

/* Of what heap/held.h found. */
COLD _Noreturn void misuse_found_at_exit(const void *ptr, bool is_freed_twice);

#endif
