/*
 * kernel.h - the kernel as the library under test sees it, but as the model wants it:
 * it refuses memory when it is told to, and its coarse clocks are the model's.
 *
 * WHY        mmap() and its kin, defined in the program, stand before libc's for whoever
 *            calls them by name, and mstat_test_kernel() for the kernel where the library
 *            asks that itself (base/syscall.h); libc goes by neither, so that making a
 *            thread never fails by it.  No limit of the process would be as exact: a
 *            refusal is for the calling thread and its next calls alone.
 *
 * RULE       What is refused is what the kernel may refuse: memory (ENOMEM), an address
 *            (EEXIST: somebody else has it), giving memory back (EINVAL: it is locked).
 *            Pages on their way from one place to another are not lost.
 *
 * CHANCE     The 16 random bytes that the loader gives each process are the environment's
 *            MODEL_PLACE, if it has one: then the heap lies where it lay before.
 *
 * CLOCKS     CLOCK_MONOTONIC_COARSE and CLOCK_REALTIME_COARSE stand still but for
 *            kernel_clock_advance(): what the library does with time is done at a step, not
 *            at a time.
 */
#ifndef TESTS_MODEL_KERNEL_H
#define TESTS_MODEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kernel_kind {
	KERNEL_MAP = 1,     /* mmap */
	KERNEL_PLACE = 2,   /* mmap at a free address: it is taken */
	KERNEL_COMMIT = 4,  /* mprotect */
	KERNEL_MOVE = 8,    /* mremap */
	KERNEL_RELEASE = 16 /* madvise that gives back */
};

/* Of the calling thread's next calls of these kinds: `skip` are done, then `count`
   refused.  0 kinds: none. */
void kernel_refuse(unsigned kinds, uint32_t skip, uint32_t count);

/* While more than so many bytes were mapped since the start, mmap() is refused to all;
   0: no such limit. */
void kernel_limit(size_t bytes);
size_t kernel_mapped_bytes(void);

/* How often the calling thread was refused something, by the model or by the kernel. */
uint64_t kernel_refusals(void);

/* The process's calls of all kinds so far; the call of this number is refused, and one
   that is for the environment's MODEL_REFUSE_AT. */
uint64_t kernel_calls(void);

/* How many of them the model refused. */
uint64_t kernel_refused(void);

void kernel_clock_advance(uint64_t ns);

/* Memory for the model itself, which the model never refuses; it ends the process if the
   kernel does. */
void *kernel_memory(size_t bytes);

#endif
