/*
 * tracer.c - an interposer as leak finders are: it wraps the malloc family and calls the
 * next definition, which it looks up when it first needs it.
 *
 * dlsym() may itself allocate, here surely: a name that nobody defines is looked up each
 * time, and the error's text read.  What is asked for meanwhile comes from an array.  The
 * file that $TRACED names is told at the end how many calls came by.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARRAY_BYTES = 64 << 10 };

static _Alignas(16) char array[ARRAY_BYTES];
static size_t used_bytes;
static __thread bool is_looking __attribute__((tls_model("initial-exec")));
static unsigned long calls;

static void *of_array(size_t bytes)
{
	size_t at = __atomic_fetch_add(&used_bytes, (bytes + 15) / 16 * 16, __ATOMIC_RELAXED);

	return at + bytes <= ARRAY_BYTES ? array + at : NULL;
}

static bool is_of_array(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)array < ARRAY_BYTES;
}

/* NULL: this is a call from within dlsym(). */
static void *next(void **known, const char *name)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (is_looking)
		return NULL;
	if (*known == NULL) {
		is_looking = true;
		dlsym(RTLD_NEXT, "a name that nobody defines");
		if (dlerror() == NULL)
			abort();
		*known = dlsym(RTLD_NEXT, name);
		is_looking = false;
	}
	return *known;
}

void *malloc(size_t bytes)
{
	static void *known;
	void *(*real)(size_t) = (void *(*)(size_t))next(&known, "malloc");

	return real != NULL ? real(bytes) : of_array(bytes);
}

void free(void *ptr)
{
	static void *known;
	void (*real)(void *) = (void (*)(void *))next(&known, "free");

	if (real != NULL && !is_of_array(ptr))
		real(ptr);
}

void *calloc(size_t count, size_t each_bytes)
{
	static void *known;
	void *(*real)(size_t, size_t) = (void *(*)(size_t, size_t))next(&known, "calloc");

	return real != NULL ? real(count, each_bytes) : of_array(count * each_bytes);
}

void *realloc(void *ptr, size_t bytes)
{
	static void *known;
	void *(*real)(void *, size_t) = (void *(*)(void *, size_t))next(&known, "realloc");

	if (real != NULL && !is_of_array(ptr))
		return real(ptr, bytes);
	void *to = real != NULL ? malloc(bytes) : of_array(bytes);
	size_t there = ptr != NULL ? (size_t)(array + ARRAY_BYTES - (char *)ptr) : 0;
	return to != NULL && ptr != NULL ? memcpy(to, ptr, bytes < there ? bytes : there) : to;
}

void *memalign(size_t alignment, size_t bytes)
{
	static void *known;
	void *(*real)(size_t, size_t) = (void *(*)(size_t, size_t))next(&known, "memalign");

	return real != NULL ? real(alignment, bytes) : NULL;
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
	static void *known;
	int (*real)(void **, size_t, size_t) =
		(int (*)(void **, size_t, size_t))next(&known, "posix_memalign");

	return real != NULL ? real(out, alignment, bytes) : 12;
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("TRACED");
	int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%lu\n", calls);
	close(fd);
}
