/*
 * printed.h - a report of what was read, printed in both forms, and looked through.
 */
#ifndef TESTS_FUZZ_PRINTED_H
#define TESTS_FUZZ_PRINTED_H

#include "tools/report.h"

/* Text and JSON: no control character in either, and the second is JSON.  Frees what the
   report holds. */
void printed_check(struct report *report);

#endif
