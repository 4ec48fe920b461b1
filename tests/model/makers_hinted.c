/*
 * makers_hinted.c - what the library has beyond: hints, and clang's tokens.
 */
#include "tests/model/makers.h"
#include "tests/model/names.h"

static void *make_mstat(struct request *request)
{
	return mstat_alloc(request->bytes, request->hints);
}

static void *make_token_malloc(struct request *request)
{
	return __alloc_token_malloc(request->bytes, request->token);
}

static void *make_token_calloc(struct request *request)
{
	size_t each = share(request);

	return __alloc_token_calloc(request->count, each, request->token);
}

static void *make_token_realloc(struct request *request)
{
	return __alloc_token_realloc(NULL, request->bytes, request->token);
}

static void *make_token_reallocarray(struct request *request)
{
	size_t each = share(request);

	return __alloc_token_reallocarray(NULL, request->count, each, request->token);
}

static void *make_token_aligned_alloc(struct request *request)
{
	return __alloc_token_aligned_alloc(request->align_bytes, request->bytes, request->token);
}

static void *make_token_memalign(struct request *request)
{
	void *ptr = __alloc_token_memalign(request->align_bytes, request->bytes, request->token);

	align_round(request);
	return ptr;
}

static void *make_token_posix_memalign(struct request *request)
{
	void *out = request;

	if (request->align_bytes < sizeof(void *))
		request->align_bytes = sizeof(void *);
	int error = __alloc_token_posix_memalign(&out, request->align_bytes, request->bytes,
		request->token);
	return posix_result(request, error, out);
}

static void *make_token_valloc(struct request *request)
{
	request->align_bytes = MAKERS_VALLOC_BYTES;
	return __alloc_token_valloc(request->bytes, request->token);
}

static void *make_token_pvalloc(struct request *request)
{
	void *ptr = __alloc_token_pvalloc(request->bytes, request->token);

	request->align_bytes = MAKERS_VALLOC_BYTES;
	request->bytes = (request->bytes + MAKERS_VALLOC_BYTES - 1) / MAKERS_VALLOC_BYTES * MAKERS_VALLOC_BYTES;
	return ptr;
}

static void *make_token_new(struct request *request)
{
	return __alloc_token__Znwm(request->bytes, request->token);
}

static void *make_token_new_array(struct request *request)
{
	return __alloc_token__Znam(request->bytes, request->token);
}

static void *make_token_new_nothrow(struct request *request)
{
	return __alloc_token__ZnwmRKSt9nothrow_t(request->bytes, &_ZSt7nothrow, request->token);
}

static void *make_token_new_array_nothrow(struct request *request)
{
	return __alloc_token__ZnamRKSt9nothrow_t(request->bytes, &_ZSt7nothrow, request->token);
}

static void *make_token_new_aligned(struct request *request)
{
	return __alloc_token__ZnwmSt11align_val_t(request->bytes, request->align_bytes,
		request->token);
}

static void *make_token_new_array_aligned(struct request *request)
{
	return __alloc_token__ZnamSt11align_val_t(request->bytes, request->align_bytes,
		request->token);
}

static void *make_token_new_aligned_nothrow(struct request *request)
{
	return __alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t(request->bytes,
		request->align_bytes, &_ZSt7nothrow, request->token);
}

static void *make_token_new_array_aligned_nothrow(struct request *request)
{
	return __alloc_token__ZnamSt11align_val_tRKSt9nothrow_t(request->bytes,
		request->align_bytes, &_ZSt7nothrow, request->token);
}

const struct maker makers_hinted[] = {
	{.name = "mstat_alloc", .make = make_mstat, .hinting = HINTING_FLAGS},
	{.name = "token malloc", .make = make_token_malloc, .sizing = SIZING_PLAIN,
		.hinting = HINTING_TOKEN},
	{.name = "token calloc", .make = make_token_calloc, .sizing = SIZING_PLAIN,
		.hinting = HINTING_TOKEN,
		.zeroes = true, .is_array = true},
	{.name = "token realloc of NULL", .make = make_token_realloc, .sizing = SIZING_PLAIN,
		.hinting = HINTING_TOKEN},
	{.name = "token reallocarray of NULL", .make = make_token_reallocarray, .sizing = SIZING_PLAIN,
		.hinting = HINTING_TOKEN, .is_array = true},
	{.name = "token aligned_alloc", .make = make_token_aligned_alloc,
		.sizing = SIZING_ALIGNED, .hinting = HINTING_TOKEN,
		.takes_align = true, .needs_power = true},
	{.name = "token memalign", .make = make_token_memalign, .hinting = HINTING_TOKEN,
		.takes_align = true},
	{.name = "token posix_memalign", .make = make_token_posix_memalign, .failure = FAILS_RETURN,
		.hinting = HINTING_TOKEN, .takes_align = true, .needs_power = true},
	{.name = "token valloc", .make = make_token_valloc},
	{.name = "token pvalloc", .make = make_token_pvalloc},
	{.name = "token new", .make = make_token_new, .family = FAMILY_NEW, .failure = FAILS_THROW,
		.hinting = HINTING_TOKEN},
	{.name = "token new[]", .make = make_token_new_array, .family = FAMILY_ARRAY,
		.failure = FAILS_THROW, .hinting = HINTING_TOKEN},
	{.name = "token new nothrow", .make = make_token_new_nothrow, .family = FAMILY_NEW,
		.failure = FAILS_NULL, .hinting = HINTING_TOKEN},
	{.name = "token new[] nothrow", .make = make_token_new_array_nothrow,
		.family = FAMILY_ARRAY, .failure = FAILS_NULL, .hinting = HINTING_TOKEN},
	{.name = "token new aligned", .make = make_token_new_aligned, .family = FAMILY_NEW_ALIGNED,
		.failure = FAILS_THROW, .hinting = HINTING_TOKEN, .takes_align = true, .needs_power = true},
	{.name = "token new[] aligned", .make = make_token_new_array_aligned,
		.family = FAMILY_ARRAY_ALIGNED, .failure = FAILS_THROW, .hinting = HINTING_TOKEN, .takes_align = true, .needs_power = true},
	{.name = "token new aligned nothrow", .make = make_token_new_aligned_nothrow,
		.family = FAMILY_NEW_ALIGNED, .failure = FAILS_NULL, .hinting = HINTING_TOKEN, .takes_align = true, .needs_power = true},
	{.name = "token new[] aligned nothrow", .make = make_token_new_array_aligned_nothrow,
		.family = FAMILY_ARRAY_ALIGNED, .failure = FAILS_NULL, .hinting = HINTING_TOKEN, .takes_align = true, .needs_power = true},
};

const size_t makers_hinted_count = sizeof(makers_hinted) / sizeof(makers_hinted[0]);
