/*
 * check/small.h - objects of the size classes that share spans, in a checked process.
 *
 * WHY        They come from the magazines and pools as ever, and so are counted as ever; what
 *            is added is a record for each (check/record.h), guard bytes behind and before
 *            (check/fill.h), and that it is not known which one comes next.
 *
 * QUARANTINE A magazine is never let run emptier than half of what it has room for, and
 *            hands out one at random, none of the last four that the thread freed: an object
 *            that was freed comes back after as many others on average as lie there, and by
 *            the magazines' budget at most 1 MiB lies in those of a thread (heap/magazine.c).
 *
 * LOCKING    None held by the caller.
 */
#ifndef CHECK_SMALL_H
#define CHECK_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/report.h"
#include "profile/backtrace.h"

struct span;

/* Whether it is one of these. */
bool small_fits(size_t bytes, size_t align_bytes);

/* NULL with ENOMEM. */
void *small_alloc(size_t bytes, size_t align_bytes, uint32_t family,
	const struct backtrace_place *place);

/* An object of a span that is not the program's yet is it from now on. */
void small_adopt(const void *object, size_t bytes, size_t align_bytes,
	const struct backtrace_place *place);

void small_free(struct span *span, void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place);

/* Another size for one that stays where it is.  False: it must move.  *old_bytes: what was
   asked for before. */
bool small_resize(struct span *span, void *ptr, size_t bytes, const void *caller,
	const struct backtrace_place *place, size_t *old_bytes);

/* To fewer bytes where it is, for want of memory. */
void small_shrink(const struct span *span, void *ptr, size_t bytes);

/* What is known of a live one; fatal if none begins there. */
void small_expect(const struct span *span, const void *ptr, const char *call, const void *caller,
	struct report_object *object);

/* Whether a live one begins there that was asked for so.  False: it is not known. */
bool small_is_as_said(const void *ptr, size_t bytes, size_t align_bytes);

/* What the object that an address lies in was asked for with; else what it takes. */
size_t small_object_bytes(const struct span *span, const void *ptr);

/* Of an address in the span. */
const struct object_record *small_record(const struct span *span, const void *ptr);

/* heap/checks.h */
bool small_span_opened(struct span *span);
void small_span_released(const struct span *span, size_t from, size_t to);

#endif
