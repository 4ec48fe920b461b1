/*
 * tests/stats/source_made.h - books that a test made up.
 *
 * WHY        A report is right if it says what its source said, whatever that is:
 *            edges of integers, hostile names, a thread that is not there.
 */
#ifndef TESTS_STATS_SOURCE_MADE_H
#define TESTS_STATS_SOURCE_MADE_H

#include "stats/source.h"

enum { MADE_CLASSES = 5, MADE_THREADS = 4 };

extern const struct source source_made;

/* What it says: set by the test. */
extern struct mstat_snapshot made_snapshot;
extern struct source_class made_classes[MADE_CLASSES];
extern struct source_thread made_threads[MADE_THREADS];

/* Numbers by chance in all of it; thread 2 is not there. */
void source_make(void);

#endif
