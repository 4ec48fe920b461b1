/*
 * preload/malloc.c - libc's malloc family, with glibc's semantics where they
 * are more than the standard's.
 *
 * WHY        Programs were tested against glibc: realloc(p, 0) frees, memalign
 *            rounds an odd alignment up, free() keeps errno, anything above
 *            PTRDIFF_MAX is refused.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "preload/malloc.h"
#include "tinyalloc/object.h"
#include "tinyalloc/sized.h"

EXPORT LINE_ALIGNED void *malloc(size_t bytes)
{
	return heap_alloc(bytes);
}

EXPORT LINE_ALIGNED void free(void *ptr)
{
	object_free(ptr);
}

EXPORT void cfree(void *ptr);
EXPORT void cfree(void *ptr)
{
	object_free(ptr);
}

/* C23: the size and alignment are what the program believes.  By the name: it
   may have a malloc of its own that does not know of these. */
EXPORT void free_sized(void *ptr, size_t bytes);
EXPORT void free_sized(void *ptr, size_t bytes)
{
	if (malloc_is_ours())
		sized_expect_resized(ptr, bytes, "free_sized", __builtin_return_address(0));
	free(ptr);
}

EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t bytes);
EXPORT void free_aligned_sized(void *ptr, size_t alignment, size_t bytes)
{
	if (malloc_is_ours())
		sized_expect(ptr, bytes, alignment, "free_aligned_sized",
			__builtin_return_address(0));
	free(ptr);
}

static COLD void *refuse(int error)
{
	errno = error;
	return NULL;
}

EXPORT LINE_ALIGNED void *calloc(size_t count, size_t each_bytes)
{
	size_t bytes;

	if (UNLIKELY(__builtin_mul_overflow(count, each_bytes, &bytes)))
		return refuse(ENOMEM);
	return heap_alloc_zeroed(bytes, SIZE_FAMILY_PLAIN);
}

static ALWAYS_INLINE void *resize(void *ptr, size_t bytes, const void *caller)
{
	if (ptr == NULL)
		return heap_alloc(bytes);
	if (bytes == 0) {
		object_free_for(ptr, caller);
		return NULL;
	}
	return object_realloc(ptr, bytes, caller);
}

EXPORT LINE_ALIGNED NOINLINE void *realloc(void *ptr, size_t bytes)
{
	return resize(ptr, bytes, __builtin_return_address(0));
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t each_bytes)
{
	size_t bytes;

	if (UNLIKELY(__builtin_mul_overflow(count, each_bytes, &bytes)))
		return refuse(ENOMEM);
	return realloc(ptr, bytes); /* the program's, if it has its own: as glibc's does */
}

/* glibc takes any alignment: the next power of two. */
static NOINLINE void *memalign_slow(size_t alignment, size_t bytes)
{
	if (alignment > SIZE_MAX / 2 + 1)
		return refuse(EINVAL);
	if (alignment < SIZE_GRANULE_BYTES)
		alignment = SIZE_GRANULE_BYTES;
	if (!bits_is_power_of_two(alignment))
		alignment = (size_t)2 << bits_log2(alignment);
	return heap_alloc_aligned(alignment, bytes, SIZE_FAMILY_PLAIN);
}

static ALWAYS_INLINE void *align(size_t alignment, size_t bytes)
{
	void *object = heap_alloc_aligned_hit(alignment, bytes, SIZE_FAMILY_PLAIN);

	return LIKELY(object != NULL) ? object : memalign_slow(alignment, bytes);
}

EXPORT LINE_ALIGNED void *memalign(size_t alignment, size_t bytes)
{
	return align(alignment, bytes);
}

EXPORT LINE_ALIGNED void *aligned_alloc(size_t alignment, size_t bytes)
{
	return align(alignment, bytes);
}

static NOINLINE int posix_memalign_slow(void **out, size_t alignment, size_t bytes)
{
	int saved = errno;

	if (!bits_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	void *object = memalign_slow(alignment, bytes);
	errno = saved;
	if (object == NULL)
		return ENOMEM;
	*out = object;
	return 0;
}

EXPORT LINE_ALIGNED int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	void *object = heap_alloc_aligned_hit(alignment, bytes, SIZE_FAMILY_PLAIN);

	if (UNLIKELY(object == NULL))
		return posix_memalign_slow(out, alignment, bytes);
	*out = object;
	return 0;
}

EXPORT void *valloc(size_t bytes)
{
	return align(os_page_bytes(), bytes);
}

EXPORT void *pvalloc(size_t bytes)
{
	size_t rounded;

	if (__builtin_add_overflow(bytes, os_page_bytes() - 1, &rounded))
		return refuse(ENOMEM);
	return align(os_page_bytes(), bits_round_down(rounded, os_page_bytes()));
}

EXPORT size_t malloc_usable_size(void *ptr)
{
	return object_usable_bytes(ptr, __builtin_return_address(0));
}

/* Names that programs of glibc's time before these were public bind to. */
EXPORT void *__libc_malloc(size_t bytes) ALIAS_OF(malloc);
EXPORT void *__libc_calloc(size_t count, size_t each_bytes) ALIAS_OF(calloc);
EXPORT void *__libc_realloc(void *ptr, size_t bytes) ALIAS_OF(realloc);
EXPORT void __libc_free(void *ptr) ALIAS_OF(free);
EXPORT void *__libc_memalign(size_t alignment, size_t bytes) ALIAS_OF(memalign);
EXPORT void *__libc_valloc(size_t bytes) ALIAS_OF(valloc);
EXPORT void *__libc_pvalloc(size_t bytes) ALIAS_OF(pvalloc);
EXPORT int __posix_memalign(void **out, size_t alignment, size_t bytes) ALIAS_OF(posix_memalign);

/*
 * By names within this file, which nobody else can define.  Volatile, so that the
 * compiler does not believe them to be the bound ones.
 */
static void *malloc_of_ours(size_t bytes) OWN_NAME_OF(malloc);
static void free_of_ours(void *ptr) OWN_NAME_OF(free);
static void *calloc_of_ours(size_t count, size_t each_bytes) OWN_NAME_OF(calloc);
static void *realloc_of_ours(void *ptr, size_t bytes) OWN_NAME_OF(realloc);
static void *reallocarray_of_ours(void *ptr, size_t count, size_t each_bytes)
	OWN_NAME_OF(reallocarray);
static void *memalign_of_ours(size_t alignment, size_t bytes) OWN_NAME_OF(memalign);
static int posix_memalign_of_ours(void **out, size_t alignment, size_t bytes)
	OWN_NAME_OF(posix_memalign);
static void *valloc_of_ours(size_t bytes) OWN_NAME_OF(valloc);
static void *pvalloc_of_ours(size_t bytes) OWN_NAME_OF(pvalloc);
static size_t usable_of_ours(void *ptr) OWN_NAME_OF(malloc_usable_size);

static void *(*const volatile our_malloc)(size_t) = malloc_of_ours;
static void (*const volatile our_free)(void *) = free_of_ours;

bool malloc_is_ours(void)
{
	return malloc == our_malloc && free == our_free;
}

const struct malloc_name malloc_names[] = {
	{"malloc", malloc_of_ours},
	{"free", free_of_ours},
	{"calloc", calloc_of_ours},
	{"realloc", realloc_of_ours},
	{"reallocarray", reallocarray_of_ours},
	{"memalign", memalign_of_ours},
	{"aligned_alloc", memalign_of_ours},
	{"posix_memalign", posix_memalign_of_ours},
	{"valloc", valloc_of_ours},
	{"pvalloc", pvalloc_of_ours},
	{"cfree", free_of_ours},
	{"malloc_usable_size", usable_of_ours},
	{"__libc_malloc", malloc_of_ours},
	{"__libc_free", free_of_ours},
	{"__libc_calloc", calloc_of_ours},
	{"__libc_realloc", realloc_of_ours},
	{"__libc_memalign", memalign_of_ours},
	{NULL, NULL},
};
