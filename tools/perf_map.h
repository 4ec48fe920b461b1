/*
 * tools/perf_map.h - names of what a process compiled for itself, as it wrote them into
 * /tmp/perf-PID.map for perf(1).
 *
 * WHY        Code of a just-in-time compiler is in no module.  Each line of the file is
 *            "START BYTES NAME", in hexadecimal.  /tmp is everybody's: anything may stand
 *            in the file, and lines that are none are left out.
 *
 * INVARIANT  Of two functions at one address the later line's is right: the former was
 *            moved or thrown away.
 */
#ifndef TOOLS_PERF_MAP_H
#define TOOLS_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/spans.h"

struct perf_map {
	char *bytes;        /* the file; names end where their lines do */
	size_t count;
	struct spans spans; /* the number: which byte a name begins at */
};

/* A file that is not there, or none, is an empty map.  False if there is no memory. */
bool perf_map_read(struct perf_map *map, const char *path);

/* Not yet clean.  NULL: none is known. */
const char *perf_map_find(const struct perf_map *map, uint64_t address);

void perf_map_free(struct perf_map *map);

#endif
