/*
 * base/config.h - what configure chose, as constants that the compiler folds,
 * so that no function needs an #ifdef.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>

/* --enable-debug: assert what is cheap, audit what is not. */
static const bool CONFIG_DEBUG = MSTAT_DEBUG;

/* --enable-torture: small constants, and memory that the OS refuses at random. */
static const bool CONFIG_TORTURE = MSTAT_TORTURE;

/* --disable-books: no countdown, no box, nothing that only they need.  Still an
   allocator, but never shipped: bench/books measures by it what the books cost.
   Without the countdown threads come by the slow path only where a magazine is
   empty or full or an object large, so that unused memory ages by those alone;
   a magazine that is as full as at the last look counts as unused; and the
   tests that read figures fail. */
static const bool CONFIG_BOOKS = MSTAT_BOOKS;

/* --enable-sanitizers=thread: which knows of no memory but where the kernel puts it. */
#ifdef __SANITIZE_THREAD__
static const bool CONFIG_THREAD_SANITIZER = true;
#else
static const bool CONFIG_THREAD_SANITIZER = false;
#endif

#endif
