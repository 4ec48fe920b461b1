/*
 * tools/lines.h - functions, inlined ones too, and lines of a file with debugging
 * information.
 *
 * WHY        libdw finds the scopes of an address by a walk over all of a unit's entries,
 *            one level deeper on the stack for each of theirs, and a unit by an index that
 *            not every compiler writes.  Here units and each unit's functions are read
 *            once, and no entry is entered deeper than real ones are.
 *
 * INVARIANT  The work on one file has an end, whatever stands in it: LINES_STEPS_MAX.
 *
 * OWNERSHIP  lines_free(); the texts are libdw's.
 */
#ifndef TOOLS_LINES_H
#define TOOLS_LINES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/spans.h"

/* Entries and ranges that are looked at, half a minute of them: each entry of the largest
   programs, several times over. */
#define LINES_STEPS_MAX ((uint64_t)1 << 30)

/* One in another; compilers stop far before. */
enum { LINES_DEPTH_MAX = 256 };

struct unit {
	Dwarf_Die die;
	bool is_read;
	struct spans spans;   /* the number: of a function below */
	Dwarf_Die *functions;
	size_t count;
	size_t room;
};

struct lines {
	struct spans spans;   /* the number: of a unit below */
	struct unit *units;
	size_t count;
	size_t room;
	uint64_t steps_left;
};

/* What is known of one call; names are neither clean nor demangled. */
struct line_call {
	const char *function; /* NULL: not known */
	const char *file;
	unsigned line;
	unsigned start_line;
};

/* False if there is no memory. */
bool lines_read(struct lines *lines, Dwarf *dwarf);

/* Of an address the innermost function first, into LINES_DEPTH_MAX calls.  How many; 0 if
   nothing is known. */
size_t lines_find(struct lines *lines, uint64_t address, struct line_call *calls);

void lines_free(struct lines *lines);

#endif
