/*
 * base/syscall.h - system calls past libc.
 *
 * WHY        mmap(), madvise() and their like are functions that any library of the
 *            program may define: wrappers of them allocate, look up symbols, take locks.
 *            Called while one of the heap's locks is held such a wrapper would wait for
 *            its own thread for ever.  So the heap asks the kernel itself.
 *
 * Returns what the kernel does: below zero and above -4096 an error's number, negated.
 * errno is not touched.
 */
#ifndef BASE_SYSCALL_H
#define BASE_SYSCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/compiler.h"

enum { SYSCALL_ERRORS = 4095 };

/* What tests the library (tests/model) stands in for the kernel by this name. */
EXPORT long mstat_test_kernel(long number, long a, long b, long c, long d, long e, long f)
	__attribute__((weak));

static inline bool syscall_is_tested(void)
{
	return mstat_test_kernel != NULL;
}

long syscall_of_kernel(long number, long a, long b, long c, long d, long e, long f);

static inline bool syscall_failed(long result)
{
	return (unsigned long)result >= (unsigned long)-SYSCALL_ERRORS;
}

#endif
