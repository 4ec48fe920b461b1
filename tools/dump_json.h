/*
 * tools/dump_json.h - a dump as JSON: one object.
 */
#ifndef TOOLS_DUMP_JSON_H
#define TOOLS_DUMP_JSON_H

#include "tools/books.h"
#include "tools/failure.h"
#include "tools/sites.h"

/* With its call sites if `sites` is not NULL. */
bool dump_json_read(struct books *books, struct sites *sites, const char *bytes, size_t count,
	const char *path, struct failure *failure);

#endif
