/*
 * tools/target_symbols.h - the symbols of a target's call sites, looked for where its
 * process has its files.
 *
 * OWNERSHIP  The target must outlive them; symbols_close() frees them.
 */
#ifndef TOOLS_TARGET_SYMBOLS_H
#define TOOLS_TARGET_SYMBOLS_H

#include "tools/symbols.h"
#include "tools/target.h"

/* Of a target that was opened with its sites.  NULL if there is no memory. */
struct symbols *target_symbols(const struct target *target, bool use_debuginfod);

#endif
