/*
 * tools/resident.h - what a process's resident memory is made of, by the
 * kernel's own figures.
 *
 * WHY        Books that add up to RSS need a second opinion on the heap and the
 *            only opinion on all that is not heap.
 *
 * INVARIANT  rss_bytes of every mapping is counted in exactly one of the fields.
 */
#ifndef TOOLS_RESIDENT_H
#define TOOLS_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/books.h"
#include "tools/mappings.h"

struct resident {
	uint64_t heap_mapped_bytes; /* of the heap's pages and tables: address space */
	uint64_t heap_bytes;        /* of them resident */
	uint64_t heap_swap_bytes;
	uint64_t box_bytes;
	uint64_t program_bytes;     /* program and libraries, with their data */
	uint64_t stack_bytes;
	uint64_t brk_bytes;
	uint64_t anonymous_bytes;   /* other private memory */
	uint64_t shared_bytes;      /* other shared memory and files */
	uint64_t swap_bytes;        /* of the whole process */
	uint64_t rss_bytes;         /* as the kernel adds it up */
};

/* False with errno where the kernel does not let us look. */
bool resident_read(pid_t pid, const struct books *books, struct resident *resident);

/* The same from mappings at hand; rss_bytes becomes their sum. */
void resident_sum(const struct mappings *mappings, const struct books *books,
	struct resident *resident);

#endif
