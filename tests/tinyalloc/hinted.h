/*
 * tests/tinyalloc/hinted.h - hinted and collectable objects, for a test that is about
 * something else than how to get them.
 */
#ifndef TESTS_TINYALLOC_HINTED_H
#define TESTS_TINYALLOC_HINTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A checked fixture: a usable heap that combines, the calling thread with a cache. */
void hinted_begin(void);

/* Ask until they get. */
void *hinted_surely(size_t bytes); /* as mstat_alloc() with MSTAT_NOSCAN does */
void *chars_surely(size_t bytes);  /* of no alignment */
void *collectable_surely(size_t bytes, bool is_noscan);

/* A collection that was made; how many objects it freed or finalized.  Once
   world_init() was called. */
uint64_t collect_surely(void);

/* What the calls before left on the stack is no pointer of the test's. */
void stack_clear(void);

#endif
