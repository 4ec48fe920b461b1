/*
 * tap.h - the Test Anything Protocol for the programs that run under the real
 * libmstat.so; tests/preload/preload.sh runs them.
 *
 * WHY        Check is linked with malloc users of its own and forks around each
 *            test; here the program is the test.  The first line of each proves
 *            that malloc is the library's: a missing preload only warns.
 *
 * LOCKING    One thread reports.  Nothing is printed by way of stdio, so that a
 *            report between two readings of the books changes neither.
 */
#ifndef TESTS_PRELOAD_TAP_H
#define TESTS_PRELOAD_TAP_H

#include <stdbool.h>

/* The first test of every program: whose malloc this is. */
void tap_begin(void);

/* One test; true if it passed, so that a failed one can be explained. */
bool tap_ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One test: equal figures; both are shown if they are not. */
bool tap_is(long long want, long long got, const char *name);

/* A line that is no test. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The plan; what main() returns. */
int tap_done(void);

#endif
