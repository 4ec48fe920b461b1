#include "tests/model/entries.h"

#include <malloc.h>
#include <stdlib.h>

#include "tests/model/makers.h"
#include "tests/model/names.h"

/* ---- ends ----------------------------------------------------------------------------- */

static void end_free(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	free(ptr);
}

static void end_libc_free(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	__libc_free(ptr);
}

static void end_cfree(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	cfree(ptr);
}

static void end_free_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)align_bytes;
	free_sized(ptr, bytes);
}

static void end_free_aligned_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	free_aligned_sized(ptr, align_bytes, bytes);
}

static volatile size_t no_bytes; /* that the compiler does not know of */

static void end_realloc(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	void *left = realloc(ptr, no_bytes);
	if (left != NULL)
		abort();
}

static void end_reallocarray(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)align_bytes;
	void *left = reallocarray(ptr, bytes, no_bytes);
	if (left != NULL)
		abort();
}

static void end_delete(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	_ZdlPv(ptr);
}

static void end_delete_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)align_bytes;
	_ZdlPvm(ptr, bytes);
}

static void end_delete_nothrow(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	_ZdlPvRKSt9nothrow_t(ptr, &_ZSt7nothrow);
}

static void end_delete_array(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	_ZdaPv(ptr);
}

static void end_delete_array_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)align_bytes;
	_ZdaPvm(ptr, bytes);
}

static void end_delete_array_nothrow(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	(void)align_bytes;
	_ZdaPvRKSt9nothrow_t(ptr, &_ZSt7nothrow);
}

static void end_delete_aligned(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	_ZdlPvSt11align_val_t(ptr, align_bytes);
}

static void end_delete_aligned_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	_ZdlPvmSt11align_val_t(ptr, bytes, align_bytes);
}

static void end_delete_aligned_nothrow(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	_ZdlPvSt11align_val_tRKSt9nothrow_t(ptr, align_bytes, &_ZSt7nothrow);
}

static void end_delete_array_aligned(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	_ZdaPvSt11align_val_t(ptr, align_bytes);
}

static void end_delete_array_aligned_sized(void *ptr, size_t bytes, size_t align_bytes)
{
	_ZdaPvmSt11align_val_t(ptr, bytes, align_bytes);
}

static void end_delete_array_aligned_nothrow(void *ptr, size_t bytes, size_t align_bytes)
{
	(void)bytes;
	_ZdaPvSt11align_val_tRKSt9nothrow_t(ptr, align_bytes, &_ZSt7nothrow);
}

/* free() more often than the others: it is what is freed by. */
static struct ender enders[] = {
	{"free", end_free, FAMILY_C, SIZING_NONE, true},
	{"free", end_free, FAMILY_C, SIZING_NONE, true},
	{"free", end_free, FAMILY_C, SIZING_NONE, true},
	{"__libc_free", end_libc_free, FAMILY_C, SIZING_NONE, true},
	{"cfree", end_cfree, FAMILY_C, SIZING_NONE, false},
	{"free_sized", end_free_sized, FAMILY_C, SIZING_PLAIN, false},
	{"free_aligned_sized", end_free_aligned_sized, FAMILY_C, SIZING_ALIGNED, false},
	{"realloc to nothing", end_realloc, FAMILY_C, SIZING_NONE, true},
	{"reallocarray to nothing", end_reallocarray, FAMILY_C, SIZING_NONE, true},
	{"delete", end_delete, FAMILY_NEW, SIZING_NONE, true},
	{"delete sized", end_delete_sized, FAMILY_NEW, SIZING_NONE, true},
	{"delete nothrow", end_delete_nothrow, FAMILY_NEW, SIZING_NONE, true},
	{"delete[]", end_delete_array, FAMILY_ARRAY, SIZING_NONE, true},
	{"delete[] sized", end_delete_array_sized, FAMILY_ARRAY, SIZING_NONE, true},
	{"delete[] nothrow", end_delete_array_nothrow, FAMILY_ARRAY, SIZING_NONE, true},
	{"delete aligned", end_delete_aligned, FAMILY_NEW_ALIGNED, SIZING_NONE, true},
	{"delete aligned sized", end_delete_aligned_sized, FAMILY_NEW_ALIGNED, SIZING_NONE, true},
	{"delete aligned nothrow", end_delete_aligned_nothrow, FAMILY_NEW_ALIGNED, SIZING_NONE, true},
	{"delete[] aligned", end_delete_array_aligned, FAMILY_ARRAY_ALIGNED, SIZING_NONE, true},
	{"delete[] aligned sized", end_delete_array_aligned_sized, FAMILY_ARRAY_ALIGNED,
		SIZING_NONE, true},
	{"delete[] aligned nothrow", end_delete_array_aligned_nothrow, FAMILY_ARRAY_ALIGNED,
		SIZING_NONE, true},
};

enum { ENDER_COUNT = sizeof(enders) / sizeof(enders[0]) };

/* ---- other sizes ---------------------------------------------------------------------- */

static void *resize_realloc(void *ptr, struct request *request)
{
	return realloc(ptr, request->bytes);
}

static void *resize_libc_realloc(void *ptr, struct request *request)
{
	return __libc_realloc(ptr, request->bytes);
}

static void *resize_reallocarray(void *ptr, struct request *request)
{
	size_t each = share(request);

	return reallocarray(ptr, request->count, each);
}

static void *resize_token(void *ptr, struct request *request)
{
	return __alloc_token_realloc(ptr, request->bytes, request->token);
}

static void *resize_token_array(void *ptr, struct request *request)
{
	size_t each = share(request);

	return __alloc_token_reallocarray(ptr, request->count, each, request->token);
}

static const struct resizer resizers[] = {
	{"realloc", resize_realloc}, {"realloc", resize_realloc}, {"realloc", resize_realloc},
	{"__libc_realloc", resize_libc_realloc}, {"reallocarray", resize_reallocarray},
	{"token realloc", resize_token}, {"token reallocarray", resize_token_array}};

enum { RESIZER_COUNT = sizeof(resizers) / sizeof(resizers[0]), RESIZER_TOKENS = 2 };

/* ---- which of them ------------------------------------------------------------------- */

static size_t maker_count, resizer_count;
static uint64_t maker_uses[64], resizer_uses[RESIZER_COUNT], ender_uses[ENDER_COUNT];

static void used(uint64_t *uses)
{
	__atomic_fetch_add(uses, 1, __ATOMIC_RELAXED);
}

static void ender_is_there(void (*end)(void *ptr, size_t bytes, size_t align_bytes), bool is_there)
{
	for (size_t i = 0; i < ENDER_COUNT; i++)
		if (enders[i].end == end)
			enders[i].is_there = is_there;
}

void entries_init(void)
{
	bool has_hints = mstat_alloc != NULL && __alloc_token_malloc != NULL;

	maker_count = makers_standard_count + (has_hints ? makers_hinted_count : 0);
	resizer_count = has_hints ? RESIZER_COUNT : RESIZER_COUNT - RESIZER_TOKENS;
	ender_is_there(end_cfree, cfree != NULL);
	ender_is_there(end_free_sized, free_sized != NULL);
	ender_is_there(end_free_aligned_sized, free_aligned_sized != NULL);
	entry_handler_install();
}

const struct maker *maker_of(uint64_t number)
{
	number %= maker_count;
	used(&maker_uses[number]);
	return number < makers_standard_count ? &makers_standard[number]
					      : &makers_hinted[number - makers_standard_count];
}

const struct resizer *resizer_of(uint64_t number)
{
	number %= resizer_count;
	used(&resizer_uses[number]);
	return &resizers[number];
}

const struct ender *ender_of(uint64_t number, enum family family, enum sizing sizing)
{
	size_t fit[ENDER_COUNT], count = 0;

	for (size_t i = 0; i < ENDER_COUNT; i++)
		if (enders[i].family == family && enders[i].is_there &&
			(enders[i].sizing == SIZING_NONE || enders[i].sizing == sizing))
			fit[count++] = i;
	used(&ender_uses[fit[number % count]]);
	return &enders[fit[number % count]];
}

void entries_never(void (*never)(const char *name))
{
	for (size_t i = 0; i < makers_standard_count; i++)
		if (maker_uses[i] == 0)
			never(makers_standard[i].name);
	for (size_t i = 0; i < makers_hinted_count; i++)
		if (maker_uses[makers_standard_count + i] == 0)
			never(makers_hinted[i].name);
	for (size_t i = 0; i < RESIZER_COUNT; i++)
		if (resizer_uses[i] == 0)
			never(resizers[i].name);
	for (size_t i = 0; i < ENDER_COUNT; i++)
		if (ender_uses[i] == 0)
			never(enders[i].name);
}
