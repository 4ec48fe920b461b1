#include "base/elf_symbols.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The dynamic linker relocates these in place; nothing lies below the bias. */
static const void *address_of(uintptr_t pointer, uintptr_t bias)
{
	return (const void *)(pointer < bias ? pointer + bias : pointer);
}

struct elf_symbols elf_symbols_of(const ElfW(Dyn) *dynamic, uintptr_t bias)
{
	struct elf_symbols found = {0};

	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		const void *address = address_of(dynamic->d_un.d_ptr, bias);
		if (dynamic->d_tag == DT_SYMTAB)
			found.symbols = address;
		else if (dynamic->d_tag == DT_STRTAB)
			found.names = address;
		else if (dynamic->d_tag == DT_GNU_HASH)
			found.gnu_hash = address;
		else if (dynamic->d_tag == DT_HASH)
			found.hash = address;
	}
	return found;
}

static bool is_it(const struct elf_symbols *in, uint32_t index, const char *name)
{
	const ElfW(Sym) *symbol = &in->symbols[index];

	return symbol->st_shndx != SHN_UNDEF && strcmp(in->names + symbol->st_name, name) == 0;
}

/* Bernstein's, of 33; the words: buckets, the first symbol in the table, Bloom filter's words. */
static const ElfW(Sym) *find_gnu(const struct elf_symbols *in, const char *name)
{
	uint32_t hash = 5381, bucket_count = in->gnu_hash[0], first = in->gnu_hash[1];
	const ElfW(Addr) *filter = (const ElfW(Addr) *)(in->gnu_hash + 4);
	const uint32_t *buckets = (const uint32_t *)(filter + in->gnu_hash[2]);
	const uint32_t *chain = buckets + bucket_count;

	for (const char *at = name; *at != '\0'; at++)
		hash = hash * 33 + (unsigned char)*at;
	uint32_t index = bucket_count != 0 ? buckets[hash % bucket_count] : 0;
	for (; index >= first && index != 0; index++) {
		uint32_t other = chain[index - first];
		if ((other | 1) == (hash | 1) && is_it(in, index, name))
			return &in->symbols[index];
		if ((other & 1) != 0) /* the bucket's last */
			break;
	}
	return NULL;
}

/* Each symbol in turn, which the older table has the number of. */
static const ElfW(Sym) *find_any(const struct elf_symbols *in, const char *name)
{
	for (uint32_t index = 1; index < in->hash[1]; index++)
		if (is_it(in, index, name))
			return &in->symbols[index];
	return NULL;
}

const ElfW(Sym) *elf_symbol_find(const struct elf_symbols *in, const char *name)
{
	if (in->symbols == NULL || in->names == NULL)
		return NULL;
	if (in->gnu_hash != NULL)
		return find_gnu(in, name);
	return in->hash != NULL ? find_any(in, name) : NULL;
}
