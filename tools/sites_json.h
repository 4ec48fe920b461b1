/*
 * tools/sites_json.h - the call sites out of a dump in JSON, its member "call_sites".
 *
 * WHY        A dump is kept where a box is not, and may come from another machine.  It may
 *            be damaged or hostile as a box may, so what tools/sites.h states is made true
 *            here too.
 *
 * FORMAT     libmstat(7); stats/report_sites.c writes it.  What is no object or array of
 *            such is refused; a row of which a number is missing, none or out of its range
 *            counts as a damaged part, and as nothing.
 */
#ifndef TOOLS_SITES_JSON_H
#define TOOLS_SITES_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/failure.h"
#include "tools/sites.h"

/* `exe` is the path of the program's module, which a dump leaves empty; `path`, of the dump,
   is for the sentence.  sites_free() frees them. */
bool sites_json_read(struct sites *sites, const json_t *root, const char *exe, const char *path,
	struct failure *failure);

#endif
