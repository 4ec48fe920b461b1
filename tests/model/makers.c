/*
 * makers.c - what every allocator has: C's names and C++'s.
 */
#include "tests/model/makers.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/names.h"

enum { STRING_MAX_BYTES = 400 };

static void *make_malloc(struct request *request)
{
	return malloc(request->bytes);
}

static void *make_libc_malloc(struct request *request)
{
	return __libc_malloc(request->bytes);
}

static void *make_calloc(struct request *request)
{
	size_t each = share(request);

	return calloc(request->count, each);
}

static void *make_libc_calloc(struct request *request)
{
	size_t each = share(request);

	return __libc_calloc(each, request->count);
}

static void *make_realloc(struct request *request)
{
	return realloc(NULL, request->bytes);
}

static void *make_reallocarray(struct request *request)
{
	size_t each = share(request);

	return reallocarray(NULL, request->count, each);
}

static void *make_memalign(struct request *request)
{
	void *ptr = memalign(request->align_bytes, request->bytes);

	align_round(request);
	return ptr;
}

static void *make_libc_memalign(struct request *request)
{
	void *ptr = __libc_memalign(request->align_bytes, request->bytes);

	align_round(request);
	return ptr;
}

static void *make_aligned_alloc(struct request *request)
{
	return aligned_alloc(request->align_bytes, request->bytes);
}

static void *make_posix_memalign(struct request *request)
{
	void *out = request;

	if (request->align_bytes < sizeof(void *))
		request->align_bytes = sizeof(void *);
	int error = posix_memalign(&out, request->align_bytes, request->bytes);
	return posix_result(request, error, out);
}

static void *make_valloc(struct request *request)
{
	request->align_bytes = MAKERS_VALLOC_BYTES;
	return valloc(request->bytes);
}

static void *make_pvalloc(struct request *request)
{
	void *ptr = pvalloc(request->bytes);

	request->align_bytes = MAKERS_VALLOC_BYTES;
	request->bytes = (request->bytes + MAKERS_VALLOC_BYTES - 1) / MAKERS_VALLOC_BYTES * MAKERS_VALLOC_BYTES;
	return ptr;
}

static const char *text_of(struct request *request)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog and whatever else lies about, "
				   "for four hundred bytes or so, of which the end is what is asked for: ";
	size_t length = request->bytes % (sizeof(text) - 1);

	request->bytes = length + 1;
	return text + sizeof(text) - 1 - length;
}

static void *make_strdup(struct request *request)
{
	return strdup(text_of(request));
}

static void *make_strndup(struct request *request)
{
	return strndup(text_of(request), STRING_MAX_BYTES);
}

static void *make_asprintf(struct request *request)
{
	char *out = NULL;

	return asprintf(&out, "%s", text_of(request)) >= 0 ? out : NULL;
}

static void *make_new(struct request *request)
{
	return _Znwm(request->bytes);
}

static void *make_new_array(struct request *request)
{
	return _Znam(request->bytes);
}

static void *make_new_nothrow(struct request *request)
{
	return _ZnwmRKSt9nothrow_t(request->bytes, &_ZSt7nothrow);
}

static void *make_new_array_nothrow(struct request *request)
{
	return _ZnamRKSt9nothrow_t(request->bytes, &_ZSt7nothrow);
}

static void *make_new_aligned(struct request *request)
{
	return _ZnwmSt11align_val_t(request->bytes, request->align_bytes);
}

static void *make_new_array_aligned(struct request *request)
{
	return _ZnamSt11align_val_t(request->bytes, request->align_bytes);
}

static void *make_new_aligned_nothrow(struct request *request)
{
	return _ZnwmSt11align_val_tRKSt9nothrow_t(request->bytes, request->align_bytes,
		&_ZSt7nothrow);
}

static void *make_new_array_aligned_nothrow(struct request *request)
{
	return _ZnamSt11align_val_tRKSt9nothrow_t(request->bytes, request->align_bytes,
		&_ZSt7nothrow);
}

const struct maker makers_standard[] = {
	{.name = "malloc", .make = make_malloc, .sizing = SIZING_PLAIN},
	{.name = "__libc_malloc", .make = make_libc_malloc, .sizing = SIZING_PLAIN},
	{.name = "calloc", .make = make_calloc, .sizing = SIZING_PLAIN, .zeroes = true,
		.is_array = true},
	{.name = "__libc_calloc", .make = make_libc_calloc, .sizing = SIZING_PLAIN,
		.zeroes = true, .is_array = true},
	{.name = "realloc of NULL", .make = make_realloc, .sizing = SIZING_PLAIN},
	{.name = "reallocarray of NULL", .make = make_reallocarray, .sizing = SIZING_PLAIN,
		.is_array = true},
	{.name = "memalign", .make = make_memalign, .takes_align = true},
	{.name = "__libc_memalign", .make = make_libc_memalign, .takes_align = true},
	{.name = "aligned_alloc", .make = make_aligned_alloc, .sizing = SIZING_ALIGNED,
		.takes_align = true,
		.needs_power = true},
	{.name = "posix_memalign", .make = make_posix_memalign, .failure = FAILS_RETURN,
		.takes_align = true, .needs_power = true},
	{.name = "valloc", .make = make_valloc},
	{.name = "pvalloc", .make = make_pvalloc},
	{.name = "strdup", .make = make_strdup, .hinting = HINTING_STRING},
	{.name = "strndup", .make = make_strndup, .hinting = HINTING_STRING},
	{.name = "asprintf", .make = make_asprintf, .hinting = HINTING_STRING},
	{.name = "new", .make = make_new, .family = FAMILY_NEW, .failure = FAILS_THROW},
	{.name = "new[]", .make = make_new_array, .family = FAMILY_ARRAY, .failure = FAILS_THROW},
	{.name = "new nothrow", .make = make_new_nothrow, .family = FAMILY_NEW, .failure = FAILS_NULL},
	{.name = "new[] nothrow", .make = make_new_array_nothrow, .family = FAMILY_ARRAY,
		.failure = FAILS_NULL},
	{.name = "new aligned", .make = make_new_aligned, .family = FAMILY_NEW_ALIGNED,
		.failure = FAILS_THROW, .takes_align = true, .needs_power = true},
	{.name = "new[] aligned", .make = make_new_array_aligned, .family = FAMILY_ARRAY_ALIGNED,
		.failure = FAILS_THROW, .takes_align = true, .needs_power = true},
	{.name = "new aligned nothrow", .make = make_new_aligned_nothrow,
		.family = FAMILY_NEW_ALIGNED, .failure = FAILS_NULL, .takes_align = true, .needs_power = true},
	{.name = "new[] aligned nothrow", .make = make_new_array_aligned_nothrow,
		.family = FAMILY_ARRAY_ALIGNED, .failure = FAILS_NULL, .takes_align = true, .needs_power = true},
};

const size_t makers_standard_count = sizeof(makers_standard) / sizeof(makers_standard[0]);
