/*
 * tools/binary.h - the file that a module was loaded from, read by libdwfl.
 *
 * WHY        The process may be gone, its files replaced, and modules that it had one
 *            after the other may overlap.  So each module is a session of its own, laid
 *            out as in its file: addresses here are the file's own.
 *
 * INVARIANT  What is told comes from files with the module's build id.  If the module has
 *            none, from one that has none either.
 *
 * NOT HERE   Debugging information in .dwo files is not looked for.  Files are mapped: who
 *            cuts one short at that moment ends mstat.
 *
 * OWNERSHIP  binary_close() frees all; the module and the settings must outlive it.
 */
#ifndef TOOLS_BINARY_H
#define TOOLS_BINARY_H

#include <elfutils/libdwfl.h>

#include "tools/debug_file.h"
#include "tools/sites.h"
#include "tools/symbols.h"

struct binary {
	Dwfl *dwfl;               /* NULL: nothing is known of the module */
	Dwfl_Module *module;
	Dwarf *dwarf;             /* NULL: there is no debugging information */
	enum module_file state;   /* MODULE_STRIPPED: without lines, perhaps with names */
	struct debug_search search;
};

/* The struct must stay where it is. */
void binary_open(struct binary *binary, const struct site_module *module,
	const struct symbols_settings *settings);

void binary_close(struct binary *binary);

#endif
