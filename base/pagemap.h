/*
 * base/pagemap.h - which pages are in memory.
 *
 * WHY        Whoever reads memory that may never have been touched makes it be there, page
 *            for page; and pages that MADV_GUARD_INSTALL has made kill who reads them.  (Linux
 *            6.13 and 6.14 show these as swapped; later ones tell.)
 *
 * OWNERSHIP  The buffer is the caller's: stacks may be small.
 */
#ifndef BASE_PAGEMAP_H
#define BASE_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pagemap {
	int fd;            /* -1: it cannot be read, and every page counts as there */
	uint64_t *entries; /* so many are read at a time */
	size_t entry_count;
};

void pagemap_open(struct pagemap *pagemap, uint64_t *entries, size_t entry_count);
void pagemap_close(struct pagemap *pagemap);

/* The next run of pages, from *at on, which are in memory or in swap: [*from, *at).
   False: there is none before `end`. */
bool pagemap_next(const struct pagemap *pagemap, uintptr_t *at, uintptr_t end, uintptr_t *from);

#endif
