/*
 * preload/new.c - every form of C++'s operator new and delete, in C.
 *
 * WHY        The library needs libc alone, yet a failed new must call the
 *            program's new-handler and throw its bad_alloc.  The program's own
 *            C++ runtime knows how: its operator new, the next definition
 *            behind ours, is asked to do what we could not.  It allocates
 *            through malloc, that is from us, fails likewise, and goes on to
 *            the handler and the throw.
 *
 * The names are the Itanium ABI's, with size_t as `m`.
 */
#include <dlfcn.h>
#include <stddef.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "heap/fastpath.h"
#include "heap/heap.h"

struct nothrow; /* std::nothrow_t */

static COLD void *runtime_symbol(const char *name)
{
	static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1"};
	void *found = dlsym(RTLD_NEXT, name);

	/* A runtime that was loaded by dlopen() is not among the next ones. */
	for (size_t i = 0; found == NULL && i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		void *handle = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
		if (handle != NULL)
			found = dlsym(handle, name);
	}
	return found;
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

static COLD void *aligned_failed(const char *name, size_t bytes, size_t alignment)
{
	void *(*next)(size_t, size_t) = (void *(*)(size_t, size_t))runtime_symbol(name);

	return next != NULL ? next(bytes, alignment) : no_runtime();
}

static COLD void *aligned_nothrow_failed(const char *name, size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	void *(*next)(size_t, size_t, const struct nothrow *) =
		(void *(*)(size_t, size_t, const struct nothrow *))runtime_symbol(name);

	return next != NULL ? next(bytes, alignment, tag) : NULL;
}

static NOINLINE void *new_slow(size_t bytes)
{
	void *object = heap_alloc_slow(bytes);

	return LIKELY(object != NULL) ? object : plain_failed("_Znwm", bytes);
}

static NOINLINE void *new_array_slow(size_t bytes)
{
	void *object = heap_alloc_slow(bytes);

	return LIKELY(object != NULL) ? object : plain_failed("_Znam", bytes);
}

/* An alignment that is no power of two is undefined; it must not loop. */
static void *aligned(size_t bytes, size_t alignment)
{
	if (!bits_is_power_of_two(alignment))
		return NULL;
	if (alignment < SIZE_GRANULE_BYTES)
		alignment = SIZE_GRANULE_BYTES;
	return heap_alloc_aligned(alignment, bytes);
}

EXPORT void *_Znwm(size_t bytes);
EXPORT void *_Znwm(size_t bytes)
{
	return heap_alloc_or(bytes, new_slow);
}

EXPORT void *_Znam(size_t bytes);
EXPORT void *_Znam(size_t bytes)
{
	return heap_alloc_or(bytes, new_array_slow);
}

EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
EXPORT void *_ZnwmRKSt9nothrow_t(size_t bytes, const struct nothrow *tag)
{
	void *object = heap_alloc(bytes);

	return LIKELY(object != NULL) ? object : nothrow_failed("_ZnwmRKSt9nothrow_t", bytes, tag);
}

EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag);
EXPORT void *_ZnamRKSt9nothrow_t(size_t bytes, const struct nothrow *tag)
{
	void *object = heap_alloc(bytes);

	return LIKELY(object != NULL) ? object : nothrow_failed("_ZnamRKSt9nothrow_t", bytes, tag);
}

EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment)
{
	void *object = aligned(bytes, alignment);

	return LIKELY(object != NULL) ? object
				      : aligned_failed("_ZnwmSt11align_val_t", bytes, alignment);
}

EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment);
EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment)
{
	void *object = aligned(bytes, alignment);

	return LIKELY(object != NULL) ? object
				      : aligned_failed("_ZnamSt11align_val_t", bytes, alignment);
}

EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag);
EXPORT void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	void *object = aligned(bytes, alignment);

	return LIKELY(object != NULL) ? object
				      : aligned_nothrow_failed("_ZnwmSt11align_val_tRKSt9nothrow_t",
						bytes, alignment, tag);
}

EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag);
EXPORT void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
	const struct nothrow *tag)
{
	void *object = aligned(bytes, alignment);

	return LIKELY(object != NULL) ? object
				      : aligned_nothrow_failed("_ZnamSt11align_val_tRKSt9nothrow_t",
						bytes, alignment, tag);
}

EXPORT void _ZdlPv(void *ptr);
EXPORT void _ZdlPv(void *ptr)
{
	heap_free(ptr);
}

EXPORT void _ZdlPvm(void *ptr, size_t bytes);
EXPORT void _ZdlPvm(void *ptr, size_t bytes)
{
	(void)bytes;
	heap_free(ptr);
}

/* All other forms only say more than free() needs to know; what a caller puts
   into further argument registers is not looked at. */
EXPORT void _ZdaPv(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdlPvRKSt9nothrow_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdaPvRKSt9nothrow_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdlPvSt11align_val_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdaPvSt11align_val_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *ptr) ALIAS_OF(_ZdlPv);
EXPORT void _ZdaPvm(void *ptr, size_t bytes) ALIAS_OF(_ZdlPvm);
EXPORT void _ZdlPvmSt11align_val_t(void *ptr, size_t bytes) ALIAS_OF(_ZdlPvm);
EXPORT void _ZdaPvmSt11align_val_t(void *ptr, size_t bytes) ALIAS_OF(_ZdlPvm);
