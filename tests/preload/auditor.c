/*
 * auditor.c - a library for LD_AUDIT: it is told of every object and every symbol that is
 * bound, and allocates, by the libc of its own that auditors have.
 */
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static void *kept[16];

static void allocate(unsigned number)
{
	free(kept[number % 16]);
	kept[number % 16] = malloc(number % 3000);
}

unsigned la_version(unsigned version)
{
	return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
	(void)map;
	(void)space;
	allocate((unsigned)*cookie / 16);
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned number, uintptr_t *referrer, uintptr_t *definer,
	unsigned *flags, const char *name)
{
	(void)referrer;
	(void)definer;
	(void)flags;
	(void)name;
	allocate(number);
	return symbol->st_value;
}
