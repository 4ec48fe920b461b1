/*
 * check/large.h - objects of a checked process that have their pages to themselves.
 *
 * WHY        An overrun of one of these touches no neighbour of its kind, and when it is freed
 *            its pages can be taken away whole: whoever touches it then is stopped at that.
 *
 * LAYOUT     A page, whose end is guard bytes; the object, from a page's begin on; guard bytes up
 *            to the end of its last page, or 4 KiB of them.
 *
 * QUARANTINE Freed, its pages go through check/quarantine.h.
 *
 * LOCKING    None held by the caller.
 */
#ifndef CHECK_LARGE_H
#define CHECK_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/report.h"
#include "profile/backtrace.h"

struct span;

void *large_checked_alloc(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed,
	const struct backtrace_place *place);

/* One that was placed already and was not handed out yet. */
void large_adopt(const void *object, size_t align_bytes, const struct backtrace_place *place);

void large_checked_free(void *ptr, const char *call, const void *caller,
	const struct backtrace_place *place);

/* Another size where it stands.  False: it must move.  *old_bytes: what was asked for
   before. */
bool large_checked_resize(void *ptr, size_t bytes, const void *caller,
	const struct backtrace_place *place, size_t *old_bytes);

/* To fewer bytes where it is, for want of memory. */
void large_shrink(struct span *span, size_t bytes);

/* Fatal if what stands beside it is not what should. */
void large_look(const void *ptr, const char *call, const void *caller);

void large_expect(const void *ptr, const char *call, const void *caller,
	struct report_object *object);

/* Of an address that no object begins at: fatal if it lies in one of these, or in what was
   one. */
void large_misuse(const void *ptr, const char *call, const void *caller);

/* What is known of one that is there, or waits. */
struct report_object large_described(const struct span *span);

#endif
