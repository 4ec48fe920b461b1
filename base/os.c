#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/syscall.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
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

bool os_is_confined;

size_t os_page_bytes(void)
{
	static size_t known;
	size_t page_bytes = word_load(&known); /* several threads may be the first */

	if (page_bytes != 0)
		return page_bytes;
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	word_store(&known, page_bytes);
	return page_bytes;
}

/* In torture builds one request in eight is refused, by a fixed sequence:
   what fails is found again by running again. */
static bool is_refused_by_torture(void)
{
	static uint32_t state = 1;

	if (!CONFIG_TORTURE)
		return false;
	uint32_t x = word_load(&state) * 1664525u + 1013904223u;
	word_store(&state, x);
	return x >> 29 == 0;
}

/* mmap(); NULL if refused, *error says why. */
static void *map_or(void *address, size_t bytes, int protection, int more_flags, int *error)
{
	long mapped = syscall_of_kernel(SYS_mmap, (long)address, (long)bytes, protection,
		MAP_FLAGS | more_flags, -1, 0);

	*error = syscall_failed(mapped) ? (int)-mapped : 0;
	return syscall_failed(mapped) ? NULL : (void *)mapped;
}

static void *map(void *address, size_t bytes, int protection, int more_flags)
{
	int error;

	return map_or(address, bytes, protection, more_flags, &error);
}

static bool advise(const void *address, size_t bytes, int advice)
{
	return syscall_of_kernel(SYS_madvise, (long)address, (long)bytes, advice, 0, 0, 0) == 0;
}

bool os_protect(void *address, size_t bytes, int protection)
{
	return syscall_of_kernel(SYS_mprotect, (long)address, (long)bytes, protection, 0, 0, 0) == 0;
}

/* mremap(); NULL if refused. */
static void *remap(void *from, size_t bytes, int flags, void *to)
{
	long mapped = syscall_of_kernel(SYS_mremap, (long)from, (long)bytes, (long)bytes, flags,
		(long)to, 0);

	return syscall_failed(mapped) ? NULL : (void *)mapped;
}

void *os_map(size_t bytes)
{
	if (is_refused_by_torture())
		return NULL;
	return map(NULL, bytes, PROT_READ | PROT_WRITE, 0);
}

bool os_map_at(void *address, size_t bytes, bool *taken)
{
	int error;

	*taken = false;
	if (is_refused_by_torture())
		return false;
	void *mapped = map_or(address, bytes, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE, &error);
	if (mapped == address)
		return true;
	if (mapped == NULL) {
		*taken = error == EEXIST || error == EINVAL || error == EPERM;
	} else { /* a kernel before 4.17 took the address for a hint */
		os_unmap(mapped, bytes);
		*taken = true;
	}
	return false;
}

void *os_reserve(size_t bytes)
{
	return map(NULL, bytes, PROT_NONE, 0);
}

bool os_commit(void *address, size_t bytes)
{
	return !is_refused_by_torture() && os_protect(address, bytes, PROT_READ | PROT_WRITE);
}

bool os_reserve_again(void *address, size_t bytes)
{
	return map(address, bytes, PROT_NONE, MAP_FIXED) != NULL;
}

void os_unmap(void *address, size_t bytes)
{
	syscall_of_kernel(SYS_munmap, (long)address, (long)bytes, 0, 0, 0, 0);
}

/* By the kernel it is.  qemu-user takes what it does not know for a hint that may be passed
   over, and says that it is done: advice that must be followed means nothing there. */
static bool unknown_advice_is_refused(void)
{
	static int answer; /* 0 if nobody asked yet */

	if (answer == 0)
		answer = advise(NULL, 0, -1) ? -1 : 1;
	return answer > 0;
}

bool os_guard_mark(void *address, size_t bytes)
{
	return unknown_advice_is_refused() && advise(address, bytes, MADV_GUARD_INSTALL);
}

bool os_guard_unmark(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_GUARD_REMOVE);
}

bool os_guard(void *address, size_t bytes)
{
	return os_guard_mark(address, bytes) || os_protect(address, bytes, PROT_NONE);
}

bool os_release(void *address, size_t bytes)
{
	return advise(address, bytes, MADV_DONTNEED);
}

void os_want_huge(void *address, size_t bytes, bool want)
{
	advise(address, bytes, want ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void os_make_huge(void *address, size_t bytes)
{
	advise(address, bytes, MADV_COLLAPSE);
}

bool os_read_alone(void *address, size_t bytes, bool alone)
{
	return advise(address, bytes, alone ? MADV_RANDOM : MADV_NORMAL);
}

int os_populate(void *address, size_t bytes)
{
	return (int)-syscall_of_kernel(SYS_madvise, (long)address, (long)bytes, MADV_POPULATE_WRITE,
		0, 0, 0);
}

/*
 * By way of a place that the kernel chooses: it unmaps what is at `to` before
 * it looks whether the move is permitted at all.  Whatever it may refuse - pages
 * of two mappings, beyond RLIMIT_AS - it has refused by then.  But for one thing: if
 * the process has nearly as many mappings as it may, the way on is refused too, before
 * anything is unmapped.  The bytes are then carried on from there.
 */
bool os_move(void *from, void *to, size_t bytes)
{
	/* It takes what was begun of a page for all of it. */
	bool is_whole = ((uintptr_t)from | (uintptr_t)to | bytes) % os_page_bytes() == 0;
	void *between = is_refused_by_torture() || !is_whole
		? NULL
		: remap(from, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (between == NULL)
		return false;
	if (remap(between, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		return true;
	memcpy(to, between, bytes);
	os_release(between, bytes); /* to unmap a part of a mapping may be refused as well */
	os_unmap(between, bytes);
	return true;
}

void os_name(void *address, size_t bytes, const char *name)
{
	syscall_of_kernel(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)address, (long)bytes,
		(long)name, 0);
}

bool os_wipe_on_fork(void *address, size_t bytes)
{
	return unknown_advice_is_refused() && advise(address, bytes, MADV_WIPEONFORK);
}

void os_futex_wait(uint32_t *word, uint32_t expected)
{
	syscall_of_kernel(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
}

void os_futex_wake(uint32_t *word, int thread_count)
{
	syscall_of_kernel(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, thread_count, 0, 0, 0);
}

void os_yield(void)
{
	syscall_of_kernel(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

bool os_write(int fd, const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count > 0) {
		long done = syscall_of_kernel(SYS_write, fd, (long)at, (long)count, 0, 0, 0);
		if (done == -EINTR)
			continue;
		if (syscall_failed(done))
			errno = (int)-done;
		if (done <= 0)
			return false;
		at += done;
		count -= (size_t)done;
	}
	return true;
}

bool os_can_write(int fd, bool at_once)
{
	struct pollfd asked = {.fd = fd, .events = POLLOUT};
	int saved = errno;
	int answers = os_is_confined ? -1 : poll(&asked, 1, 0);

	errno = saved;
	if (answers < 0)
		return true; /* write() may know better */
	if ((asked.revents & (POLLERR | POLLNVAL)) != 0)
		return false;
	return !at_once || (asked.revents & POLLOUT) != 0;
}

static long read_some(int fd, char *to, size_t bytes)
{
	long got;

	do
		got = syscall_of_kernel(SYS_read, fd, (long)to, (long)bytes, 0, 0, 0);
	while (got == -EINTR);
	return got;
}

ssize_t os_read_file(const char *path, void *buffer, size_t capacity_bytes)
{
	ssize_t total = 0;
	long got = 1;
	int fd = (int)syscall_of_kernel(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return -1;
	while (got > 0 && (size_t)total < capacity_bytes) {
		got = read_some(fd, (char *)buffer + total, capacity_bytes - (size_t)total);
		total += got > 0 ? got : 0;
	}
	syscall_of_kernel(SYS_close, fd, 0, 0, 0, 0, 0);
	return got < 0 ? -1 : total;
}

uint64_t os_realtime_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

uint64_t os_boottime_ns(void)
{
	return clock_read_ns(CLOCK_BOOTTIME);
}

uint64_t os_coarse_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t os_coarse_realtime_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME_COARSE);
}

int os_thread_id(void)
{
	return (int)syscall_of_kernel(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

int os_thread_mark(void)
{
	return os_is_confined ? 0 : os_thread_id();
}

void os_thread_name(char name[16])
{
	if (os_is_confined)
		name[0] = '\0';
	else
		syscall_of_kernel(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
}

/* The kernel copies the set before it looks at what is to be done with it (as Abseil has
   it), which is nothing that there is. */
bool os_can_read(const void *address)
{
	return !os_is_confined &&
		syscall_of_kernel(SYS_rt_sigprocmask, -1, (long)address, 0, sizeof(uint64_t), 0, 0) ==
			-EINVAL;
}

/*
 * The loader hands every process 16 random bytes; no system call.  libc makes
 * its stack and pointer guards of them, which whoever learns what is made of them
 * must not learn too: they are mixed, by the finalizer of MurmurHash3 (Appleby).
 */
uint64_t os_random_word(uint64_t salt)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	uint64_t words[2] = {0, 0};

	if (bytes != NULL)
		memcpy(words, bytes, sizeof(words));
	uint64_t word = words[0] ^ (words[1] + salt) * 0x9e3779b97f4a7c15u;
	word = (word ^ word >> 33) * 0xff51afd7ed558ccdu;
	word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53u;
	return word ^ word >> 33;
}

int os_process_id(void)
{
	return (int)syscall_of_kernel(SYS_getpid, 0, 0, 0, 0, 0, 0);
}
