/*
 * base/elf_symbols.h - a symbol by its name, in an object that is mapped.
 *
 * WHY        The dynamic linker's own functions for it allocate, and find what other
 *            libraries have put in front.
 *
 * What is looked at is the dynamic section, as the dynamic linker does: the hash table
 * of GNU's form, or the older one.
 */
#ifndef BASE_ELF_SYMBOLS_H
#define BASE_ELF_SYMBOLS_H

#include <elf.h>
#include <link.h>
#include <stdint.h>

struct elf_symbols {
	const ElfW(Sym) *symbols;
	const char *names;
	const uint32_t *gnu_hash; /* NULL: it has none */
	const uint32_t *hash;
};

/* Of the object that is mapped at its link address plus `bias`.  Pointers of its dynamic
   section are addresses in memory, or in its file if nobody relocated them (the vDSO). */
struct elf_symbols elf_symbols_of(const ElfW(Dyn) *dynamic, uintptr_t bias);

/* The definition of that name, the first one if there are versions; NULL if none. */
const ElfW(Sym) *elf_symbol_find(const struct elf_symbols *in, const char *name);

#endif
