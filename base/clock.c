#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/auxv.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/elf_symbols.h"
#include "base/syscall.h"

typedef long clock_fn(clockid_t clock, struct timespec *now);

#if defined(__x86_64__)
static const char VDSO_NAME[] = "__vdso_clock_gettime";
#else
static const char VDSO_NAME[] = "__kernel_clock_gettime";
#endif

/* Of a kernel that maps no such page, or an emulator. */
static long clock_of_kernel(clockid_t clock, struct timespec *now)
{
	return syscall_of_kernel(SYS_clock_gettime, clock, (long)now, 0, 0, 0, 0);
}

static clock_fn *function_in(const ElfW(Ehdr) *header)
{
	uintptr_t start = (uintptr_t)header, bias = start;
	const ElfW(Phdr) *parts = (const ElfW(Phdr) *)(start + header->e_phoff);
	const ElfW(Dyn) *dynamic = NULL;

	for (int i = 0; i < header->e_phnum; i++) {
		if (parts[i].p_type == PT_LOAD)
			bias = start + parts[i].p_offset - parts[i].p_vaddr;
		else if (parts[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(start + parts[i].p_offset);
	}
	if (dynamic == NULL)
		return clock_of_kernel;
	struct elf_symbols symbols = elf_symbols_of(dynamic, bias);
	const ElfW(Sym) *symbol = elf_symbol_find(&symbols, VDSO_NAME);
	return symbol != NULL ? (clock_fn *)(bias + symbol->st_value) : clock_of_kernel;
}

static COLD clock_fn *function_find(void)
{
	int saved = errno; /* where there is none getauxval() says so */
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)getauxval(AT_SYSINFO_EHDR);

	errno = saved;
	return header != NULL && !syscall_is_tested() ? function_in(header) : clock_of_kernel;
}

uint64_t clock_read_ns(clockid_t clock)
{
	static clock_fn *known;
	struct timespec now;
	clock_fn *function = word_load(&known);

	if (UNLIKELY(function == NULL)) {
		function = function_find();
		word_store(&known, function);
	}
	if (function(clock, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
