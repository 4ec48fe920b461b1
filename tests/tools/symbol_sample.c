#include "tests/tools/symbol_sample.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"

static volatile unsigned calls;

NOINLINE static uint64_t sample_leaf(void)
{
	calls++;
	return (uintptr_t)__builtin_return_address(0);
}

const unsigned sample_inner_start = __LINE__ + 1;
static ALWAYS_INLINE uint64_t sample_inner(void)
{
	calls++;
	uint64_t address = sample_leaf();
	calls++; /* or the call above were the last thing, and a jump */
	return address;
}
const unsigned sample_inner_line = sample_inner_start + 3;

const unsigned sample_outer_start = __LINE__ + 1;
NOINLINE uint64_t sample_outer(void)
{
	calls++;
	uint64_t address = sample_inner();
	calls++;
	return address;
}
const unsigned sample_outer_line = sample_outer_start + 3;

struct search {
	uint64_t address;
	struct site_module *module;
};

static void note_take(const struct dl_phdr_info *info, const ElfW(Phdr) * header,
	struct site_module *module)
{
	const char *at = (const char *)info->dlpi_addr + header->p_vaddr, *end = at + header->p_memsz;
	ElfW(Nhdr) note;

	while (end - at >= (ptrdiff_t)sizeof(note)) {
		memcpy(&note, at, sizeof(note));
		const char *name = at + sizeof(note), *bytes = name + ((note.n_namesz + 3) & ~3u);
		if (note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= sizeof(module->build_id)) {
			module->build_id_bytes = note.n_descsz;
			memcpy(module->build_id, bytes, note.n_descsz);
			return;
		}
		at = bytes + ((note.n_descsz + 3) & ~3u);
	}
}

static void path_take(const struct dl_phdr_info *info, struct site_module *module)
{
	if (strstr(info->dlpi_name, "vdso") != NULL)
		strcpy(module->path, "[vdso]");
	else if (info->dlpi_name[0] != '\0')
		snprintf(module->path, sizeof(module->path), "%s", info->dlpi_name);
	else if (readlink("/proc/self/exe", module->path, sizeof(module->path) - 1) < 0)
		module->path[0] = '\0';
}

static int object_take(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	const struct search *search = arg;
	struct site_module module = {.start = UINT64_MAX, .bias = info->dlpi_addr};

	(void)bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uint64_t start = (info->dlpi_addr + header->p_vaddr) & ~(uint64_t)4095;
		uint64_t end = info->dlpi_addr + header->p_vaddr + header->p_memsz;
		if (header->p_type == PT_LOAD && start < module.start)
			module.start = start;
		if (header->p_type == PT_LOAD && end > module.end)
			module.end = end;
		if (header->p_type == PT_NOTE && module.build_id_bytes == 0)
			note_take(info, header, &module);
	}
	path_take(info, &module);
	bool is_vdso = strcmp(module.path, "[vdso]") == 0;
	if (search->address != 0 ? search->address < module.start || search->address >= module.end
				 : !is_vdso)
		return 0;
	*search->module = module;
	return 1;
}

bool sample_module(uint64_t address, struct site_module *module)
{
	return dl_iterate_phdr(object_take, &(struct search){address, module}) != 0;
}
