#include "tools/names.h"

/* Where a symbol without a size ends at the latest.  0: it is in no section with code. */
static uint64_t section_end(Elf *elf, GElf_Word section, GElf_Addr bias)
{
	GElf_Shdr header;
	Elf_Scn *found = elf != NULL ? elf_getscn(elf, section) : NULL;

	if (found == NULL || gelf_getshdr(found, &header) == NULL ||
		(header.sh_flags & SHF_EXECINSTR) == 0)
		return 0;
	return header.sh_addr + header.sh_size + bias;
}

static bool is_function(const GElf_Sym *symbol, GElf_Word section, const char *name)
{
	if (name == NULL || name[0] == '\0' || section == SHN_UNDEF)
		return false;
	int type = GELF_ST_TYPE(symbol->st_info);
	/* "$x" and "$d" say what kind of code begins there. */
	return type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && name[0] != '$');
}

/* Of several at one address: one with a size, then the one that more files see, then the
   one that was not meant for libraries' own use. */
static uint32_t rank_of(const GElf_Sym *symbol, const char *name)
{
	int binding = GELF_ST_BIND(symbol->st_info);
	uint32_t seen = binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;

	return (uint32_t)(symbol->st_size > 0) << 3 | seen << 1 | (uint32_t)(name[0] != '_');
}

static bool name_add(struct names *names, int number)
{
	GElf_Sym symbol;
	GElf_Addr start, bias, end;
	GElf_Word section = SHN_UNDEF;
	Elf *elf = NULL;
	const char *name = dwfl_module_getsym_info(names->module, number, &symbol, &start, &section,
		&elf, &bias);

	if (!is_function(&symbol, section, name))
		return true;
	if (symbol.st_size == 0)
		end = section_end(elf, section, bias);
	else if (__builtin_add_overflow(start, symbol.st_size, &end))
		return true;
	return spans_add(&names->spans, &(struct span){.start = start, .end = end,
		.number = (uint32_t)number, .rank = rank_of(&symbol, name)});
}

/* Those without a size have the lowest rank at their address, so the next span is what
   ends them, unless it begins there too. */
static void names_cut(struct spans *spans)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = spans->count; i > 0; i--) {
		struct span *span = &spans->list[i - 1];
		if (i < spans->count && spans->list[i].start != span->start)
			next = spans->list[i].start;
		if (span->rank < 1 << 3 && span->end > next)
			span->end = next;
	}
}

bool names_read(struct names *names, Dwfl_Module *module)
{
	int count = dwfl_module_getsymtab(module);

	*names = (struct names){.module = module};
	for (int i = 1; i < count; i++) {
		if (!name_add(names, i)) {
			names_free(names);
			return false;
		}
	}
	spans_sort(&names->spans);
	names_cut(&names->spans);
	return true;
}

const char *names_find(const struct names *names, uint64_t address)
{
	const struct span *span = spans_nearest(&names->spans, address);
	GElf_Sym symbol;

	return span != NULL ? dwfl_module_getsym(names->module, (int)span->number, &symbol, NULL)
			    : NULL;
}

void names_free(struct names *names)
{
	spans_free(&names->spans);
	names->module = NULL;
}
