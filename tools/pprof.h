/*
 * tools/pprof.h - a heap profile as pprof reads it: profile.proto, gzipped.
 *
 * WHY        What `go tool pprof` and the tools beside it can do need not be written
 *            again.  The four values of a sample are those of Go's own heap profiles, so
 *            that its options (-inuse_space and others) mean the same.
 *
 * INVARIANT  Every id is above zero and leads somewhere; string 0 is "".  Of a change, the
 *            values of what was before are below zero.  Of a peak, the values in use are
 *            those of the peak.
 *
 * OWNERSHIP  The caller frees the bytes with free().
 */
#ifndef TOOLS_PPROF_H
#define TOOLS_PPROF_H

#include "tools/prof.h"

/* False if there is no memory. */
bool pprof_encode(struct prof *prof, unsigned char **bytes, size_t *count);

#endif
