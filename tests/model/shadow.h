/*
 * shadow.h - which bytes of the address space belong to a live object.
 *
 * WHY        Two objects that share a byte are the worst that an allocator can do, and
 *            their contents show it only when somebody writes at the right moment.
 *
 * INVARIANT  A bit for every 8 bytes that a live object takes, for one below 16 bytes a
 *            bit for every byte, in a map of its own.  The bits are set after the object
 *            was handed out, and taken away before it is given back: whoever finds a
 *            bit that should not be there has found two owners.
 *
 * LOCKING    None: atomic words, so that the model orders no two threads that the
 *            library does not.
 */
#ifndef TESTS_MODEL_SHADOW_H
#define TESTS_MODEL_SHADOW_H

#include <stdbool.h>
#include <stddef.h>

/* False: some of it belongs to another, or did not belong to this. */
bool shadow_enter(const char *object, size_t bytes);
bool shadow_leave(const char *object, size_t bytes);

/* Nothing lives any more, as far as this knows. */
void shadow_forget(void);

#endif
