/*
 * bench/hint.h - allocations of which the program says that they hold no pointers,
 * where the allocator listens and the run is to say it.
 *
 * WHY        One program, run with hints and without, under any allocator: where there
 *            is no mstat_alloc() a hint is not heard and each text is a malloc.  What
 *            differs between two runs is then the allocator and nothing else.
 */
#ifndef BENCH_HINT_H
#define BENCH_HINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "include/mstat.h"

#pragma weak mstat_alloc
#pragma weak mstat_snapshot

struct hint {
	bool is_given;        /* and heard */
	uint64_t allocations; /* by the functions here */
	uint64_t tiny;        /* of these texts, those below 16 bytes */
};

extern struct hint hint;

/* From "hinted" or "plain"; anything else ends the program. */
void hint_choose(const char *word);

/* An object that may hold pointers. */
static inline void *node_new(size_t bytes)
{
	void *node = malloc(bytes);

	if (node == NULL)
		abort();
	hint.allocations++;
	return node;
}

/* One that never does. */
static inline char *text_new(size_t bytes)
{
	char *text = hint.is_given ? mstat_alloc(bytes, MSTAT_NOSCAN) : malloc(bytes);

	if (text == NULL)
		abort();
	hint.allocations++;
	hint.tiny += bytes < 16;
	return text;
}

/* What the allocator's books say of the heap now, if it keeps any: live objects by
   what they take, the spans that they lie in, and what combining saves. */
void hint_report_books(void);

#endif
