/*
 * tinyalloc/tagged.h - which of a span's objects count for a tag (profile/tags.h).
 *
 * WHY        Of a scope all objects may be tagged, thousands in a span: as records in a list
 *            by offset each would cost a walk past the others.  Here a span has one record
 *            more, its first, which leads to two bytes for each of its objects.
 *
 * INVARIANT  The record is there exactly while an object of the span is tagged: its count of
 *            them is not 0.  It makes each free in the span take the slow path, as any
 *            special does.
 *
 * LOCKING    All with the span's lock held (tinyalloc/special.h).
 */
#ifndef TINYALLOC_TAGGED_H
#define TINYALLOC_TAGGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/span.h"

enum { TAGGED_MOST = UINT16_MAX }; /* tags are numbered from 1 on */

enum tagged {
	TAGGED_NOW,
	TAGGED_BEFORE, /* it has a tag, and keeps it */
	TAGGED_REFUSED /* there is no memory */
};

/* The object that begins at an offset. */
enum tagged tagged_set(struct span *span, size_t offset, uint32_t tag);

/* What was its tag; 0: it has none. */
uint32_t tagged_take(struct span *span, size_t offset);

/* Whether all of it is right; for audits. */
bool tagged_is_sound(const struct span *span);

/* What an object takes, for whoever counts tags' bytes: malloc_usable_size(). */
size_t tagged_bytes(const struct span *span, const void *object);

#endif
