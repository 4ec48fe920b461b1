/*
 * heap/heap.h - the heap as the floors above see it, but for the fast path
 * (heap/fastpath.h).
 *
 * ERRORS     Exhaustion gives NULL and ENOMEM.  A pointer that is no object of
 *            this heap is fatal (heap/misuse.h).
 */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct span;

/* Of a family (heap/size_class.h). */
void *heap_alloc_zeroed(size_t bytes, uint32_t family) NOINLINE;

/* `align_bytes` is a power of two.  For what heap_alloc_aligned_hit() left to it, and
   what that has popped: the slow path. */
void *heap_alloc_aligned(size_t align_bytes, size_t bytes, uint32_t family) NOINLINE;

/* Of which family a live object is. */
uint32_t heap_family(const void *ptr);

/* Objects of so many bytes realloc() leaves where they are, however small they become;
   larger ones as long as more than half of them is asked for. */
enum { REALLOC_STAYS_BYTES = 64 };

/* ptr is not NULL, bytes not 0. */
void *heap_realloc(void *ptr, size_t bytes, const void *caller);

/* What the object may use, all of it; 0 for NULL. */
size_t heap_usable_bytes(const void *ptr, const void *caller);
size_t heap_usable_bytes_for(const void *ptr, const char *call, const void *caller);

/* The object that `ptr` points into: its start and what it takes.  The start
   is worked out only if it is asked for.  Counted in nlookup. */
bool heap_lookup(const void *ptr, void **base, size_t *size_bytes);

/* The same of an address known to lie in this span, not counted. */
bool heap_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes);

/* Gives back all memory that can be, but for `keep_bytes` of free pages.  True
   if there was any. */
bool heap_trim(size_t keep_bytes);

/* Around a fork, by the forking thread: everything is still; then goes on in
   the parent, and in the child, where its other threads' caches are ended. */
void heap_fork_prepare(void) UNCHECKED_LOCKING;
void heap_fork_parent(void) UNCHECKED_LOCKING;
void heap_fork_child(void) UNCHECKED_LOCKING; /* without a handler: heap/recover.h */

/* Compares every stated invariant; fatal if one does not hold.  Only while no
   other thread uses the heap. */
void heap_audit(void);

#endif
