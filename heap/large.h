/*
 * heap/large.h - objects of more than the largest size class, and shorter ones
 * that have grown: whole pages, straight from the page heap.
 *
 * WHY        Here the work per byte dwarfs the work per call, and what counts
 *            is that runs are reused, that they grow where they stand, and that
 *            no page is touched in vain.  A large object is a span of its own,
 *            of class 0.
 *
 * LOCKING    Each takes the page heap's lock.  The calling thread's cache
 *            counts them.
 */
#ifndef HEAP_LARGE_H
#define HEAP_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span;

/* `align_bytes`: a power of two; up to a page it costs nothing.  is_zeroed:
   the bytes read zero, of pages that do already none is touched.
   NULL with ENOMEM. */
void *large_alloc(size_t bytes, size_t align_bytes, bool is_zeroed);

/* Where in its span the object is to stand, of one that is checked. */
struct large_place {
	size_t pages;
	size_t align_pages; /* of the span */
	size_t offset;      /* of the object in it, in the first three OS pages */
};

/* For whoever checks what becomes of it (heap/checks.h), an object of `bytes`.  is_drawn: it
   may be a sample.  NULL; he says that there is no memory. */
void *large_alloc_placed(const struct large_place *place, size_t bytes, bool is_zeroed,
	bool is_drawn);

/* Of such a one: it is counted as freed, and its pages are nobody's, until they are given
   back.  NULL: another thread has freed it meanwhile. */
struct span *large_retire(void *ptr);
void large_bury(struct span *span);

/* Or it is handed out again as it is, its object of `bytes`. */
void *large_revive(struct span *span, size_t bytes);

/* Says of which family (heap/size_class.h) a new one is, before anybody else knows it.
   Returns it; it may be NULL. */
void *large_hint(void *ptr, uint32_t family);

/* The family of a live one. */
uint32_t large_family(const void *ptr);

/* Fatal if `ptr` is not a large object's first byte. */
void large_free(void *ptr, const void *caller);

/* Resizes where it stands, by moving its pages, or by copying, to `bytes` of
   more than the largest class.  NULL with ENOMEM; fatal as large_free(). */
void *large_resize(void *ptr, size_t bytes, const void *caller);

/* What stands at one place goes to another, or is copied: returns how many bytes went as
   whole pages, which read zero where they were. */
size_t large_move(void *to, void *from, size_t bytes);

/* Whether it was placed: a sample that is checked. */
bool large_is_placed(const void *ptr);

/* What the object may use; 0 if `ptr` is not a large object's first byte. */
size_t large_usable_bytes(const void *ptr);

#endif
