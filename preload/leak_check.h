/*
 * preload/leak_check.h - leaks that are looked for when the program ends (leak_check:1).
 *
 * WHY        A test that leaks is to fail by itself, in whatever harness it runs.  So the process
 *            is searched behind its last destructor (profile/survey.h), `mstat leaks` says
 *            what was found, with names and without what is suppressed, and the exit
 *            status is LeakSanitizer's.
 *
 * NOT HERE   Ends by _exit(), quick_exit() or a signal.
 */
#ifndef PRELOAD_LEAK_CHECK_H
#define PRELOAD_LEAK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* `own_pc` is an address in this library, beside which mstat is looked for. */
void leak_check_arm(uintptr_t own_pc, const char *suppressions);

/* It will be looked for: the box is needed until then. */
bool leak_check_is_armed(void);

#endif
