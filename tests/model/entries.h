/*
 * entries.h - every way there is to ask for an object, to resize one and to end it.
 *
 * WHY        A step of the model chooses a row of a table and checks what the row says
 *            that it must get: alignment, zeroes, errno.
 *
 * RULE       An object is ended by its own family: what new[] made by delete[].  What the
 *            process does not have - it runs on another allocator - is no row of it.
 */
#ifndef TESTS_MODEL_ENTRIES_H
#define TESTS_MODEL_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is asked for, and what came of it. */
struct request {
	size_t bytes;       /* at least; of an array count times its share */
	size_t count;
	size_t align_bytes; /* for those that take one: then what must be */
	size_t token;
	unsigned hints;     /* enum of mstat.h */
	bool is_odd;        /* the alignment is no power of two: then no hint counts */
	bool may_relieve;   /* the new-handler finds memory, once */
	bool has_thrown;
	int error;          /* what posix_memalign() returned */
};

enum family { FAMILY_C, FAMILY_NEW, FAMILY_ARRAY, FAMILY_NEW_ALIGNED, FAMILY_ARRAY_ALIGNED };

/* How it says that there is no memory. */
enum failure { FAILS_ERRNO, FAILS_RETURN, FAILS_THROW, FAILS_NULL };

enum hinting { HINTING_NONE, HINTING_FLAGS, HINTING_TOKEN, HINTING_STRING };

/* By which of C23's sized frees it may end. */
enum sizing { SIZING_NONE, SIZING_PLAIN, SIZING_ALIGNED };

struct maker {
	const char *name;
	void *(*make)(struct request *request);
	enum family family;
	enum failure failure;
	enum hinting hinting;
	enum sizing sizing;
	bool takes_align;
	bool needs_power;   /* of two, the alignment */
	bool zeroes;
	bool is_array;      /* of count */
};

struct ender {
	const char *name;
	void (*end)(void *ptr, size_t bytes, size_t align_bytes);
	enum family family;
	enum sizing sizing; /* what it needs */
	bool is_there;
};

struct resizer {
	const char *name;
	void *(*resize)(void *ptr, struct request *request);
};

/* Before anything else: which rows are there. */
void entries_init(void);

const struct maker *maker_of(uint64_t number);
const struct resizer *resizer_of(uint64_t number);
const struct ender *ender_of(uint64_t number, enum family family,
	enum sizing sizing);

/* Calls never(name) for each that was not chosen yet. */
void entries_never(void (*never)(const char *name));

/* make(), with a bad_alloc caught. */
void *entry_catch(void *(*make)(struct request *request), struct request *request);

/* The new-handler: from a request that it may relieve on, the kernel refuses nothing any
   more, once; else it throws. */
void entry_handler_install(void);

#endif
