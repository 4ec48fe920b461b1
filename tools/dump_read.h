/*
 * tools/dump_read.h - the books out of a dump file, in either of its forms, and its call
 * sites.
 *
 * FORMAT     Described in libmstat(7).  Names that this version does not know
 *            are skipped, so that a dump of a newer library can be read.
 */
#ifndef TOOLS_DUMP_READ_H
#define TOOLS_DUMP_READ_H

#include "tools/books.h"
#include "tools/failure.h"
#include "tools/sites.h"

/* Whether the bytes begin as a dump does. */
bool dump_is_one(const char *bytes, size_t count);

/* Reads a dump; a NUL stands behind the last byte.  The bytes are changed.
   `path` is for the sentence.  `sites` is NULL where call sites are not wanted, which
   only JSON has. */
bool dump_read(struct books *books, struct sites *sites, char *bytes, size_t count,
	const char *path, struct failure *failure);

#endif
