/*
 * locked.c - the heap of a program that locks all its memory, which the kernel then
 * neither takes back nor hands out untouched.
 *
 *     locked           now and from now on, then as it is touched
 *     locked limited   from now on, under RLIMIT_MEMLOCK
 *
 * Proves: what is allocated keeps its contents through moves, calloc() gives zeros where
 * memory was that the heap would have given back, malloc_trim() does no harm; beyond the
 * limit there is NULL and ENOMEM at once, and memory again after frees; errno is kept.
 */
#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/preload/tap.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

enum { COUNT = 1000, LIMIT_BYTES = 32 << 20, KEPT_MAX = 4000 };

static unsigned char *objects[COUNT];

static bool is_filled(const unsigned char *object, size_t bytes, unsigned char with)
{
	return object != NULL && object[0] == with && memcmp(object, object + 1, bytes - 1) == 0;
}

/* Small and large objects come and go, dirty, so that free memory is not zero. */
static bool work(void)
{
	bool good = true;

	for (int i = 0; i < COUNT; i++)
		objects[i] = memset(malloc((size_t)i * 100 + 1), 0xee, (size_t)i * 100 + 1);
	unsigned char *large = memset(malloc(40 << 20), 0xdd, 40 << 20);
	for (int i = 0; i < COUNT; i++) {
		good = good && is_filled(objects[i], (size_t)i * 100 + 1, 0xee);
		free(objects[i]);
	}
	free(large);
	malloc_trim(0);
	return good;
}

static bool reads_zero(void)
{
	bool good = true;

	for (size_t bytes = 100; bytes < 64 << 20; bytes *= 3) {
		unsigned char *object = calloc(1, bytes);
		good = good && is_filled(object, bytes, 0);
		memset(object, 0xcc, bytes);
		free(object);
	}
	return good;
}

static bool moves(void)
{
	unsigned char *object = memset(malloc(3 << 20), 0xaa, 3 << 20), *wall = malloc(1 << 20);

	object = realloc(object, 20 << 20);
	bool good = is_filled(object, 3 << 20, 0xaa);
	unsigned char *zero = calloc(1, 3 << 20);
	good = good && is_filled(zero, 3 << 20, 0);
	free(zero);
	free(wall);
	free(object);
	return good;
}

static void test_flags(int flags, const char *name)
{
	bool worked = true, zero = true, moved = true;

	if (mlockall(flags) != 0) {
		tap_ok(true, "%s # SKIP mlockall is not permitted here", name);
		return;
	}
	errno = 77;
	for (int round = 0; round < 3; round++) {
		worked = work() && worked;
		zero = reads_zero() && zero;
		moved = moves() && moved;
	}
	void *aligned = memalign((flags & MCL_ONFAULT) != 0 ? 1 << 30 : 16 << 20, 100);
	worked = worked && aligned != NULL && errno == 77;
	free(aligned);
	munlockall();
	if (!tap_ok(worked && zero && moved, "%s", name))
		tap_note("works %d, calloc gives zeros %d, moves keep %d", worked, zero, moved);
}

/* Who may lock memory without a limit, as root may, gives that up. */
static void drop_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		abort();
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data) != 0)
		abort();
}

static int fill(void **kept)
{
	int count = 0;

	errno = 0;
	while (count < KEPT_MAX && (kept[count] = malloc((size_t)64 << 10)) != NULL)
		count++;
	return count;
}

static void test_limit(void)
{
	static void *kept[KEPT_MAX];
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		abort();
	limit.rlim_cur = limit.rlim_max < LIMIT_BYTES ? limit.rlim_max : LIMIT_BYTES;
	free(malloc(100)); /* what the heap begins with */
	drop_capability();
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || mlockall(MCL_FUTURE) != 0) {
		tap_ok(true, "beyond RLIMIT_MEMLOCK # SKIP mlockall is not permitted here");
		return;
	}
	int first = fill(kept);
	tap_ok(first < KEPT_MAX && errno == ENOMEM, "beyond RLIMIT_MEMLOCK there is ENOMEM, after %d KiB",
		first * 64);
	for (int i = 0; i < first; i++)
		free(kept[i]);
	int second = fill(kept);
	tap_ok(errno == ENOMEM && second >= first - first / 8 - 1, "after frees %d KiB again", second * 64);
	for (int i = 0; i < second; i++)
		free(kept[i]);
}

int main(int argc, char **argv)
{
	(void)argv;
	tap_begin();
	if (argc > 1) {
		test_limit();
		return tap_done();
	}
	test_flags(MCL_CURRENT | MCL_FUTURE, "all memory is locked: the heap works");
	test_flags(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, "locked as it is touched: so it does");
	return tap_done();
}
