/*
 * stats/report.h - the books as text: the dump in two forms, and the short
 * report at exit.
 *
 * WHY        Written by the process about itself, possibly inside malloc, in a
 *            signal handler: everything goes through base/format.h.
 *
 * FORMAT     The dump as text is "mstat dump 1", lines of NAME VALUE, lines that
 *            begin with "class" and "thread", and a last line "end", without
 *            which it is truncated.  As JSON it is one object with the same
 *            names.  Both are described in libmstat(7).
 *
 * LOCKING    report_text, report_json: one at a time, which is who writes the
 *            dump (stats/dump.h).
 */
#ifndef STATS_REPORT_H
#define STATS_REPORT_H

#include "base/format.h"
#include "stats/source.h"

/* Who it is about. */
struct report_subject {
	int64_t pid;
	uint64_t start_ticks;
	const char *exe;
};

void report_text(struct format *out, const struct source *source,
	const struct report_subject *subject);
void report_json(struct format *out, const struct source *source,
	const struct report_subject *subject);

/* For people, at exit.  At any time. */
void report_summary(struct format *out, const struct source *source,
	const struct report_subject *subject);

#endif
