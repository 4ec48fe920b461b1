/*
 * object.h - what the model knows of one live object, and what stands in it.
 *
 * INVARIANT  All bytes that malloc_usable_size() gave it are the object's, and hold a
 *            pattern that follows from its number: every byte of a small one, the ends
 *            and samples of a large one.
 *
 * OWNERSHIP  A struct object is copied when it goes from hand to hand; who has it, and
 *            he alone, may touch the object.
 */
#ifndef TESTS_MODEL_OBJECT_H
#define TESTS_MODEL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/model/entries.h"

struct object;

/* A finalizer that is tied to an object.  It does not hold the object's address as it is:
   that would keep what is lost from being collected. */
struct finalizer {
	uintptr_t hidden_ptr;
	size_t usable_bytes;
	uint64_t number;
	uint32_t calls;
	uint32_t is_taken;
	bool has_failed;
};

struct object {
	char *ptr;              /* NULL: there is none */
	size_t asked_bytes;
	size_t usable_bytes;    /* of a tiny one when it was made; it may get more */
	size_t counted_bytes;   /* what the books say that it takes */
	size_t align_bytes;     /* that was asked for; 0: none */
	uint64_t number;
	struct finalizer *finalizer;
	enum family family;
	enum sizing sizing;
	bool is_large;          /* the books': of whole pages */
	bool is_tiny;           /* shares a block of 16 bytes, or has all of it */
	bool is_noscan;
	bool is_vague;          /* it was hinted, and memory was refused: it may be as if not */
	bool is_collectable;
};

enum { OBJECT_TINY_MAX_BYTES = 15, OBJECT_BLOCK_BYTES = 16, OBJECT_ALIGN_BYTES = 16 };

/* The one address of no bytes.  In a checked process others of no bytes are objects. */
bool object_is_nothing(const struct object *object);

void object_fill(const struct object *object);

/* The first byte of [0, bytes) that is not the pattern's, of those that are looked at;
   SIZE_MAX: all are. */
size_t object_wrong_at(const struct object *object, size_t bytes);

/* The same for bytes that are to be zero. */
size_t object_dirty_at(const struct object *object, size_t bytes);

static inline uintptr_t object_hidden(const void *ptr)
{
	return ~(uintptr_t)ptr;
}

#endif
