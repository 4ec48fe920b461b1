#include "tests/tinyalloc/hinted.h"

#include <errno.h>

#include "base/compiler.h"
#include "profile/collect.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tinyalloc/object.h"

void hinted_begin(void)
{
	world_begin();
	tiny_most_spans = 128;
	tiny_init();
	attach_surely();
}

static void *noscan_surely(size_t bytes, size_t align_bytes)
{
	void *ptr;

	while ((ptr = object_alloc_noscan(bytes, align_bytes)) == NULL)
		ck_assert(is_excused());
	return ptr;
}

void *hinted_surely(size_t bytes)
{
	return noscan_surely(bytes, tiny_align_of(bytes));
}

void *chars_surely(size_t bytes)
{
	return noscan_surely(bytes, 1);
}

void *collectable_surely(size_t bytes, bool is_noscan)
{
	void *ptr;

	while ((ptr = object_alloc_collectable(bytes, is_noscan)) == NULL)
		ck_assert(is_excused());
	return ptr;
}

NOINLINE void stack_clear(void)
{
	volatile char old[16 << 10];

	for (size_t i = 0; i < sizeof(old); i++)
		old[i] = 0;
}

uint64_t collect_surely(void)
{
	uint64_t count;
	int error;

	stack_clear();
	while ((error = collect_now(&count)) == ENOMEM)
		refusal_pass();
	ck_assert_int_eq(error, 0);
	return count;
}
