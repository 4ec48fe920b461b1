/*
 * preload/token.h - what a program compiled with clang's -fsanitize=alloc-token
 * calls instead of malloc and new: the same, with a number for the type.
 *
 * WHY        The compiler knows which types hold pointers.  In its default mode
 *            (typehashpointersplit) the lower half of the numbers is of types that
 *            hold none.
 *
 * RULE       The number of the half: that of the compiler's -falloc-token-max, which
 *            MSTAT_CONF=token_max:N repeats, by two.  Number 0 is also what the compiler
 *            gives where it found no type at all; without a token_max it is that and
 *            nothing else, and then only what is combined (below 16 bytes) counts as of
 *            no pointers.  Objects are aligned as malloc's must be: to the largest power
 *            of two that is not above their size, 16 at most.
 *
 * The names are clang's: https://clang.llvm.org/docs/AllocToken.html.  Of each line that
 * begins with "EXPORT" here token_fast.awk makes the form without the argument.
 */
#ifndef PRELOAD_TOKEN_H
#define PRELOAD_TOKEN_H

#include <stddef.h>

#include "base/compiler.h"

struct nothrow; /* std::nothrow_t */

EXPORT void *__alloc_token_malloc(size_t bytes, size_t token);
EXPORT void *__alloc_token_calloc(size_t count, size_t each_bytes, size_t token);
EXPORT void *__alloc_token_realloc(void *ptr, size_t bytes, size_t token);
EXPORT void *__alloc_token_reallocarray(void *ptr, size_t count, size_t each_bytes, size_t token);
EXPORT void *__alloc_token_aligned_alloc(size_t alignment, size_t bytes, size_t token);
EXPORT void *__alloc_token_memalign(size_t alignment, size_t bytes, size_t token);
EXPORT int __alloc_token_posix_memalign(void **out, size_t alignment, size_t bytes, size_t token);
EXPORT void *__alloc_token_valloc(size_t bytes, size_t token);
EXPORT void *__alloc_token_pvalloc(size_t bytes, size_t token);
EXPORT void *__alloc_token__Znwm(size_t bytes, size_t token);
EXPORT void *__alloc_token__Znam(size_t bytes, size_t token);
EXPORT void *__alloc_token__ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag, size_t token);
EXPORT void *__alloc_token__ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag, size_t token);
EXPORT void *__alloc_token__ZnwmSt11align_val_t(size_t bytes, size_t alignment, size_t token);
EXPORT void *__alloc_token__ZnamSt11align_val_t(size_t bytes, size_t alignment, size_t token);
EXPORT void *__alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment, const struct nothrow *tag, size_t token);
EXPORT void *__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment, const struct nothrow *tag, size_t token);

#endif
