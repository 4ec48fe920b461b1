/*
 * tinyalloc/sized.h - what a program says of an object that it frees: its size, its
 * alignment.
 *
 * WHY        C++'s sized delete and C23's free_sized() say again what the object was
 *            asked for with.  Who says it wrong frees another object than he thinks,
 *            or one of another type.  An object of a size class is right by one
 *            comparison of classes (heap_is_of_size()); all else is looked at here.
 *
 * NOT CAUGHT Another size of the same size class, or of as many pages.
 *
 * What is no object at all nothing is said of here: the free that follows does.
 */
#ifndef TINYALLOC_SIZED_H
#define TINYALLOC_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "heap/fastpath.h"

/* MSTAT_CONF's check_sizes. */
extern HIDDEN bool sized_is_checked;

static ALWAYS_INLINE bool sized_is_aligned(const void *ptr, size_t align_bytes)
{
	return bits_is_power_of_two(align_bytes) && (uintptr_t)ptr % align_bytes == 0;
}

COLD void sized_expect_unusual(const void *ptr, size_t bytes, size_t align_bytes,
	const char *call, const void *caller);
COLD void sized_expect_resized_unusual(const void *ptr, size_t bytes, const char *call,
	const void *caller);

/* It was asked for with exactly so many bytes at a multiple of align_bytes, as by operator
   new or aligned_alloc(); fatal if not.  `call` is the program's, made by `caller`. */
static ALWAYS_INLINE void sized_expect(const void *ptr, size_t bytes, size_t align_bytes,
	const char *call, const void *caller)
{
	if (UNLIKELY(bytes > SMALL_MAX_BYTES || align_bytes > PAGE_BYTES ||
		    !sized_is_aligned(ptr, align_bytes) ||
		    !heap_is_of_size(ptr, bits_round_up(bytes, align_bytes))))
		sized_expect_unusual(ptr, bytes, align_bytes, call, caller);
}

/* The same of what malloc(), calloc() or realloc() returned: what was made smaller may have
   stayed where it was, and what grew may have grown by more than it had to. */
static ALWAYS_INLINE void sized_expect_resized(const void *ptr, size_t bytes, const char *call,
	const void *caller)
{
	if (UNLIKELY(!heap_is_of_size(ptr, bytes)))
		sized_expect_resized_unusual(ptr, bytes, call, caller);
}

/* It is a multiple of align_bytes. */
COLD void sized_expect_aligned(const void *ptr, size_t align_bytes, const char *call,
	const void *caller);

#endif
