/*
 * tools/books.h - the books of one process at one moment, wherever they were
 * read: from its box, from its memory, from a dump.
 *
 * WHY        What is printed, compared and written as JSON does not depend on
 *            the source.
 *
 * INVARIANT  For every class, in objects,
 *                live + in magazines + free in spans <= what its spans hold
 *            and the totals are the sums that mstat.h states.
 *
 * OWNERSHIP  books_free() frees the threads.
 */
#ifndef TOOLS_BOOKS_H
#define TOOLS_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/mstat.h"
#include "stats/box_layout.h"

enum books_exactness {
	BOOKS_EXACT,     /* the magazines themselves were read, or a dump wrote them */
	BOOKS_PUBLISHED  /* behind by at most a magazine a class and thread */
};

struct books_class {
	uint64_t size_bytes;
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t live_objects;
	uint64_t magazine_objects;
	uint64_t span_free_objects;
	uint64_t span_count;
	uint64_t span_bytes;      /* of all of them */
	uint64_t sampled_objects;
	uint64_t sampled_bytes;
};

struct books_thread {
	int64_t tid;
	bool is_live;
	char name[64];
	int64_t alloc;
	uint64_t total_alloc;
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t magazine_bytes;
	bool has_magazines;      /* else magazine_bytes is not known */
	uint64_t stack_address;  /* 0: not known */
};

struct books_event {
	uint64_t sequence;
	uint64_t realtime_ns;
	int64_t tid;
	uint64_t kind;           /* enum box_event_kind */
	char text[256];
	uint32_t allocated_at;   /* the object that it is about, by frames; 0: not known */
	uint32_t freed_at;
};

struct books {
	/* Whose */
	int64_t pid;              /* as the process sees itself */
	uint64_t start_ticks;
	uint64_t realtime_ns;     /* of the last publishing, or of the dump */
	char version[32];         /* of the library */
	char exe[BOX_EXE_BYTES + 1];
	char command[BOX_CMDLINE_BYTES + 1]; /* "" if not known */

	enum books_exactness exactness;
	uint32_t damaged_parts;   /* of the box: their figures are missing */
	uint64_t hidden_threads;  /* came when all slots were taken: no rows */

	struct mstat_snapshot totals; /* by_size is not used */
	bool has_peak;                /* the next four: a box has them, a dump has not */
	uint64_t peak_heap_inuse;
	uint64_t large_objects;
	uint64_t out_of_memory_count;
	uint64_t start_realtime_ns;
	const char *check;            /* the mode's name; NULL, and the next two 0: none, or a dump */
	uint64_t retired_bytes;       /* freed objects that wait; of totals.span_free_bytes */
	uint64_t check_bytes;         /* what is written down of objects */

	uint32_t class_count;         /* class 0 included */
	struct books_class classes[BOX_CLASSES_MAX];
	struct books_thread *threads;
	size_t thread_count;
	struct books_event events[BOX_EVENTS_MAX]; /* oldest first */
	size_t event_count;

	/* Where its memory is, for the mappings; 0 in a dump */
	uint64_t heap_address;
	uint64_t heap_span_bytes;
	uint64_t metadata_address;
	uint64_t metadata_span_bytes;
};

/* What rounding up to classes costs the live objects, from the sizes that were
   sampled; *sampled is how many. */
uint64_t books_rounding_bytes(const struct books *books, uint64_t *sampled);

uint64_t books_class_live_bytes(const struct books_class *row);

/* The part of its spans' room that live objects take, free if never used. */
uint64_t books_class_span_bytes(const struct books_class *row);

/* Free in spans in bytes, with what carving leaves over. */
uint64_t books_class_free_bytes(const struct books_class *row);

/* Rows by what they allocated, the living first; free()d by the caller.  NULL: no memory. */
const struct books_thread **books_threads_by_bytes(const struct books *books);

/* What an event is, in a word. */
const char *books_event_word(const struct books_event *event);

void books_free(struct books *books);

#endif
