/*
 * preload/redirect.c - whoever asks libc itself for malloc gets ours.
 *
 * WHY        What libc allocates for a program - by strdup(), getline(), asprintf() - it
 *            allocates by the process's malloc, which is ours.  But a library that was
 *            loaded with RTLD_DEEPBIND finds libc's own free() first, and so does who asks
 *            for "free" by the handle of libc.so.6, as many a binding of another language
 *            does: of our objects libc's free() knows nothing, and ends the program.
 *
 * RULE       Before the first library is loaded by dlopen(), the entries of the malloc
 *            family in libc's symbol table are made to say where ours are.  All else
 *            that RTLD_DEEPBIND means stays as it is.  The entries are on about ten
 *            pages, which only those processes pay for that load something.
 *
 *            Not where we were loaded late ourselves, and others are bound to libc: memory
 *            of its own would come to us.  If a page may not be written, its entries stay
 *            as they are.
 *
 * LOCKING    Each entry is one word, which others may read meanwhile.  Whoever loads a
 *            library waits until all are written.
 */
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/elf_symbols.h"
#include "base/lock.h"
#include "base/os.h"
#include "preload/malloc.h"
#include "preload/redirect.h"

/* libc.so.6 in memory. */
struct image {
	uintptr_t bias;
	const ElfW(Phdr) *parts;
	size_t part_count;
};

/* The mapped part that holds an address; NULL if none does. */
static const ElfW(Phdr) *part_at(const struct image *image, uintptr_t address)
{
	for (size_t i = 0; i < image->part_count; i++) {
		const ElfW(Phdr) *part = &image->parts[i];
		if (part->p_type == PT_LOAD && address - image->bias - part->p_vaddr < part->p_memsz)
			return part;
	}
	return NULL;
}

/* libc is where a function lies that nobody else defines. */
static int image_find(struct dl_phdr_info *info, size_t info_bytes, void *found)
{
	struct image image = {info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum};

	(void)info_bytes;
	if (part_at(&image, (uintptr_t)gnu_get_libc_version) == NULL)
		return 0;
	*(struct image *)found = image;
	return 1;
}

static const ElfW(Dyn) *dynamic_of(const struct image *image)
{
	for (size_t i = 0; i < image->part_count; i++)
		if (image->parts[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(image->bias + image->parts[i].p_vaddr);
	return NULL;
}

/* What its pages may be used for, as mprotect(2) wants it. */
static int protection_of(const ElfW(Phdr) *part)
{
	return ((part->p_flags & PF_R) != 0 ? PROT_READ : 0) |
		((part->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
		((part->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

/* An entry may lie on two pages. */
static void entry_write(const struct image *image, const ElfW(Sym) *symbol, uintptr_t value)
{
	const ElfW(Phdr) *part = part_at(image, (uintptr_t)symbol);
	uintptr_t unit = os_page_bytes(), from = bits_round_down((uintptr_t)symbol, unit);
	size_t bytes = bits_round_up((uintptr_t)(symbol + 1) - from, unit);

	if (part == NULL || !os_protect((void *)from, bytes, protection_of(part) | PROT_WRITE))
		return;
	word_store((uintptr_t *)&symbol->st_value, value);
	os_protect((void *)from, bytes, protection_of(part));
}

static COLD void redirect(void)
{
	struct image image = {0};
	const ElfW(Dyn) *dynamic;

	if (dl_iterate_phdr(image_find, &image) == 0 || (dynamic = dynamic_of(&image)) == NULL)
		return;
	struct elf_symbols symbols = elf_symbols_of(dynamic, image.bias);
	for (const struct malloc_name *name = malloc_names; name->name != NULL; name++) {
		const ElfW(Sym) *symbol = elf_symbol_find(&symbols, name->name);
		if (symbol != NULL)
			entry_write(&image, symbol, (uintptr_t)name->ours - image.bias);
	}
}

static void *dlopen_of_ours(const char *file, int mode) OWN_NAME_OF(dlopen);
static void *(*const volatile our_dlopen)(const char *, int) = dlopen_of_ours;

static struct lock redirect_lock = {.rank = LOCK_RANK_NONE};
static bool is_done;

static void redirect_once(void)
{
	if (LIKELY(__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)))
		return;
	lock_acquire(&redirect_lock);
	if (!is_done && dlopen == our_dlopen)
		redirect();
	__atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
	lock_release(&redirect_lock);
}

void redirect_forget(void)
{
	lock_reset(&redirect_lock);
}

/*
 * Whose call it is decides where libc looks for the file: in its caller's RUNPATH.  So
 * libc's function is jumped to, the last thing that is done here, and returns to that
 * caller.
 */
EXPORT void *dlopen(const char *file, int mode)
{
	static void *(*next)(const char *, int);

	if (file != NULL)
		redirect_once();
	if (next == NULL)
		next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	return next(file, mode);
}

EXPORT void *dlmopen(Lmid_t space, const char *file, int mode)
{
	static void *(*next)(Lmid_t, const char *, int);

	if (file != NULL)
		redirect_once();
	if (next == NULL)
		next = (void *(*)(Lmid_t, const char *, int))dlsym(RTLD_NEXT, "dlmopen");
	return next(space, file, mode);
}
