/*
 * base/modules.h - which file an address was loaded from.
 *
 * WHY        A return address says nothing once the process is gone, because
 *            it is loaded elsewhere each time; FILE+OFFSET does, for ever
 *            (addr2line -e FILE OFFSET).  dladdr() takes the loader's lock.
 */
#ifndef BASE_MODULES_H
#define BASE_MODULES_H

#include <stdint.h>

#include "base/format.h"

/* Writes "FILE+0xOFFSET", the offset as counted from where the file's first
   part is mapped, or "0xADDRESS" where /proc/self/maps cannot be read. */
void modules_describe(struct format *out, uintptr_t address);

#endif
