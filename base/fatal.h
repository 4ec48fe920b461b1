/*
 * base/fatal.h - the last line that a process prints.
 *
 * WHY        A heap that is corrupt or misused must not go on.  One line says
 *            what, where and who; then abort(), so that a core or a debugger
 *            finds the caller's frames.
 *
 * INVARIANT  Allocates nothing, takes no lock, works with stderr closed.
 */
#ifndef BASE_FATAL_H
#define BASE_FATAL_H

#include <stddef.h>
#include <stdint.h>

struct format;

/* "libmstat: WHAT" and abort. */
_Noreturn void fatal(const char *what);

/*
 * "libmstat: CALL(ADDRESS): WHAT, size class CLASS, called from MODULE+OFFSET".
 * class_bytes 0 leaves the class out; `caller` is a return address.
 */
_Noreturn void fatal_pointer(const char *call, const void *address, const char *what,
	size_t class_bytes, const void *caller);

/* The same line, and the process goes on. */
void fatal_pointer_said(const char *call, const void *address, const char *what,
	size_t class_bytes, const void *caller);

/* Told of the line before abort, to keep it where it survives; may be NULL. */
extern void (*fatal_observer)(const char *line);

/* Says more on stderr behind a pointer's line, in lines of its own; may be NULL. */
extern void (*fatal_explainer)(struct format *out);

#endif
