/*
 * tools/demangle.h - names of C++ as they were written.
 *
 * WHY        The C++ runtime has the one demangler that is on every machine.  It needs no
 *            C++ of its callers; <cxxabi.h> alone does.
 *
 * INVARIANT  A mangled name's parts may stand for earlier ones, so 300 bytes may stand for
 *            gigabytes.  Of N such references three to each level multiply the most: what
 *            a name may stand for is its length times 3^(N/3), and one that may stand for
 *            more than DEMANGLE_MOST_BYTES stays as it is.
 */
#ifndef TOOLS_DEMANGLE_H
#define TOOLS_DEMANGLE_H

/* Of the 158,000 names in LLVM, clang, node and libstdc++ seven may be longer. */
enum { DEMANGLE_MOST_BYTES = 64 << 20 };

/* To be freed.  NULL if the name is not mangled, or may stand for too much. */
char *demangle(const char *name);

#endif
