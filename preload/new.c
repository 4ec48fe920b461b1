/*
 * preload/new.c - every form of C++'s operator new and delete, in C.
 *
 * WHY        The library needs libc alone, yet a failed new must call the
 *            program's new-handler and throw its bad_alloc.  The program's own
 *            C++ runtime knows how: its operator new is asked to do what we
 *            could not.  It allocates
 *            through malloc, that is from us, fails likewise, and goes on to
 *            the handler and the throw.
 *
 *            A program may replace some forms.  The standard then has the
 *            others go by those, and so they do: what the dynamic linker bound
 *            their names to is what is called here, ours or the program's.
 *
 * The names are the Itanium ABI's, with size_t as `m`.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "preload/new.h"
#include "tinyalloc/object.h"
#include "tinyalloc/sized.h"

struct nothrow; /* std::nothrow_t */

static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1"};

enum { RUNTIME_COUNT = sizeof(runtimes) / sizeof(runtimes[0]) };

static COLD bool is_of_runtime(const void *function)
{
	Dl_info info;

	if (function == NULL || dladdr(function, &info) == 0 || info.dli_fname == NULL)
		return false;
	const char *slash = strrchr(info.dli_fname, '/');
	const char *name = slash != NULL ? slash + 1 : info.dli_fname;
	for (size_t i = 0; i < RUNTIME_COUNT; i++)
		if (strcmp(name, runtimes[i]) == 0)
			return true;
	return false;
}

/* The next definition may be another allocator's, which has memory of its own.  dlopen()
   allocates. */
static COLD void *runtime_symbol(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name), *found = is_of_runtime(next) ? next : NULL;

	for (size_t i = 0; found == NULL && i < RUNTIME_COUNT; i++) {
		void *handle = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
		if (handle != NULL)
			found = dlsym(handle, name);
	}
	return found != NULL ? found : next;
}

static COLD void *no_runtime(void)
{
	fatal("operator new: out of memory, and no C++ runtime to throw bad_alloc");
}

static COLD void *plain_failed(const char *name, size_t bytes)
{
	void *(*next)(size_t) = (void *(*)(size_t))runtime_symbol(name);

	return next != NULL ? next(bytes) : no_runtime();
}

static COLD void *nothrow_failed(const char *name, size_t bytes, const struct nothrow *tag)
{
	void *(*next)(size_t, const struct nothrow *) =
		(void *(*)(size_t, const struct nothrow *))runtime_symbol(name);

	return next != NULL ? next(bytes, tag) : NULL;
}

/* libstdc++'s, to version 12, rounds the size up to the alignment without a look at what
   comes of it: the largest ones come round to none at all. */
static size_t without_wrap(size_t bytes)
{
	return min_bytes(bytes, PTRDIFF_MAX);
}

static COLD void *aligned_failed(const char *name, size_t bytes, size_t alignment)
{
	void *(*next)(size_t, size_t) = (void *(*)(size_t, size_t))runtime_symbol(name);

	return next != NULL ? next(without_wrap(bytes), alignment) : no_runtime();
}

static COLD void *aligned_nothrow_failed(const char *name, size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	void *(*next)(size_t, size_t, const struct nothrow *) =
		(void *(*)(size_t, size_t, const struct nothrow *))runtime_symbol(name);

	return next != NULL ? next(without_wrap(bytes), alignment, tag) : NULL;
}

static NOINLINE void *new_slow(size_t bytes)
{
	void *object = heap_alloc_slow(bytes);

	return LIKELY(object != NULL) ? object : plain_failed("_Znwm", bytes);
}

/* An alignment that is no power of two is undefined; it must not loop. */
static void *aligned(size_t bytes, size_t alignment)
{
	void *object = heap_alloc_aligned_hit(alignment, bytes, SIZE_FAMILY_PLAIN);

	if (LIKELY(object != NULL))
		return object;
	if (!bits_is_power_of_two(alignment))
		return NULL;
	if (alignment < SIZE_GRANULE_BYTES)
		alignment = SIZE_GRANULE_BYTES;
	return heap_alloc_aligned(alignment, bytes, SIZE_FAMILY_PLAIN);
}

/* What the other forms go by.  Never inlined: the name decides. */
EXPORT NOINLINE void *_Znwm(size_t bytes);
EXPORT NOINLINE void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
EXPORT NOINLINE void *_Znam(size_t bytes);
EXPORT NOINLINE void *_ZnamSt11align_val_t(size_t bytes, size_t alignment);
EXPORT NOINLINE void _ZdlPv(void *ptr);
EXPORT NOINLINE void _ZdaPv(void *ptr);
EXPORT NOINLINE void _ZdlPvSt11align_val_t(void *ptr, size_t alignment);
EXPORT NOINLINE void _ZdaPvSt11align_val_t(void *ptr, size_t alignment);

EXPORT LINE_ALIGNED void *_Znwm(size_t bytes)
{
	return heap_alloc_or(bytes, new_slow);
}

EXPORT LINE_ALIGNED void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment)
{
	void *object = aligned(bytes, alignment);

	return LIKELY(object != NULL) ? object
				      : aligned_failed("_ZnwmSt11align_val_t", bytes, alignment);
}

EXPORT LINE_ALIGNED void *_Znam(size_t bytes)
{
	return _Znwm(bytes);
}

EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment)
{
	return _ZnwmSt11align_val_t(bytes, alignment);
}

/*
 * A form that does not throw goes by one that does, and C cannot catch: where
 * that one is the program's, its own runtime does it.  By the names within this
 * file: volatile, so that the compiler does not believe them to be the bound ones.
 */
static void *new_of_ours(size_t bytes) OWN_NAME_OF(_Znwm);
static void *new_array_of_ours(size_t bytes) OWN_NAME_OF(_Znam);
static void *new_aligned_of_ours(size_t bytes, size_t alignment)
	OWN_NAME_OF(_ZnwmSt11align_val_t);
static void *new_array_aligned_of_ours(size_t bytes, size_t alignment)
	OWN_NAME_OF(_ZnamSt11align_val_t);

static void *(*const volatile plain_forms[])(size_t) = {new_of_ours, new_array_of_ours};
static void *(*const volatile aligned_forms[])(size_t, size_t) = {
	new_aligned_of_ours, new_array_aligned_of_ours};

static bool are_plain_ours(void)
{
	return _Znwm == plain_forms[0] && _Znam == plain_forms[1];
}

static bool are_aligned_ours(void)
{
	return _ZnwmSt11align_val_t == aligned_forms[0] &&
		_ZnamSt11align_val_t == aligned_forms[1];
}

static void *nothrow(const char *name, size_t bytes, const struct nothrow *tag)
{
	void *object = are_plain_ours() ? heap_alloc(bytes) : NULL;

	return LIKELY(object != NULL) ? object : nothrow_failed(name, bytes, tag);
}

static void *aligned_nothrow(const char *name, size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	void *object = are_aligned_ours() ? aligned(bytes, alignment) : NULL;

	return LIKELY(object != NULL) ? object
				      : aligned_nothrow_failed(name, bytes, alignment, tag);
}

EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag)
{
	return nothrow("_ZnwmRKSt9nothrow_t", bytes, tag);
}

EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag)
{
	return nothrow("_ZnamRKSt9nothrow_t", bytes, tag);
}

EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag);
EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	return aligned_nothrow("_ZnwmSt11align_val_tRKSt9nothrow_t", bytes, alignment, tag);
}

EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag);
EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	return aligned_nothrow("_ZnamSt11align_val_tRKSt9nothrow_t", bytes, alignment, tag);
}

EXPORT LINE_ALIGNED void _ZdlPv(void *ptr)
{
	object_free(ptr);
}

EXPORT LINE_ALIGNED void _ZdaPv(void *ptr)
{
	_ZdlPv(ptr);
}

static NOINLINE void misaligned(void *ptr, size_t alignment)
{
	sized_expect_aligned(ptr, alignment, "operator delete", __builtin_return_address(0));
	object_free(ptr);
}

EXPORT void _ZdlPvSt11align_val_t(void *ptr, size_t alignment)
{
	if (UNLIKELY(((uintptr_t)ptr & (alignment - 1)) != 0))
		misaligned(ptr, alignment);
	else
		object_free(ptr);
}

EXPORT void _ZdaPvSt11align_val_t(void *ptr, size_t alignment)
{
	_ZdlPvSt11align_val_t(ptr, alignment);
}

/*
 * Sized: what the program says of the object is compared with it, if it came from operator
 * new of ours; then it goes the way of the others.
 */
static void delete_of_ours(void *ptr) OWN_NAME_OF(_ZdlPv);
static void delete_array_of_ours(void *ptr) OWN_NAME_OF(_ZdaPv);

static void (*const volatile delete_forms[])(void *) = {delete_of_ours, delete_array_of_ours};

/* Sizes below it may be freed on the spot: none, if a form is the program's. */
static size_t sized_end_bytes;

void new_init(void)
{
	if (are_plain_ours() && _ZdlPv == delete_forms[0] && _ZdaPv == delete_forms[1])
		sized_end_bytes = SMALL_MAX_BYTES + 1;
}

static ALWAYS_INLINE bool sized_hits(void *ptr, size_t bytes)
{
	uint32_t class = heap_mapped_class(ptr);

	return LIKELY(bytes < sized_end_bytes) && LIKELY(size_class_of(bytes) == class) &&
		cache_push(cache_self, class, ptr);
}

static void sized_look(const void *ptr, size_t bytes, const char *call, const void *caller)
{
	if (are_plain_ours())
		sized_expect(ptr, bytes, 1, call, caller);
}

static NOINLINE void sized_slow(void *ptr, size_t bytes, const void *caller)
{
	sized_look(ptr, bytes, "operator delete", caller);
	_ZdlPv(ptr);
}

static NOINLINE void sized_array_slow(void *ptr, size_t bytes, const void *caller)
{
	sized_look(ptr, bytes, "operator delete[]", caller);
	_ZdaPv(ptr);
}

EXPORT void _ZdlPvm(void *ptr, size_t bytes);
EXPORT LINE_ALIGNED void _ZdlPvm(void *ptr, size_t bytes)
{
	if (UNLIKELY(!sized_hits(ptr, bytes)))
		sized_slow(ptr, bytes, __builtin_return_address(0));
}

EXPORT void _ZdaPvm(void *ptr, size_t bytes);
EXPORT LINE_ALIGNED void _ZdaPvm(void *ptr, size_t bytes)
{
	if (UNLIKELY(!sized_hits(ptr, bytes)))
		sized_array_slow(ptr, bytes, __builtin_return_address(0));
}

EXPORT void _ZdlPvmSt11align_val_t(void *ptr, size_t bytes, size_t alignment);
EXPORT void _ZdlPvmSt11align_val_t(void *ptr, size_t bytes, size_t alignment)
{
	if (are_aligned_ours())
		sized_expect(ptr, bytes, alignment, "operator delete",
			__builtin_return_address(0));
	_ZdlPvSt11align_val_t(ptr, alignment);
}

EXPORT void _ZdaPvmSt11align_val_t(void *ptr, size_t bytes, size_t alignment);
EXPORT void _ZdaPvmSt11align_val_t(void *ptr, size_t bytes, size_t alignment)
{
	if (are_aligned_ours())
		sized_expect(ptr, bytes, alignment, "operator delete[]",
			__builtin_return_address(0));
	_ZdaPvSt11align_val_t(ptr, alignment);
}

/* The tag says nothing that free() needs to know. */
EXPORT void _ZdlPvRKSt9nothrow_t(void *ptr, const struct nothrow *tag);
EXPORT void _ZdlPvRKSt9nothrow_t(void *ptr, const struct nothrow *tag)
{
	(void)tag;
	_ZdlPv(ptr);
}

EXPORT void _ZdaPvRKSt9nothrow_t(void *ptr, const struct nothrow *tag);
EXPORT void _ZdaPvRKSt9nothrow_t(void *ptr, const struct nothrow *tag)
{
	(void)tag;
	_ZdaPv(ptr);
}

EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *ptr, size_t alignment,
	const struct nothrow *tag);
EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *ptr, size_t alignment,
	const struct nothrow *tag)
{
	(void)tag;
	_ZdlPvSt11align_val_t(ptr, alignment);
}

EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *ptr, size_t alignment,
	const struct nothrow *tag);
EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *ptr, size_t alignment,
	const struct nothrow *tag)
{
	(void)tag;
	_ZdaPvSt11align_val_t(ptr, alignment);
}
