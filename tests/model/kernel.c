#include "tests/model/kernel.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define THREAD_LOCAL __thread __attribute__((tls_model("local-exec")))
#define VISIBLE __attribute__((visibility("default")))

/* As if the machine were up for some days. */
enum { CLOCK_BEGIN_S = 400000 };

static THREAD_LOCAL struct {
	unsigned kinds;
	uint32_t skip;
	uint32_t count;
	uint64_t refusals;
} here;

static uint64_t call_count, refused_count, refused_call;
static size_t limit_bytes;
static int64_t mapped_bytes;
static uint64_t clock_ns;

void kernel_refuse(unsigned kinds, uint32_t skip, uint32_t count)
{
	here.kinds = kinds;
	here.skip = skip;
	here.count = count;
}

void kernel_limit(size_t bytes)
{
	__atomic_store_n(&limit_bytes, bytes, __ATOMIC_RELAXED);
}

size_t kernel_mapped_bytes(void)
{
	int64_t bytes = __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED);

	return bytes > 0 ? (size_t)bytes : 0;
}

uint64_t kernel_refusals(void)
{
	return here.refusals;
}

uint64_t kernel_calls(void)
{
	return __atomic_load_n(&call_count, __ATOMIC_RELAXED);
}

uint64_t kernel_refused(void)
{
	return __atomic_load_n(&refused_count, __ATOMIC_RELAXED);
}

/* The library may call before main() does. */
static uint64_t refused_call_of_environment(void)
{
	static uint64_t number;
	static bool is_known;

	if (!is_known && environ != NULL) {
		const char *text = getenv("MODEL_REFUSE_AT");
		number = text != NULL ? strtoull(text, NULL, 10) : 0;
		is_known = true;
	}
	return number;
}

static bool is_refused(enum kernel_kind kind)
{
	bool refused = false;

	refused_call = refused_call_of_environment();
	if (__atomic_add_fetch(&call_count, 1, __ATOMIC_RELAXED) == refused_call)
		refused = true;
	if ((here.kinds & kind) != 0 && here.skip > 0)
		here.skip--;
	else if ((here.kinds & kind) != 0 && here.count > 0) {
		here.count--;
		refused = true;
	}
	if (refused) {
		here.refusals++;
		__atomic_fetch_add(&refused_count, 1, __ATOMIC_RELAXED);
	}
	return refused;
}

static bool is_beyond_limit(size_t bytes)
{
	size_t limit = __atomic_load_n(&limit_bytes, __ATOMIC_RELAXED);

	if (limit == 0 || kernel_mapped_bytes() + bytes <= limit)
		return false;
	here.refusals++;
	__atomic_fetch_add(&refused_count, 1, __ATOMIC_RELAXED);
	return true;
}

static void *refuse(int error)
{
	errno = error;
	return MAP_FAILED;
}

VISIBLE void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_FIXED_NOREPLACE) != 0 && is_refused(KERNEL_PLACE))
		return refuse(EEXIST);
	bool is_memory = (protection & PROT_WRITE) != 0 && (flags & MAP_ANONYMOUS) != 0;
	if (is_refused(KERNEL_MAP) || (is_memory && is_beyond_limit(bytes)))
		return refuse(ENOMEM);
	void *mapped = (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
	if (mapped == MAP_FAILED && errno == ENOMEM)
		here.refusals++;
	else if (mapped != MAP_FAILED && is_memory)
		__atomic_fetch_add(&mapped_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
	return mapped;
}

VISIBLE int munmap(void *address, size_t bytes)
{
	long result = syscall(SYS_munmap, address, bytes);

	if (result == 0)
		__atomic_fetch_sub(&mapped_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
	return (int)result;
}

VISIBLE int mprotect(void *address, size_t bytes, int protection)
{
	if (protection != PROT_NONE && is_refused(KERNEL_COMMIT)) {
		errno = ENOMEM;
		return -1;
	}
	long result = syscall(SYS_mprotect, address, bytes, protection);
	if (result != 0 && errno == ENOMEM)
		here.refusals++;
	return (int)result;
}

VISIBLE void *mremap(void *from, size_t old_bytes, size_t new_bytes, int flags, ...)
{
	va_list arguments;

	va_start(arguments, flags);
	void *to = va_arg(arguments, void *);
	va_end(arguments);
	if ((flags & MREMAP_FIXED) == 0 && is_refused(KERNEL_MOVE))
		return refuse(ENOMEM);
	return (void *)syscall(SYS_mremap, from, old_bytes, new_bytes, flags, to);
}

VISIBLE int madvise(void *address, size_t bytes, int advice)
{
	if (advice == MADV_DONTNEED && is_refused(KERNEL_RELEASE)) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, address, bytes, advice);
}

void kernel_clock_advance(uint64_t ns)
{
	__atomic_fetch_add(&clock_ns, ns, __ATOMIC_RELAXED);
}

VISIBLE int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC_COARSE && clock != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, now);
	uint64_t ns = __atomic_load_n(&clock_ns, __ATOMIC_RELAXED);
	now->tv_sec = (time_t)(CLOCK_BEGIN_S + ns / 1000000000u);
	now->tv_nsec = (long)(ns % 1000000000u);
	return 0;
}

static long of_kind(long number, long a, long b, long c, long d, long e, long f)
{
	switch (number) {
	case SYS_mmap:
		return (long)mmap((void *)a, (size_t)b, (int)c, (int)d, (int)e, f);
	case SYS_munmap:
		return munmap((void *)a, (size_t)b);
	case SYS_mprotect:
		return mprotect((void *)a, (size_t)b, (int)c);
	case SYS_mremap:
		return (long)mremap((void *)a, (size_t)b, (size_t)c, (int)d, (void *)e);
	case SYS_madvise:
		return madvise((void *)a, (size_t)b, (int)c);
	case SYS_clock_gettime:
		return clock_gettime((clockid_t)a, (struct timespec *)b);
	default:
		return syscall(number, a, b, c, d, e, f);
	}
}

/* The heap's own calls, which go past libc (base/syscall.h). */
VISIBLE long mstat_test_kernel(long number, long a, long b, long c, long d, long e, long f);
VISIBLE long mstat_test_kernel(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long result = of_kind(number, a, b, c, d, e, f);

	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

/* The loader's words for the program stand behind its environment, as it is at the start. */
static const Elf64_auxv_t *words_of_loader(void)
{
	static const Elf64_auxv_t *words;

	if (words == NULL && environ != NULL) {
		char **entry = environ;
		while (*entry != NULL)
			entry++;
		words = (const Elf64_auxv_t *)(entry + 1);
	}
	return words;
}

VISIBLE unsigned long getauxval(unsigned long type)
{
	static uint64_t place[2];
	const char *text = type == AT_RANDOM && environ != NULL ? getenv("MODEL_PLACE") : NULL;

	if (text != NULL) {
		place[0] = strtoull(text, NULL, 10);
		return (unsigned long)place;
	}
	for (const Elf64_auxv_t *word = words_of_loader(); word != NULL && word->a_type != AT_NULL;
		word++)
		if (word->a_type == type)
			return word->a_un.a_val;
	errno = ENOENT;
	return 0;
}

void *kernel_memory(size_t bytes)
{
	void *memory = (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		_exit(4);
	return memory;
}
