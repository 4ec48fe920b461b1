/*
 * tools/spans.h - ranges of addresses, and which of them an address is in.
 *
 * WHY        Functions, symbols and compilation units are looked up once for each frame;
 *            libdwfl searches its tables from end to end each time.
 *
 * INVARIANT  After spans_sort() ranges stand by their starts.  They may overlap: symbols
 *            are aliases, and a file may be hostile.  So one that begins long before
 *            others that do not reach the address may be overlooked; the work is bounded.
 */
#ifndef TOOLS_SPANS_H
#define TOOLS_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	uint64_t start;
	uint64_t end;    /* the first address behind it */
	uint32_t number; /* what the user of this knows it by */
	uint32_t rank;   /* of those with one start the highest is found */
};

struct spans {
	struct span *list;
	size_t count;
	size_t room;
};

/* An empty one is left out.  False if there is no memory. */
bool spans_add(struct spans *spans, const struct span *span);

void spans_sort(struct spans *spans);

/* The one that begins nearest before the address, or there.  NULL: none. */
const struct span *spans_nearest(const struct spans *spans, uint64_t address);

/* The one with the highest number.  NULL: none. */
const struct span *spans_newest(const struct spans *spans, uint64_t address);

void spans_free(struct spans *spans);

#endif
