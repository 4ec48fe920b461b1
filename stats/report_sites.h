/*
 * stats/report_sites.h - the call sites of a dump in JSON.
 *
 * FORMAT     libmstat(7).  Numbers as in the box, but objects, which are whole, and standard
 *            errors in place of variances.  What was alive at the heap's last peak is worked
 *            out here.
 */
#ifndef STATS_REPORT_SITES_H
#define STATS_REPORT_SITES_H

#include "base/format.h"
#include "stats/source.h"

/* A member of an object that has others before it. */
void report_json_sites(struct format *out, const struct source_sites *sites);

#endif
