/*
 * check_long_pages.c - the heap where the kernel's pages are longer than its own
 * (aarch64 with 16 or 64 KiB).
 *
 * Proves: a random program loses no live byte and is given zeroes where it asked
 * for them.
 *
 * The kernel is a pretended one, by the linker's --wrap: it refuses an address that
 * is not on a page's edge and takes what was begun of a page for all of it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/release.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { LIVE = 1000, STEPS = 40000, LARGE_MOST = 3 << 20 };

static const size_t kernel_page_bytes[] = {16 << 10, 64 << 10};
static size_t page_bytes;

long __real_sysconf(int name);
long __real_syscall_of_kernel(long number, long a, long b, long c, long d, long e, long f);
long __wrap_sysconf(int name);
long __wrap_syscall_of_kernel(long number, long a, long b, long c, long d, long e, long f);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? (long)page_bytes : __real_sysconf(name);
}

static long whole_pages(long bytes)
{
	return (bytes + (long)page_bytes - 1) & ~((long)page_bytes - 1);
}

static bool is_edge(long address)
{
	return (size_t)address % page_bytes == 0;
}

static long move_pages(long from, long bytes, long to_bytes, long flags, long to)
{
	/* Where it moved pages of itself is on an edge of its true pages alone. */
	if (!is_edge((flags & MREMAP_FIXED) != 0 ? to : from))
		return -EINVAL;
	bytes = whole_pages(bytes);
	return __real_syscall_of_kernel(SYS_mremap, from, bytes, to_bytes < bytes ? bytes : to_bytes,
		flags, to, 0);
}

long __wrap_syscall_of_kernel(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_mremap)
		return move_pages(a, b, c, d, e);
	if (number != SYS_madvise)
		return __real_syscall_of_kernel(number, a, b, c, d, e, f);
	return is_edge(a) ? __real_syscall_of_kernel(number, a, whole_pages(b), c, d, e, f) : -EINVAL;
}

static void give_back(void)
{
	pools_cool();
	release_down_to(random_below(page_heap.dirty_pages + 1));
	lock_acquire(&page_heap_lock);
	page_heap_audit();
	lock_release(&page_heap_lock);
}

START_TEST(test_a_random_program)       /* _i: page size, and another seed */
{
	static struct { char *object; size_t bytes; } live[LIVE];

	random_start((uint64_t)_i);
	page_bytes = kernel_page_bytes[_i % 2];
	world_begin();
	attach_surely();
	for (int step = 0; step < STEPS; step++) {
		size_t at = random_below(LIVE), bytes = random_size(at % 16 == 0 ? LARGE_MOST : 9000);
		char *object = live[at].object;
		if (object != NULL)
			ck_assert_uint_eq(filled(object, live[at].bytes, live[at].bytes, at),
				live[at].bytes);
		if (object != NULL && random_below(2) == 0) {
			heap_free(object);
			live[at].object = NULL;
		} else {
			bool zeroed = object == NULL && random_below(2) == 0;
			size_t kept = live[at].bytes < bytes ? live[at].bytes : bytes;
			live[at].object = zeroed ? zeroed_surely(bytes)
				: object == NULL ? alloc_surely(bytes)
						 : realloc_surely(object, bytes);
			ck_assert(!zeroed || is_zero(live[at].object, bytes));
			if (object != NULL)
				ck_assert_uint_eq(filled(live[at].object, live[at].bytes, kept, at), kept);
			live[at].bytes = bytes;
			fill(live[at].object, bytes, at);
		}
		if (random_below(200) == 0)
			give_back();
	}
	world_end();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap, long pages", NULL, NULL);

	tcase_add_loop_test(tests, test_a_random_program, 0, 6);
	return suite_end();
}
