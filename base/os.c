#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/config.h"
#include "base/fatal.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* Without MAP_NORESERVE: what the machine cannot have is refused at once, as
   programs know it from libc. */
static const int MAP_FLAGS = MAP_PRIVATE | MAP_ANONYMOUS;

size_t os_page_bytes(void)
{
	static size_t page_bytes;

	if (page_bytes == 0)
		page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	return page_bytes;
}

/* In torture builds one request in eight is refused, by a fixed sequence:
   what fails is found again by running again. */
static bool is_refused_by_torture(void)
{
	static uint32_t state = 1;

	if (!CONFIG_TORTURE)
		return false;
	uint32_t x = __atomic_load_n(&state, __ATOMIC_RELAXED) * 1664525u + 1013904223u;
	__atomic_store_n(&state, x, __ATOMIC_RELAXED);
	return x >> 29 == 0;
}

static void *map(void *address, size_t bytes, int protection, int more_flags)
{
	int saved = errno;
	void *mapped = mmap(address, bytes, protection, MAP_FLAGS | more_flags, -1, 0);

	errno = saved;
	return mapped == MAP_FAILED ? NULL : mapped;
}

void *os_map(size_t bytes)
{
	if (is_refused_by_torture())
		return NULL;
	return map(NULL, bytes, PROT_READ | PROT_WRITE, 0);
}

bool os_map_at(void *address, size_t bytes, bool *taken)
{
	int saved = errno;

	*taken = false;
	if (is_refused_by_torture())
		return false;
	void *mapped = mmap(address, bytes, PROT_READ | PROT_WRITE,
		MAP_FLAGS | MAP_FIXED_NOREPLACE, -1, 0);
	if (mapped == address) {
		errno = saved;
		return true;
	}
	if (mapped == MAP_FAILED) {
		*taken = errno == EEXIST || errno == EINVAL || errno == EPERM;
	} else { /* a kernel before 4.17 took the address for a hint */
		munmap(mapped, bytes);
		*taken = true;
	}
	errno = saved;
	return false;
}

void *os_reserve(size_t bytes)
{
	return map(NULL, bytes, PROT_NONE, 0);
}

bool os_commit(void *address, size_t bytes)
{
	int saved = errno;

	if (is_refused_by_torture())
		return false;
	bool done = mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0;
	errno = saved;
	return done;
}

void os_reserve_again(void *address, size_t bytes)
{
	map(address, bytes, PROT_NONE, MAP_FIXED);
}

void os_unmap(void *address, size_t bytes)
{
	int saved = errno;

	munmap(address, bytes);
	errno = saved;
}

bool os_guard(void *address, size_t bytes)
{
	int saved = errno;
	bool done = madvise(address, bytes, MADV_GUARD_INSTALL) == 0 ||
		mprotect(address, bytes, PROT_NONE) == 0;

	errno = saved;
	return done;
}

bool os_release(void *address, size_t bytes)
{
	int saved = errno;
	bool done = madvise(address, bytes, MADV_DONTNEED) == 0;

	errno = saved;
	return done;
}

void os_want_huge(void *address, size_t bytes, bool want)
{
	int saved = errno;

	madvise(address, bytes, want ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	errno = saved;
}

void os_make_huge(void *address, size_t bytes)
{
	int saved = errno;

	madvise(address, bytes, MADV_COLLAPSE);
	errno = saved;
}

/*
 * By way of a place that the kernel chooses: it unmaps what is at `to` before
 * it looks whether the move is permitted at all.  Whatever it may refuse - pages
 * of two mappings, beyond RLIMIT_AS - it has refused by then.
 */
bool os_move(void *from, void *to, size_t bytes)
{
	int saved = errno;
	/* It takes what was begun of a page for all of it. */
	bool is_whole = ((uintptr_t)from | (uintptr_t)to | bytes) % os_page_bytes() == 0;
	void *between = is_refused_by_torture() || !is_whole
		? MAP_FAILED
		: mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (between != MAP_FAILED &&
		mremap(between, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		fatal("the kernel lost pages on their way");
	errno = saved;
	return between != MAP_FAILED;
}

void os_name(void *address, size_t bytes, const char *name)
{
	int saved = errno;

	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, bytes, name);
	errno = saved;
}

bool os_wipe_on_fork(void *address, size_t bytes)
{
	int saved = errno;
	bool done = madvise(address, bytes, MADV_WIPEONFORK) == 0;

	errno = saved;
	return done;
}

void os_futex_wait(uint32_t *word, uint32_t expected)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
	errno = saved;
}

void os_futex_wake(uint32_t *word, int thread_count)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, thread_count, NULL, NULL, 0);
	errno = saved;
}

void os_yield(void)
{
	sched_yield();
}

bool os_write(int fd, const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count > 0) {
		ssize_t done = write(fd, at, count);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		count -= (size_t)done;
	}
	return true;
}

ssize_t os_read_file(const char *path, void *buffer, size_t capacity_bytes)
{
	int saved = errno;
	ssize_t total = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t got = 0;
		total = 0;
		while ((size_t)total < capacity_bytes) {
			got = read(fd, (char *)buffer + total, capacity_bytes - (size_t)total);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				break;
			total += got;
		}
		if (got < 0)
			total = -1;
		close(fd);
	}
	errno = saved;
	return total;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t os_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t os_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t os_coarse_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t os_coarse_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME_COARSE);
}

int os_thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

void os_thread_name(char name[16])
{
	prctl(PR_GET_NAME, name);
}

int os_process_id(void)
{
	return (int)syscall(SYS_getpid);
}
