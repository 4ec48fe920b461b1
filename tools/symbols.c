#include "tools/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/binary.h"
#include "tools/demangle.h"
#include "tools/lines.h"
#include "tools/names.h"
#include "tools/perf_map.h"
#include "tools/texts.h"

/* A module, opened when the first frame in it is asked for. */
struct object {
	bool is_open;
	struct binary binary;
	struct lines lines;
	struct names names;
};

struct symbols {
	const struct sites *sites;
	struct symbols_settings settings; /* its texts are our own */
	struct object *objects;     /* one a module */
	struct symbol_list *frames; /* list is NULL of those nobody has asked for */
	struct texts texts;
	struct perf_map perf_map;
	bool has_perf_map;          /* it was read, or there is none */
};

static const struct symbol nothing = {.function = "?"};

static bool settings_copy(struct symbols *symbols, const struct symbols_settings *settings)
{
	symbols->settings = *settings;
	symbols->settings.root = settings->root != NULL ? strdup(settings->root) : NULL;
	symbols->settings.perf_map = settings->perf_map != NULL ? strdup(settings->perf_map) : NULL;
	symbols->has_perf_map = settings->perf_map == NULL;
	return (symbols->settings.root != NULL) == (settings->root != NULL) &&
		(symbols->settings.perf_map != NULL) == (settings->perf_map != NULL);
}

struct symbols *symbols_open(const struct sites *sites, const struct symbols_settings *settings)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (symbols == NULL)
		return NULL;
	symbols->sites = sites;
	symbols->objects = calloc(sites->module_count + 1, sizeof(*symbols->objects));
	symbols->frames = calloc(sites->frame_count + 1, sizeof(*symbols->frames));
	if (settings_copy(symbols, settings) && symbols->objects != NULL && symbols->frames != NULL)
		return symbols;
	symbols_close(symbols);
	return NULL;
}

static void object_open(struct symbols *symbols, uint32_t module)
{
	struct object *object = &symbols->objects[module];
	struct binary *binary = &object->binary;

	if (object->is_open)
		return;
	object->is_open = true;
	binary_open(binary, &symbols->sites->modules[module], &symbols->settings);
	if (binary->dwarf != NULL)
		lines_read(&object->lines, binary->dwarf);
	if (binary->module != NULL)
		names_read(&object->names, binary->module);
	if (binary->state == MODULE_STRIPPED && object->names.spans.count > 0)
		binary->state = MODULE_SYMBOLS;
}

/* C++ as it was written. */
static const char *name_keep(struct symbols *symbols, const char *name)
{
	char *demangled = demangle(name);
	const char *kept = texts_keep(&symbols->texts, demangled != NULL ? demangled : name);

	free(demangled);
	return kept;
}

/* A symbol's name without the version of a library's interface that it is of. */
static const char *name_find(struct symbols *symbols, const struct names *names, uint64_t address)
{
	const char *name = names_find(names, address);
	char *plain = name != NULL ? strndup(name, strcspn(name, "@")) : NULL;

	name = texts_keep(&symbols->texts, plain);
	free(plain);
	return name;
}

/* Where it is, as other tools take it: in the file, or else in memory. */
static const char *place_keep(struct symbols *symbols, const struct site_frame *frame)
{
	char text[BOX_PATH_BYTES + 32];

	if (frame->module == SITES_NO_MODULE) {
		snprintf(text, sizeof(text), "0x%" PRIx64, frame->address);
	} else {
		const char *name = sites_module_name(symbols->sites, frame->module);
		snprintf(text, sizeof(text), "%s+0x%" PRIx64, name,
			frame->address - symbols->sites->modules[frame->module].bias);
	}
	return texts_keep(&symbols->texts, text);
}

static struct symbol symbol_make(struct symbols *symbols, const struct site_frame *frame,
	const struct line_call *call)
{
	const char *function = call->function != NULL ? name_keep(symbols, call->function) : NULL;
	bool is_known = function != NULL && function[0] != '\0';

	if (!is_known)
		function = place_keep(symbols, frame);
	const char *file = texts_keep(&symbols->texts, call->file);
	return (struct symbol){.function = function != NULL ? function : nothing.function,
		.file = file,
		.line = file != NULL ? call->line : 0,
		.start_line = is_known ? call->start_line : 0,
		.is_known = is_known};
}

static const char *perf_name(struct symbols *symbols, uint64_t address)
{
	if (!symbols->has_perf_map)
		perf_map_read(&symbols->perf_map, symbols->settings.perf_map);
	symbols->has_perf_map = true;
	return perf_map_find(&symbols->perf_map, address);
}

/* The calls at a frame; at least one, which may be all unknown. */
static size_t calls_find(struct symbols *symbols, const struct site_frame *frame,
	struct line_call *calls)
{
	uint64_t address = frame->address - 1; /* the call may be the last in its line */

	calls[0] = (struct line_call){0};
	if (frame->module == SITES_NO_MODULE) {
		calls[0].function = perf_name(symbols, address);
		return 1;
	}
	object_open(symbols, frame->module);
	struct object *object = &symbols->objects[frame->module];
	address -= symbols->sites->modules[frame->module].bias;
	size_t count = lines_find(&object->lines, address, calls);
	if (count == 0)
		count = 1;
	if (calls[count - 1].function == NULL)
		calls[count - 1].function = name_find(symbols, &object->names, address);
	return count;
}

static struct symbol_list frame_find(struct symbols *symbols, const struct site_frame *frame)
{
	struct line_call calls[LINES_DEPTH_MAX];
	size_t count = calls_find(symbols, frame, calls);
	struct symbol *list = calloc(count, sizeof(*list));

	if (list == NULL)
		return (struct symbol_list){&nothing, 1};
	for (size_t i = 0; i < count; i++)
		list[i] = symbol_make(symbols, frame, &calls[i]);
	return (struct symbol_list){list, count};
}

struct symbol_list symbols_of(struct symbols *symbols, uint32_t frame)
{
	struct symbol_list *found = &symbols->frames[frame];

	if (found->list == NULL)
		*found = frame_find(symbols, &symbols->sites->frames[frame]);
	return *found;
}

enum module_file symbols_module(struct symbols *symbols, uint32_t module)
{
	object_open(symbols, module);
	return symbols->objects[module].binary.state;
}

static void objects_free(struct symbols *symbols)
{
	for (size_t i = 0; symbols->objects != NULL && i < symbols->sites->module_count; i++) {
		names_free(&symbols->objects[i].names);
		lines_free(&symbols->objects[i].lines);
		binary_close(&symbols->objects[i].binary);
	}
	free(symbols->objects);
}

static void frames_free(struct symbols *symbols)
{
	for (size_t i = 0; symbols->frames != NULL && i < symbols->sites->frame_count; i++) {
		if (symbols->frames[i].list != &nothing)
			free((void *)symbols->frames[i].list);
	}
	free(symbols->frames);
}

void symbols_close(struct symbols *symbols)
{
	if (symbols == NULL)
		return;
	objects_free(symbols);
	frames_free(symbols);
	texts_free(&symbols->texts);
	perf_map_free(&symbols->perf_map);
	free((void *)symbols->settings.root);
	free((void *)symbols->settings.perf_map);
	free(symbols);
}
