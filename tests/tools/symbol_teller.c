/*
 * symbol_teller.c - what symbols.sh runs: a program that has symbols, and tells those of
 * files.
 *
 *     symbol_teller sample C|C++            the address of a sample in its file, and the
 *                                           file's build id
 *     symbol_teller tell ROOT PATH ID ADDRESS   of a module at no bias; ROOT "-" is none
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/symbol_sample.h"
#include "tools/symbols.h"

static const char *const states[] = {[MODULE_LINES] = "lines", [MODULE_SYMBOLS] = "symbols",
	[MODULE_STRIPPED] = "stripped", [MODULE_MISSING] = "missing", [MODULE_OTHER] = "other",
	[MODULE_UNREADABLE] = "unreadable"};

static int sample_print(const char *which)
{
	struct site_module module;
	uint64_t address = strcmp(which, "C++") == 0 ? sample_taken() : sample_outer();

	if (!sample_module(address, &module))
		return EXIT_FAILURE;
	printf("0x%llx ", (unsigned long long)(address - module.bias));
	for (size_t i = 0; i < module.build_id_bytes; i++)
		printf("%02x", module.build_id[i]);
	putchar('\n');
	return EXIT_SUCCESS;
}

static void id_read(struct site_module *module, const char *digits)
{
	unsigned byte;

	while (module->build_id_bytes < sizeof(module->build_id) &&
		sscanf(digits + 2 * module->build_id_bytes, "%2x", &byte) == 1)
		module->build_id[module->build_id_bytes++] = (unsigned char)byte;
}

static int tell(const struct site_module *module, const char *root, uint64_t address)
{
	struct site_module modules[] = {*module};
	struct site_frame frames[] = {{.module = SITES_NO_MODULE}, {.address = address}};
	struct sites sites = {.frames = frames, .frame_count = 2, .modules = modules,
		.module_count = 1};
	struct symbols_settings settings = {.root = strcmp(root, "-") != 0 ? root : NULL,
		.use_debuginfod = getenv("SYMBOLS_DEBUGINFOD") != NULL};
	struct symbols *symbols = symbols_open(&sites, &settings);

	if (symbols == NULL)
		return EXIT_FAILURE;
	struct symbol_list list = symbols_of(symbols, 1);
	printf("%s\n", states[symbols_module(symbols, 0)]);
	for (size_t i = 0; i < list.count; i++) {
		const char *file = list.list[i].file, *slash = file != NULL ? strrchr(file, '/') : NULL;
		printf("%s %s:%u\n", list.list[i].function,
			slash != NULL ? slash + 1 : file != NULL ? file : "?", list.list[i].line);
	}
	symbols_close(symbols);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct site_module module = {.end = UINT64_MAX};

	if (argc == 3 && strcmp(argv[1], "sample") == 0)
		return sample_print(argv[2]);
	if (argc != 6 || strcmp(argv[1], "tell") != 0)
		return EXIT_FAILURE;
	snprintf(module.path, sizeof(module.path), "%s", argv[3]);
	id_read(&module, argv[4]);
	return tell(&module, argv[2], strtoull(argv[5], NULL, 0));
}
