/*
 * coro/books.h - what libmstat is told of stacks, where it is loaded.
 *
 * WHY        Under libmstat the memory of coroutines is in its books (stacks_inuse,
 *            stacks_sys), and what stands on their stacks keeps objects from being
 *            collected.  Under another malloc there is neither: the functions are weak.
 *
 * RULE       In the books are stacks, without their guards.  What describes coroutines,
 *            and their deferred calls, are objects of the heap, in the books as such and
 *            looked into as such.
 *
 *            Looked at is a stack from where its coroutine left it.  Who is changing that
 *            at the moment stands on the stack, and his stack pointer is known; so the old
 *            place may be told, but not none where there is one.
 */
#ifndef CORO_BOOKS_H
#define CORO_BOOKS_H

#include <stddef.h>

/* Under the lock that guards what is told of, so that it is told in its order. */
void books_stacks_add(ptrdiff_t inuse_bytes, ptrdiff_t sys_bytes);

#endif
