/*
 * check/report.h - what is said of an object that was misused.
 *
 * WHY        One line, in the words of heap/misuse.h where they serve, and then who allocated
 *            the object and who freed it.  The line and both stacks are in the box's log, too,
 *            where they outlive the process.
 */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "check/record.h"

/* What is known of an object, so far as it is. */
struct report_object {
	const struct object_record *record; /* NULL: nothing */
	size_t bytes;                       /* asked for */
	size_t class_bytes;                 /* 0: of no size class */
};

/* Ends the process.  `what` is a sentence about the address. */
COLD _Noreturn void report_and_end(const char *call, const void *address, const char *what,
	const struct report_object *object, const void *caller);

/* The same; a number stands behind what is said, and `after` behind it. */
COLD _Noreturn void report_number(const char *call, const void *address, const char *what,
	uint64_t number, const char *after, const struct report_object *object, const void *caller);

/* A byte before or behind an object is not what it should be. */
COLD _Noreturn void report_beside(const char *call, const char *start, const char *broken,
	const struct report_object *object, const void *caller);

/* A byte of an object that was freed is not what it should be. */
COLD _Noreturn void report_written(const char *start, const char *broken,
	const struct report_object *object);

/* A byte of one that was freed is touched, or a byte beside one, that nobody may touch.  The
   process goes on to what becomes of that. */
COLD void report_fault(const char *call, const char *address, const char *start, bool is_freed,
	const struct report_object *object, const void *caller);

/* The frames of the object that is being reported, for the box's log. */
void report_frames(uint32_t *allocated_at, uint32_t *freed_at);

void report_init(void);

#endif
