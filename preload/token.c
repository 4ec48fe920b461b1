#include "preload/token.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "heap/heap.h"
#include "preload/malloc.h"
#include "preload/process.h"
#include "tinyalloc/object.h"

enum { NO_TYPE_TOKEN = 0 };

static bool is_noscan(size_t token, size_t bytes)
{
	size_t most = process_conf.token_max;

	if (!malloc_is_ours())
		return false;
	if (most != 0)
		return token < most / 2;
	return token < SIZE_MAX / 2 && (token != NO_TYPE_TOKEN || bytes < TINY_BLOCK_BYTES);
}

/* As large as any type's that fits. */
static size_t align_of(size_t bytes)
{
	return (size_t)1 << bits_log2(bytes | 1);
}

/* malloc(0) is a new address each time. */
static void *alloc_noscan(size_t bytes)
{
	bytes = bytes != 0 ? bytes : 1;
	void *object = object_alloc_noscan(bytes, min_bytes(align_of(bytes), sizeof(uint64_t)));
	/* There may be no memory for a second set of magazines. */
	return object != NULL ? object : malloc(bytes);
}

static uint32_t family_of(size_t token, size_t bytes)
{
	return is_noscan(token, bytes) ? SIZE_FAMILY_NOSCAN : SIZE_FAMILY_PLAIN;
}

void *__alloc_token_malloc(size_t bytes, size_t token)
{
	return is_noscan(token, bytes) ? alloc_noscan(bytes) : malloc(bytes);
}

void *__alloc_token_calloc(size_t count, size_t each_bytes, size_t token)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each_bytes, &bytes) || !is_noscan(token, bytes))
		return calloc(count, each_bytes);
	if (bytes - 1 < TINY_BLOCK_BYTES - 1) {
		void *tiny = object_alloc_noscan(bytes, align_of(bytes));
		return tiny != NULL ? memset(tiny, 0, bytes) : calloc(count, each_bytes);
	}
	void *object = heap_alloc_zeroed(bytes, SIZE_FAMILY_NOSCAN);
	return object != NULL ? object : calloc(count, each_bytes);
}

void *__alloc_token_realloc(void *ptr, size_t bytes, size_t token)
{
	return ptr != NULL ? realloc(ptr, bytes) : __alloc_token_malloc(bytes, token);
}

void *__alloc_token_reallocarray(void *ptr, size_t count, size_t each_bytes, size_t token)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each_bytes, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return __alloc_token_realloc(ptr, bytes, token);
}

/* What is aligned is not combined. */
static void *alloc_aligned(size_t alignment, size_t bytes, size_t token)
{
	uint32_t family = family_of(token, bytes);

	if (!bits_is_power_of_two(alignment) || family == SIZE_FAMILY_PLAIN)
		return memalign(alignment, bytes);
	void *object = heap_alloc_aligned_hit(alignment, bytes, family);
	if (object != NULL)
		return object;
	return heap_alloc_aligned(max_bytes(alignment, SIZE_GRANULE_BYTES), bytes, family);
}

void *__alloc_token_aligned_alloc(size_t alignment, size_t bytes, size_t token)
{
	return alloc_aligned(alignment, bytes, token);
}

void *__alloc_token_memalign(size_t alignment, size_t bytes, size_t token)
{
	return alloc_aligned(alignment, bytes, token);
}

int __alloc_token_posix_memalign(void **out, size_t alignment, size_t bytes, size_t token)
{
	int saved = errno;

	if (!bits_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	void *object = alloc_aligned(alignment, bytes, token);
	errno = saved;
	if (object == NULL)
		return ENOMEM;
	*out = object;
	return 0;
}

void *__alloc_token_valloc(size_t bytes, size_t token)
{
	(void)token;
	return valloc(bytes);
}

void *__alloc_token_pvalloc(size_t bytes, size_t token)
{
	(void)token;
	return pvalloc(bytes);
}

/* What fails is asked for once more by a form without a token, which knows how to call
   the handler and to throw. */
void *_Znwm(size_t bytes);
void *_Znam(size_t bytes);
void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnamSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment, const struct nothrow *tag);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment, const struct nothrow *tag);

static void *new_noscan(size_t bytes, size_t token)
{
	return is_noscan(token, bytes) ? alloc_noscan(bytes) : NULL;
}

static void *new_aligned_noscan(size_t bytes, size_t alignment, size_t token)
{
	bool hinted = is_noscan(token, bytes) && bits_is_power_of_two(alignment);

	return hinted ? alloc_aligned(alignment, bytes, token) : NULL;
}

void *__alloc_token__Znwm(size_t bytes, size_t token)
{
	void *object = new_noscan(bytes, token);

	return object != NULL ? object : _Znwm(bytes);
}

void *__alloc_token__Znam(size_t bytes, size_t token)
{
	void *object = new_noscan(bytes, token);

	return object != NULL ? object : _Znam(bytes);
}

void *__alloc_token__ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag, size_t token)
{
	void *object = new_noscan(bytes, token);

	return object != NULL ? object : _ZnwmRKSt9nothrow_t(bytes, tag);
}

void *__alloc_token__ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag, size_t token)
{
	void *object = new_noscan(bytes, token);

	return object != NULL ? object : _ZnamRKSt9nothrow_t(bytes, tag);
}

void *__alloc_token__ZnwmSt11align_val_t(size_t bytes, size_t alignment, size_t token)
{
	void *object = new_aligned_noscan(bytes, alignment, token);

	return object != NULL ? object : _ZnwmSt11align_val_t(bytes, alignment);
}

void *__alloc_token__ZnamSt11align_val_t(size_t bytes, size_t alignment, size_t token)
{
	void *object = new_aligned_noscan(bytes, alignment, token);

	return object != NULL ? object : _ZnamSt11align_val_t(bytes, alignment);
}

void *__alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag, size_t token)
{
	void *object = new_aligned_noscan(bytes, alignment, token);

	return object != NULL ? object
			      : _ZnwmSt11align_val_tRKSt9nothrow_t(bytes, alignment, tag);
}

void *__alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag, size_t token)
{
	void *object = new_aligned_noscan(bytes, alignment, token);

	return object != NULL ? object
			      : _ZnamSt11align_val_tRKSt9nothrow_t(bytes, alignment, tag);
}
