/*
 * names.h - the functions that are called by names which no header declares.
 *
 * The library's own are weak: another allocator does not have them.
 */
#ifndef TESTS_MODEL_NAMES_H
#define TESTS_MODEL_NAMES_H

#include <stddef.h>

#include "include/mstat.h"

extern const char _ZSt7nothrow; /* std::nothrow */

void *_Znwm(size_t);
void *_Znam(size_t);
void *_ZnwmRKSt9nothrow_t(size_t, const void *);
void *_ZnamRKSt9nothrow_t(size_t, const void *);
void *_ZnwmSt11align_val_t(size_t, size_t);
void *_ZnamSt11align_val_t(size_t, size_t);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void *);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void *);
void _ZdlPv(void *);
void _ZdaPv(void *);
void _ZdlPvm(void *, size_t);
void _ZdaPvm(void *, size_t);
void _ZdlPvRKSt9nothrow_t(void *, const void *);
void _ZdaPvRKSt9nothrow_t(void *, const void *);
void _ZdlPvSt11align_val_t(void *, size_t);
void _ZdaPvSt11align_val_t(void *, size_t);
void _ZdlPvmSt11align_val_t(void *, size_t, size_t);
void _ZdaPvmSt11align_val_t(void *, size_t, size_t);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *, size_t, const void *);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *, size_t, const void *);

void free_sized(void *, size_t);
void free_aligned_sized(void *, size_t, size_t);
void cfree(void *);
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);
void *__alloc_token_malloc(size_t, size_t);
void *__alloc_token_calloc(size_t, size_t, size_t);
void *__alloc_token_realloc(void *, size_t, size_t);
void *__alloc_token_reallocarray(void *, size_t, size_t, size_t);
void *__alloc_token_aligned_alloc(size_t, size_t, size_t);
void *__alloc_token_memalign(size_t, size_t, size_t);
int __alloc_token_posix_memalign(void **, size_t, size_t, size_t);
void *__alloc_token_valloc(size_t, size_t);
void *__alloc_token_pvalloc(size_t, size_t);
void *__alloc_token__Znwm(size_t, size_t);
void *__alloc_token__Znam(size_t, size_t);
void *__alloc_token__ZnwmRKSt9nothrow_t(size_t, const void *, size_t);
void *__alloc_token__ZnamRKSt9nothrow_t(size_t, const void *, size_t);
void *__alloc_token__ZnwmSt11align_val_t(size_t, size_t, size_t);
void *__alloc_token__ZnamSt11align_val_t(size_t, size_t, size_t);
void *__alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void *, size_t);
void *__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(size_t, size_t, const void *, size_t);

#pragma weak mstat_alloc
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak cfree
#pragma weak __alloc_token_malloc
#pragma weak __alloc_token_calloc
#pragma weak __alloc_token_realloc
#pragma weak __alloc_token_reallocarray
#pragma weak __alloc_token_aligned_alloc
#pragma weak __alloc_token_memalign
#pragma weak __alloc_token_posix_memalign
#pragma weak __alloc_token_valloc
#pragma weak __alloc_token_pvalloc
#pragma weak __alloc_token__Znwm
#pragma weak __alloc_token__Znam
#pragma weak __alloc_token__ZnwmRKSt9nothrow_t
#pragma weak __alloc_token__ZnamRKSt9nothrow_t
#pragma weak __alloc_token__ZnwmSt11align_val_t
#pragma weak __alloc_token__ZnamSt11align_val_t
#pragma weak __alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t
#pragma weak __alloc_token__ZnamSt11align_val_tRKSt9nothrow_t

#pragma weak mstat_snapshot
#pragma weak mstat_thread_snapshot
#pragma weak mstat_lookup
#pragma weak mstat_dump
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set
#pragma weak mstat_finalizer_clear

#endif
