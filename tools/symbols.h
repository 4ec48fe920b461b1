/*
 * tools/symbols.h - functions, files and lines of frames, by elfutils' libdwfl.
 *
 * WHY        A box has addresses and the modules that they were in; the files may be on
 *            this machine, stripped, replaced since, or their debug files apart.  A
 *            module's build id says whether a file is the one that was loaded; from one
 *            that is another nothing is told.
 *
 *            Without the file its debug file may be here still, by its build id.
 *
 * INVARIANT  All texts are fit for a terminal, by tools/text.h, and equal ones are one.
 *
 * OWNERSHIP  symbols_close() frees all, the texts too.  Settings are copied.
 */
#ifndef TOOLS_SYMBOLS_H
#define TOOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/sites.h"

/* One function at an address: an inlined one, or the one that it ended up in. */
struct symbol {
	const char *function; /* demangled; "libfoo.so+0x12", the address in the file, where none
	                         is known, and "0x7f..." in no module; never NULL */
	const char *file;     /* NULL: not known */
	unsigned line;        /* of the call; 0: not known */
	unsigned start_line;  /* where the function begins; 0: not known */
	bool is_known;        /* function is a name */
};

/* Of a frame, the innermost first; at least one. */
struct symbol_list {
	const struct symbol *list;
	size_t count;
};

/* What was found for a module. */
enum module_file {
	MODULE_LINES,     /* with the debugging information */
	MODULE_SYMBOLS,   /* names alone */
	MODULE_STRIPPED,  /* the right file, which has no names */
	MODULE_MISSING,   /* there is no such file here */
	MODULE_OTHER,     /* another file is there now: its build id differs */
	MODULE_UNREADABLE
};

struct symbols; /* for all frames of the struct sites, which must outlive it */

struct symbols_settings {
	const char *root;      /* before each path, as /proc/PID/root; NULL: none */
	bool use_debuginfod;   /* fetch what is missing from the servers of $DEBUGINFOD_URLS */
	const char *perf_map;  /* of code that the process compiled itself; NULL: none */
};

/* NULL if there is no memory. */
struct symbols *symbols_open(const struct sites *sites, const struct symbols_settings *settings);

/* From now on they are of another reading of the same box, which has all frames that the
   former had, and must outlive the struct in its place.  What was found stays, unless a
   frame or module is another than it was.  False if there is no memory: nothing changed. */
bool symbols_follow(struct symbols *symbols, const struct sites *sites);

/* Frame numbers above 0.  Found when first asked for, then kept. */
struct symbol_list symbols_of(struct symbols *symbols, uint32_t frame);

enum module_file symbols_module(struct symbols *symbols, uint32_t module);

void symbols_close(struct symbols *symbols);

#endif
