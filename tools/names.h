/*
 * tools/names.h - the symbols of a file, by their addresses.
 *
 * WHY        A file without debugging information has the names of functions still, or
 *            those that other files call.
 *
 * INVARIANT  A symbol reaches as far as its size says.  One of assembly has none: it
 *            reaches to the next symbol, and not beyond its section.
 *
 * OWNERSHIP  names_free(); the names are libdwfl's.
 */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include <elfutils/libdwfl.h>

#include "tools/spans.h"

struct names {
	Dwfl_Module *module; /* NULL: there are none */
	struct spans spans;  /* the number: a symbol's in the module */
};

/* False if there is no memory. */
bool names_read(struct names *names, Dwfl_Module *module);

/* Neither clean nor demangled.  NULL: none is known. */
const char *names_find(const struct names *names, uint64_t address);

void names_free(struct names *names);

#endif
