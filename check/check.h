/*
 * check/check.h - checked processes: MSTAT_CONF's check.
 *
 * WHY        Every misuse of an object is found at the call that is wrong, or at the next that
 *            has to do with the object, and told with both of the object's calls; nothing
 *            is added to what an unchecked process does (heap/checks.h).
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/checks.h"

/* From now on, before the process has a second thread.  own_pc: an address in this library. */
void check_start(uintptr_t own_pc, enum box_check_mode mode, bool with_zeroes);

#endif
