#include "tools/binary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the kernel puts behind the path of a file that has none any more. */
static const char deleted[] = " (deleted)";

/* Only of modules whose file is not here; all others are reported with it. */
static int elf_find(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
	char **path, Elf **elf)
{
	const struct debug_search *search = *user;

	return search->settings->use_debuginfod
		? dwfl_build_id_find_elf(module, user, name, base, path, elf)
		: -1;
}

static const Dwfl_Callbacks callbacks = {.find_elf = elf_find, .find_debuginfo = debug_file_find,
	.section_address = dwfl_offline_section_address};

/* Opens the file if it is the module's; else notes what it was found to be, of several
   what says most. */
static int file_try(const struct binary *binary, const char *path, enum module_file *why)
{
	int fd = elf_file_open(path);

	if (fd < 0) {
		bool is_missing = errno == ENOENT || errno == ENOTDIR;
		if (!is_missing && *why == MODULE_MISSING)
			*why = MODULE_UNREADABLE;
		return -1;
	}
	if (elf_file_has_id(fd, &binary->search.id))
		return fd;
	close(fd);
	*why = MODULE_OTHER;
	return -1;
}

/* Under the root, then as it stands; the path is for libdwfl, which looks beside it. */
static int path_try(const struct binary *binary, const char *module_path, char **path,
	enum module_file *why)
{
	const char *root = binary->search.settings->root;
	int fd = -1;

	for (int i = root != NULL ? 0 : 1; fd < 0 && i < 2; i++) {
		free(*path);
		if (asprintf(path, "%s%s", i == 0 ? root : "", module_path) < 0)
			*path = NULL;
		if (*path != NULL)
			fd = file_try(binary, *path, why);
	}
	return fd;
}

/* A deleted file's path may have another by now, or the same once more; without a build
   id nobody can tell. */
static int main_open(const struct binary *binary, const struct site_module *module, char **path,
	enum module_file *why)
{
	char kept[sizeof(module->path)];
	size_t length = strlen(module->path), suffix = sizeof(deleted) - 1;

	*why = MODULE_MISSING;
	if (module->path[0] != '/')
		return -1;
	int fd = path_try(binary, module->path, path, why);
	if (fd >= 0 || length <= suffix || strcmp(module->path + length - suffix, deleted) != 0 ||
		module->build_id_bytes == 0)
		return fd;
	memcpy(kept, module->path, length - suffix);
	kept[length - suffix] = '\0';
	return path_try(binary, kept, path, why);
}

static bool is_loadable(Dwfl_Module *module)
{
	GElf_Addr bias;
	GElf_Ehdr header;
	Elf *elf = dwfl_module_getelf(module, &bias);

	return elf != NULL && gelf_getehdr(elf, &header) != NULL &&
		(header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

/* The descriptor is libdwfl's now, or closed. */
static bool file_report(struct binary *binary, const char *path, int fd)
{
	dwfl_report_begin(binary->dwfl);
	binary->module = dwfl_report_elf(binary->dwfl, "", path, fd, 0, true);
	if (binary->module == NULL)
		close(fd);
	return dwfl_report_end(binary->dwfl, NULL, NULL) == 0 && binary->module != NULL;
}

/* A module whose file is not here, for the servers to have one. */
static bool absent_report(struct binary *binary, const struct site_module *module)
{
	const struct build_id *id = &binary->search.id;

	if (!binary->search.settings->use_debuginfod || id->count == 0 ||
		module->start < module->bias || module->start >= module->end)
		return false;
	dwfl_report_begin(binary->dwfl);
	binary->module = dwfl_report_module(binary->dwfl, "", module->start - module->bias,
		module->end - module->bias);
	if (binary->module != NULL)
		dwfl_module_report_build_id(binary->module, id->bytes, id->count, 0);
	return dwfl_report_end(binary->dwfl, NULL, NULL) == 0 && binary->module != NULL;
}

/* The module's own file, or the one with its debugging information alone, which has a
   copy of all that is needed of the former. */
static bool any_report(struct binary *binary, const struct site_module *module)
{
	char *path = NULL, *debug_path = NULL;
	bool is_reported;
	int fd = main_open(binary, module, &path, &binary->state);

	if (fd < 0)
		fd = debug_file_open(&binary->search, &binary->search.id, &debug_path);
	if (fd >= 0)
		is_reported = file_report(binary, debug_path != NULL ? debug_path : path, fd);
	else
		is_reported = absent_report(binary, module);
	if (fd >= 0 && !is_reported)
		binary->state = MODULE_UNREADABLE;
	free(path);
	free(debug_path);
	return is_reported;
}

static bool files_open(struct binary *binary, const struct site_module *module)
{
	void **user;
	Dwarf_Addr bias;

	if (!any_report(binary, module))
		return false;
	dwfl_module_info(binary->module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = &binary->search;
	bool is_there = is_loadable(binary->module);
	if (!is_there && dwfl_module_getelf(binary->module, &bias) != NULL)
		binary->state = MODULE_UNREADABLE;
	return is_there;
}

void binary_open(struct binary *binary, const struct site_module *module,
	const struct symbols_settings *settings)
{
	Dwarf_Addr bias;

	*binary = (struct binary){.state = MODULE_UNREADABLE,
		.search = {.settings = settings, .id = {module->build_id, module->build_id_bytes}}};
	binary->dwfl = dwfl_begin(&callbacks);
	if (binary->dwfl == NULL)
		return;
	if (!files_open(binary, module)) {
		binary_close(binary);
		return;
	}
	/* Before the names: libdwfl takes them out of the same file then. */
	Dwarf *dwarf = dwfl_module_getdwarf(binary->module, &bias);
	/* Without the shared part libdw would look for it by itself, whatever its path. */
	binary->dwarf = binary->search.lacks_shared ? NULL : dwarf;
	binary->state = binary->dwarf != NULL ? MODULE_LINES : MODULE_STRIPPED;
}

void binary_close(struct binary *binary)
{
	if (binary->dwfl != NULL)
		dwfl_end(binary->dwfl);
	binary->dwfl = NULL;
	binary->module = NULL;
	binary->dwarf = NULL;
}
