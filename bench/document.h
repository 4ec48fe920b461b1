/*
 * bench/document.h - JSON text in the shape of what public services send.
 *
 * WHY        What a parser allocates follows from how long the names, the strings and
 *            the numbers are, so a benchmark of it needs those of real answers.  Those
 *            cannot be shipped; their fields and the lengths of what stands in them can.
 *
 * The text is without white space and without escapes, as services send it.
 */
#ifndef BENCH_DOCUMENT_H
#define BENCH_DOCUMENT_H

#include <stddef.h>

#include "bench/common.h"

/*
 * Shapes by name:
 *     places    a gazetteer's: short names and words, numbers as text, now and then a long
 *               summary
 *     events    a code host's events: logins, ids, many addresses
 *     statuses  a short message service's: many counts, flags and nulls, long names
 *     history   a tree of directories with a few numbers each, as the document of Go's
 *               JSON benchmark: short names, numbers of one to ten digits
 * NULL: there is no such shape.
 */
struct document_shape;
const struct document_shape *document_shape_find(const char *name);

/* An array of records, ended by NUL, of about `bytes`; malloc's. */
char *document_new(const struct document_shape *shape, struct rng *rng, size_t bytes);

#endif
