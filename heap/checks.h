/*
 * heap/checks.h - what a checked process does with its objects instead of handing them out
 * as they are.
 *
 * WHY        All that looks at what a program does with its memory costs more than an
 *            allocation does.  A process is checked or is not, from its first objects on: in
 *            a checked one no thread's cache is seen by the fast path (cache_hide()) and
 *            every span reads class 0 in the class map, so that each call takes the slow path,
 *            and there goes this way.  The fast path knows nothing of it.
 *
 * LOCKING    Those that say nothing else: no lock held.
 */
#ifndef HEAP_CHECKS_H
#define HEAP_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "heap/span.h"
#include "stats/box_layout.h"

struct heap_checks {
	/* An object of a family; align_bytes is a power of two, 1 for none asked for.  NULL with
	   ENOMEM. */
	void *(*alloc)(size_t bytes, size_t align_bytes, uint32_t family, bool is_zeroed);

	/* One that is there already and was not handed out yet: of tail_bytes more than `bytes`. */
	void (*adopt)(void *object, size_t bytes);

	/* With all that is tied to it; ptr may be NULL.  errno is as before. */
	void (*free)(void *ptr, const void *caller);

	/* As realloc(); ptr is not NULL, bytes not 0. */
	void *(*resize)(void *ptr, size_t bytes, const void *caller);

	/* To fewer bytes where it is. */
	void (*shrink)(void *ptr, size_t bytes);

	/* What was asked for. */
	size_t (*usable_bytes)(const void *ptr, const char *call, const void *caller);

	/* The same of the object that an address lies in, free or not, or else what it takes. */
	size_t (*object_bytes)(const struct span *span, const void *ptr);

	/* The frame (profile/frames.h) that a live object was allocated at; 0: not known. */
	uint32_t (*allocated_at)(const struct span *span, const void *object);

	/* align_bytes 0: none is said. */
	void (*expect)(const void *ptr, size_t bytes, size_t align_bytes, const char *call,
		const void *caller);

	/* There is no memory: some of what waits goes.  False: nothing does. */
	bool (*reclaim)(void);

	/* A small span is new.  False: there is no memory to check it with.  Its class's lock
	   and the page heap's held. */
	bool (*span_opened)(struct span *span);

	/* Of bytes [from, to) of it nothing will be left.  Its class's lock held. */
	void (*span_released)(const struct span *span, size_t from, size_t to);

	size_t tail_bytes;

	/* How much memory is taken by what is written down of objects. */
	size_t (*table_bytes)(void);
};

/* What MSTAT_CONF asks for, and holds; set with the next two. */
extern HIDDEN enum box_check_mode heap_check_mode;

/* NULL: the process is not checked.  Set once, before it has a second thread. */
extern HIDDEN const struct heap_checks *heap_checks;

/* In a process that is else unchecked some samples are large objects that are placed
   (heap/large.h), beside pages that nobody may touch. */
struct heap_sample_checks {
	/* A sample that nobody has yet, of a size class, or another that stands for it and is
	   large, while it went back as if it had never been.  No lock held. */
	void *(*place)(void *object, uint32_t class, size_t bytes);

	/* Of one of these: fatal if it was written to beside it. */
	void (*expect)(const void *ptr, const char *call, const void *caller);

	/* errno is as before. */
	void (*free)(void *ptr, const void *caller);

	/* Of an address that no object begins at: fatal if it is known what did. */
	void (*misuse)(const void *ptr, const char *call, const void *caller);

	bool (*reclaim)(void);

	size_t (*table_bytes)(void);
};

/* NULL: there are none of them.  Set once, before the process has a second thread. */
extern HIDDEN const struct heap_sample_checks *heap_sample_checks;

/* Slots at a span's begin that are nobody's: what is written before the first object is found
   as it is before any other. */
static inline uint32_t heap_checks_lead(uint32_t objects)
{
	return heap_checks != NULL && objects >= 8;
}

#endif
