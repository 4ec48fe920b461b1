/*
 * profile/loaded.h - the objects that are loaded: the program, and libraries.
 *
 * WHY        An address says something to a reader, who may come when the process is gone,
 *            together with the file that was there.  The box has each object that a
 *            sample's callers were ever in, with its build id.
 *
 * METHOD     _dl_find_object(), which takes no lock and tells of each address in which object
 *            it is (glibc 2.35; before that dl_iterate_phdr()).  That one has gone shows when
 *            it is asked for again: another, or none, is where it was.
 *
 * INVARIANT  A number is one object's for good.  Those that stand in the way of one another
 *            in memory are gone but for the last.
 *
 * LOCKING    sites_lock (profile/sites.h), but for loaded_find_tables().
 */
#ifndef PROFILE_LOADED_H
#define PROFILE_LOADED_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/cfi.h"
#include "stats/box_layout.h"

#define LOADED_NONE UINT32_MAX

/* Where an object's unwinding tables are; any thread.  False: it has none, or none is there. */
bool loaded_find_tables(uintptr_t pc, struct cfi_tables *tables);

/* The addresses of the object that holds pc; any thread.  False if there is none. */
bool loaded_find_range(uintptr_t pc, uintptr_t *start, uintptr_t *end);

/* The number of the object that pc is in now; LOADED_NONE. */
uint32_t loaded_number(uintptr_t pc);

/* Whether the object of a number is still there.  If not, it is gone from now on. */
bool loaded_is_there(uint32_t number);

bool loaded_is_gone(uint32_t number);

uint32_t loaded_count(void);
const struct box_module *loaded_at(uint32_t number);

/* All of them once more, for a box that is new. */
void loaded_publish(void);

#endif
