/*
 * tools/prof_json.h - parts of a profile as JSON, for whoever puts them into an object.
 */
#ifndef TOOLS_PROF_JSON_H
#define TOOLS_PROF_JSON_H

#include <jansson.h>

#include "tools/prof.h"

/* "samples", "objects", "objects_error", "bytes", "bytes_error". */
json_t *prof_json_sum(const struct site_sum *sum);

/* A frame, behind those that are there; several if calls were inlined. */
void prof_json_frames(json_t *frames, const struct stacks *stacks, uint32_t frame);

/* All frames from an innermost one outwards; null of one that is not known. */
json_t *prof_json_callers(struct stacks *stacks, uint32_t frame);

/* A site with its sums and frames. */
json_t *prof_json_site(struct stacks *stacks, const struct site *site);

/* All modules; which of them were in a frame is known behind the sites. */
json_t *prof_json_modules(const struct stacks *stacks);

#endif
