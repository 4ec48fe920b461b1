#include "tools/debug_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"

/* What makes a file the right one. */
struct wanted {
	const struct build_id *id;
	GElf_Word crc;
	bool by_crc; /* the module has no build id */
};

static bool is_wanted(int fd, const struct wanted *wanted)
{
	return elf_file_has_id(fd, wanted->id) &&
		(!wanted->by_crc || elf_file_has_crc(fd, wanted->crc));
}

/* Frees the path if it is not the right one. */
static int file_try(char *path, const struct wanted *wanted, char **found)
{
	int fd = path != NULL ? elf_file_open(path) : -1;

	if (fd >= 0 && is_wanted(fd, wanted)) {
		*found = path;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

PRINTF_LIKE(1, 2) static char *path_make(const char *format, ...)
{
	va_list arguments;
	char *path;

	va_start(arguments, format);
	int length = vasprintf(&path, format, arguments);
	va_end(arguments);
	return length >= 0 ? path : NULL;
}

/* The roots to look under, in turn: NULL behind the last. */
static const char *root_at(const struct debug_search *search, unsigned i)
{
	const char *root = search->settings->root;

	if (root == NULL)
		i++;
	return i == 0 ? root : i == 1 ? "" : NULL;
}

int debug_file_open(const struct debug_search *search, const struct build_id *id, char **path)
{
	char digits[2 * 64 + 1];
	const char *root;
	int fd = -1;

	if (id->count < 2 || id->count > 64)
		return -1;
	for (size_t i = 0; i < id->count; i++)
		snprintf(digits + 2 * i, 3, "%02x", id->bytes[i]);
	for (unsigned i = 0; fd < 0 && (root = root_at(search, i)) != NULL; i++)
		fd = file_try(path_make("%s/usr/lib/debug/.build-id/%.2s/%s.debug", root, digits,
			digits + 2), &(struct wanted){.id = id}, path);
	return fd;
}

/* By the name in .gnu_debuglink: beside the module's file, in .debug there, and below
   /usr/lib/debug under the same folder. */
static int link_open(const struct debug_search *search, const char *file, const char *link,
	GElf_Word crc, char **path)
{
	struct wanted wanted = {.id = &search->id, .crc = crc, .by_crc = search->id.count == 0};
	const char *slash = strrchr(file, '/'), *root = search->settings->root;
	int folder = slash != NULL ? (int)(slash - file) : 0;
	size_t root_length = root != NULL ? strlen(root) : 0;

	if (slash == NULL || strchr(link, '/') != NULL)
		return -1;
	if (root == NULL || strncmp(file, root, root_length) != 0)
		root_length = 0;
	int fd = file_try(path_make("%.*s/%s", folder, file, link), &wanted, path);
	if (fd < 0)
		fd = file_try(path_make("%.*s/.debug/%s", folder, file, link), &wanted, path);
	if (fd < 0 && root_length <= (size_t)folder)
		fd = file_try(path_make("%.*s/usr/lib/debug%.*s/%s", (int)root_length, file,
			folder - (int)root_length, file + root_length, link), &wanted, path);
	return fd;
}

/* The one that dwz made, by its build id or by the name that stands in `file`. */
static int shared_open(const struct debug_search *search, Dwarf *dwarf, const char *file,
	char **path)
{
	const char *name, *slash = file != NULL ? strrchr(file, '/') : NULL, *root;
	const void *bytes;
	ssize_t count = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &bytes);

	if (count <= 0)
		return -1;
	struct build_id id = {bytes, (size_t)count};
	struct wanted wanted = {.id = &id};
	int fd = debug_file_open(search, &id, path);
	for (unsigned i = 0; fd < 0 && name[0] == '/' && (root = root_at(search, i)) != NULL; i++)
		fd = file_try(path_make("%s%s", root, name), &wanted, path);
	if (fd < 0 && name[0] != '/' && slash != NULL)
		fd = file_try(path_make("%.*s/%s", (int)(slash - file), file, name), &wanted, path);
	return fd;
}

/* Without names libdwfl's own looks in /usr/lib/debug and then asks the servers. */
static int server_open(const struct debug_search *search, Dwfl_Module *module, char **path)
{
	errno = 0;
	return search->settings->use_debuginfod
		? dwfl_standard_find_debuginfo(module, NULL, NULL, 0, NULL, NULL, 0, path)
		: -1;
}

/* libdwfl calls this once more when it has the debugging information, for what belongs to
   that; then the bias is known. */
static bool has_dwarf(Dwfl_Module *module)
{
	Dwarf_Addr bias;

	dwfl_module_info(module, NULL, NULL, NULL, &bias, NULL, NULL, NULL);
	return bias != (Dwarf_Addr)-1;
}

int debug_file_find(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **path)
{
	struct debug_search *search = *user;
	bool is_shared = has_dwarf(module);
	Dwarf_Addr bias;
	int fd;

	(void)name;
	(void)base;
	if (is_shared)
		fd = shared_open(search, dwfl_module_getdwarf(module, &bias), file, path);
	else
		fd = debug_file_open(search, &search->id, path);
	if (fd < 0 && !is_shared && link != NULL && file != NULL)
		fd = link_open(search, file, link, crc, path);
	if (fd < 0)
		fd = server_open(search, module, path);
	search->lacks_shared |= is_shared && fd < 0;
	if (fd < 0)
		errno = 0; /* or libdwfl takes it for a failure, and the symbols with it */
	return fd;
}
