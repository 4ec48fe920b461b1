#include "tests/tools/sites_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct symbol_list sites_sample_symbols[MADE_FRAMES_MAX];
enum module_file sites_sample_modules[8];

static struct symbol singles[MADE_FRAMES_MAX];

/* ---- tools/symbols.h ------------------------------------------------------- */

struct symbols {
	const struct sites *sites;
};

struct symbols *symbols_open(const struct sites *sites, const struct symbols_settings *settings)
{
	struct symbols *symbols = malloc(sizeof(*symbols));

	(void)settings;
	if (symbols != NULL)
		symbols->sites = sites;
	return symbols;
}

bool symbols_follow(struct symbols *symbols, const struct sites *sites)
{
	symbols->sites = sites;
	return true;
}

struct symbol_list symbols_of(struct symbols *symbols, uint32_t frame)
{
	(void)symbols;
	return sites_sample_symbols[frame];
}

enum module_file symbols_module(struct symbols *symbols, uint32_t module)
{
	(void)symbols;
	return sites_sample_modules[module];
}

void symbols_close(struct symbols *symbols)
{
	free(symbols);
}

/* ---- sites ----------------------------------------------------------------- */

static void module_set(struct site_module *module, const char *path, uint64_t start)
{
	module->start = start;
	module->end = start + 0x10000;
	module->bias = start;
	module->build_id_bytes = 20;
	memset(module->build_id, (int)(start >> 16) & 0xff, 20);
	strcpy(module->path, path);
}

void sites_sample_init(struct sites *sites)
{
	*sites = (struct sites){.rate_bytes = 512 << 10, .sample_count = 1000, .module_count = 2};
	sites->list = calloc(MADE_SITES_MAX, sizeof(*sites->list));
	sites->frames = calloc(MADE_FRAMES_MAX, sizeof(*sites->frames));
	sites->modules = calloc(2, sizeof(*sites->modules));
	module_set(&sites->modules[0], "/usr/bin/prog", 0x400000);
	module_set(&sites->modules[1], "/usr/lib/libx.so", 0x7f0000ab0000);
	sites->frames[0].module = SITES_NO_MODULE;
	sites->frame_count = 1;
}

void sites_sample_free(struct sites *sites)
{
	sites_free(sites);
}

uint32_t sites_sample_frame(struct sites *sites, uint32_t caller, uint32_t module,
	const char *function)
{
	uint32_t number = (uint32_t)sites->frame_count++;
	uint64_t start = module == SITES_NO_MODULE ? 0 : sites->modules[module].start;

	sites->frames[number] = (struct site_frame){.address = start + 0x100 + number,
		.module = module, .caller = caller};
	singles[number] = (struct symbol){.function = function != NULL ? function : "0x123",
		.is_known = function != NULL};
	sites_sample_symbols[number] = (struct symbol_list){&singles[number], 1};
	return number;
}

static struct site_sum sum_of(double bytes)
{
	return (struct site_sum){.samples = 10, .objects = bytes / 100, .objects_error = bytes / 1000,
		.bytes = bytes, .bytes_error = bytes / 10};
}

struct site *sites_sample_site(struct sites *sites, uint32_t frame, double bytes)
{
	struct site *site = &sites->list[sites->count++];

	site->frame = frame;
	site->live = sum_of(bytes);
	site->total = sum_of(2 * bytes);
	site->peak = sum_of(3 * bytes);
	return site;
}

static void side_fill(struct prof_side *side, const char *title, const struct sites *sites)
{
	const struct symbols_settings settings = {0};
	struct symbols *symbols = symbols_open(sites, &settings);

	side->title = title;
	side->realtime_ns = UINT64_C(1767225600000000000);
	if (symbols == NULL || !stacks_open(&side->stacks, sites, symbols))
		abort();
}

void sites_sample_prof(struct prof *prof, const struct sites *before, const struct sites *after)
{
	*prof = (struct prof){.value = SITE_LIVE, .is_diff = before != NULL};
	if (before != NULL)
		side_fill(&prof->sides[STACK_BEFORE], "prog (1)", before);
	side_fill(&prof->sides[STACK_AFTER], "prog (2)", after);
}

void sites_sample_prof_free(struct prof *prof)
{
	for (int side = prof->is_diff ? 0 : 1; side < 2; side++) {
		symbols_close(prof->sides[side].stacks.symbols);
		stacks_close(&prof->sides[side].stacks);
	}
}
