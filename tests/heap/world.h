/*
 * tests/heap/world.h - the heap that a test begins with, and what must hold when
 * it ends.
 *
 * WHY        In torture builds the OS refuses one request in eight, and the heap
 *            answers NULL.  A test that is about something else asks again.
 */
#ifndef TESTS_HEAP_WORLD_H
#define TESTS_HEAP_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A checked fixture: a usable heap; every stated invariant, audited. */
void world_begin(void);
void world_end(void);

/* The same where objects were taken past every cache and stay out: pools and
   pages alone can be audited. */
void world_end_pools(void);

/* Two intervals in which nothing comes or goes pass: every pool gives back the pages
   of the spans that have cooled, and is audited. */
void pools_cool(void);

/* True if this NULL may be: only in torture builds. */
bool is_excused(void);

/* After a refusal in a copy of the process: it was the copy's, and the next would meet
   the same one. */
void refusal_pass(void);

/* Pages of memory that the kernel has there; at most 64 MiB. */
size_t resident_pages(void *start, size_t bytes);

/* Asks until it gets. */
void *alloc_surely(size_t bytes);
void *zeroed_surely(size_t bytes);
void *large_surely(size_t bytes); /* a large object, whatever its size */
void *aligned_surely(size_t align_bytes, size_t bytes);
void *realloc_surely(void *ptr, size_t bytes);

/* The calling thread has a cache of its own. */
void attach_surely(void);

/* Contents that tell which object, and which byte of it, a byte was written for:
   all of a small object, a part of each 256 bytes of a long one. */
void fill(void *ptr, size_t bytes, uint64_t tag);

/* The first of the `kept` first bytes that is not as fill() left it; `kept` if
   all are. */
size_t filled(const void *ptr, size_t bytes, size_t kept, uint64_t tag);

/* Whether all bytes are zero. */
bool is_zero(const void *ptr, size_t bytes);

#endif
