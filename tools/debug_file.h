/*
 * tools/debug_file.h - the file with a module's debugging information, where it is not in
 * the module's own.
 *
 * WHY        Distributions keep it apart, by its build id or by the name that the module's
 *            file has for it, and what many of these files share in one more, by dwz.
 *            libdwfl would open whatever stands there, a FIFO too, and ask the servers of
 *            $DEBUGINFOD_URLS; these answer who asks what he has, and are asked only if
 *            that was asked for.
 *
 * OWNERSHIP  A found path is the caller's.
 */
#ifndef TOOLS_DEBUG_FILE_H
#define TOOLS_DEBUG_FILE_H

#include <elfutils/libdwfl.h>

#include "tools/elf_file.h"
#include "tools/symbols.h"

/* What is looked for, and where; what libdwfl hands to debug_file_find(). */
struct debug_search {
	const struct symbols_settings *settings;
	struct build_id id;     /* the module's */
	bool lacks_shared;      /* the file of dwz that belongs to it was not found */
};

/* By the build id alone.  A descriptor and its path; -1: there is none. */
int debug_file_open(const struct debug_search *search, const struct build_id *id, char **path);

/* libdwfl's find_debuginfo; the module's user data is a struct debug_search. */
int debug_file_find(Dwfl_Module *module, void **search, const char *name, Dwarf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **path);

#endif
