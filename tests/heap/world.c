#include "tests/heap/world.h"

#include <string.h>
#include <sys/mman.h>

#include "base/config.h"
#include "base/os.h"
#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/central.h"
#include "heap/cooling.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"
#include "tests/suite.h"

enum {
	ASK_MAX = 1000, /* one request in eight is refused: so many in a row are a bug */
	EDGE_BYTES = 256,
	STRIDE_BYTES = 251 /* so that long objects are not written as a whole */
};

bool is_excused(void)
{
	return CONFIG_TORTURE;
}

static void ask_again(int *asked)
{
	ck_assert_msg(is_excused(), "refused, and nothing is scarce");
	ck_assert_int_lt(++*asked, ASK_MAX);
}

void refusal_pass(void)
{
	ck_assert(is_excused());
	os_unmap(os_map(OS_HUGE_PAGE_BYTES), OS_HUGE_PAGE_BYTES);
}

void world_begin(void)
{
	int asked = 0;

	/* Which requests are refused is a fixed sequence: begin anywhere in it. */
	for (size_t skip = random_below(64); is_excused() && skip > 0; skip--)
		os_unmap(os_map(OS_HUGE_PAGE_BYTES), OS_HUGE_PAGE_BYTES);
	while (!heap_init())
		ask_again(&asked);
}

void world_end(void)
{
	heap_audit();
}

void world_end_pools(void)
{
	for (uint32_t class = 1; class < size_class_end; class++) {
		central_lock(class);
		central_audit(class);
		central_unlock(class);
	}
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
}

void pools_cool(void)
{
	cooling_advance();
	cooling_advance();
	for (uint32_t class = 1; class < size_class_end; class++) {
		central_lock(class);
		central_drain_all(class);
		cooling_release(class, 1000);
		central_audit(class);
		central_unlock(class);
	}
}

void *alloc_surely(size_t bytes)
{
	int asked = 0;
	void *object;

	while ((object = heap_alloc(bytes)) == NULL)
		ask_again(&asked);
	return object;
}

void *zeroed_surely(size_t bytes)
{
	int asked = 0;
	void *object;

	while ((object = heap_alloc_zeroed(bytes, SIZE_FAMILY_PLAIN)) == NULL)
		ask_again(&asked);
	return object;
}

void *large_surely(size_t bytes)
{
	int asked = 0;
	void *object;

	while ((object = large_alloc(bytes, 1, false)) == NULL)
		ask_again(&asked);
	return object;
}

void *aligned_surely(size_t align_bytes, size_t bytes)
{
	int asked = 0;
	void *object;

	while ((object = heap_alloc_aligned(align_bytes, bytes, SIZE_FAMILY_PLAIN)) == NULL)
		ask_again(&asked);
	return object;
}

void *realloc_surely(void *ptr, size_t bytes)
{
	int asked = 0;
	void *object;

	while ((object = heap_realloc(ptr, bytes, NULL)) == NULL)
		ask_again(&asked);
	return object;
}

void attach_surely(void)
{
	int asked = 0;

	while (!cache_attach())
		ask_again(&asked);
}

size_t resident_pages(void *start, size_t bytes)
{
	static unsigned char flags[(64 << 20) / 4096];
	size_t resident = 0, count = bytes / os_page_bytes();

	ck_assert_int_eq(mincore(start, bytes, flags), 0);
	for (size_t i = 0; i < count; i++)
		resident += flags[i] & 1;
	return resident;
}

static unsigned char byte_of(uint64_t tag, size_t at)
{
	return (unsigned char)((tag + at) * 0x9e3779b97f4a7c15u >> 56);
}

/* The byte that is written after this one. */
static size_t next_of(size_t at, size_t bytes)
{
	return at < EDGE_BYTES || at + EDGE_BYTES >= bytes ? at + 1 : at + STRIDE_BYTES;
}

void fill(void *ptr, size_t bytes, uint64_t tag)
{
	unsigned char *at = ptr;

	for (size_t i = 0; i < bytes; i = next_of(i, bytes))
		at[i] = byte_of(tag, i);
}

size_t filled(const void *ptr, size_t bytes, size_t kept, uint64_t tag)
{
	const unsigned char *at = ptr;

	for (size_t i = 0; i < bytes && i < kept; i = next_of(i, bytes))
		if (at[i] != byte_of(tag, i))
			return i;
	return kept;
}

bool is_zero(const void *ptr, size_t bytes)
{
	const char *at = ptr;

	return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}
