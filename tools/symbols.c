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

/* A module, opened when the first frame in it is asked for.  It stays where it is, as
   tools/binary.h needs it. */
struct object {
	struct site_module module; /* as it was when it was opened */
	struct binary binary;
	struct lines lines;
	struct names names;
};

/* What was found for a frame, as it was then. */
struct found {
	struct symbol_list symbols; /* list is NULL: nobody has asked for it */
	uint64_t address;
	uint32_t module;
};

struct symbols {
	const struct sites *sites;
	struct symbols_settings settings; /* its texts are our own */
	struct object **objects;    /* one a module; NULL: not yet opened */
	size_t object_count;
	struct found *frames;
	size_t frame_count;
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
	if (settings_copy(symbols, settings) && symbols_follow(symbols, sites))
		return symbols;
	symbols_close(symbols);
	return NULL;
}

/* Room for so many; what is new is zero. */
static bool objects_grow(struct symbols *symbols, size_t count)
{
	struct object **larger = reallocarray(symbols->objects, count + 1, sizeof(struct object *));

	if (larger == NULL)
		return false;
	for (size_t i = symbols->object_count; i < count; i++)
		larger[i] = NULL;
	symbols->objects = larger;
	symbols->object_count = count;
	return true;
}

static bool frames_grow(struct symbols *symbols, size_t count)
{
	struct found *larger = reallocarray(symbols->frames, count + 1, sizeof(*larger));

	if (larger == NULL)
		return false;
	for (size_t i = symbols->frame_count; i < count; i++)
		larger[i] = (struct found){0};
	symbols->frames = larger;
	symbols->frame_count = count;
	return true;
}

static void found_forget(struct found *found)
{
	if (found->symbols.list != &nothing)
		free((void *)found->symbols.list);
	*found = (struct found){0};
}

/* A process goes on to compile, and to write its map. */
static void perf_map_forget(struct symbols *symbols)
{
	if (symbols->settings.perf_map == NULL || !symbols->has_perf_map)
		return;
	perf_map_free(&symbols->perf_map);
	symbols->has_perf_map = false;
	for (size_t i = 0; i < symbols->frame_count; i++) {
		struct found *found = &symbols->frames[i];
		if (found->symbols.list != NULL && found->module == SITES_NO_MODULE &&
			!found->symbols.list[0].is_known)
			found_forget(found);
	}
}

bool symbols_follow(struct symbols *symbols, const struct sites *sites)
{
	bool has_more = sites->frame_count > symbols->frame_count;

	if (symbols->objects == NULL || sites->module_count > symbols->object_count)
		if (!objects_grow(symbols, sites->module_count))
			return false;
	if (symbols->frames == NULL || has_more)
		if (!frames_grow(symbols, sites->frame_count))
			return false;
	if (has_more)
		perf_map_forget(symbols);
	symbols->sites = sites;
	return true;
}

static void object_free(struct object *object)
{
	if (object == NULL)
		return;
	names_free(&object->names);
	lines_free(&object->lines);
	binary_close(&object->binary);
	free(object);
}

static bool is_same_module(const struct site_module *a, const struct site_module *b)
{
	return a->start == b->start && a->bias == b->bias &&
		a->build_id_bytes == b->build_id_bytes &&
		memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0 &&
		strcmp(a->path, b->path) == 0;
}

static void object_read(struct object *object, const struct symbols_settings *settings)
{
	struct binary *binary = &object->binary;

	binary_open(binary, &object->module, settings);
	if (binary->dwarf != NULL)
		lines_read(&object->lines, binary->dwarf);
	if (binary->module != NULL)
		names_read(&object->names, binary->module);
	if (binary->state == MODULE_STRIPPED && object->names.spans.count > 0)
		binary->state = MODULE_SYMBOLS;
}

/* NULL if there is no memory. */
static struct object *object_of(struct symbols *symbols, uint32_t module)
{
	const struct site_module *wanted = &symbols->sites->modules[module];
	struct object *object = symbols->objects[module];

	if (object != NULL && is_same_module(&object->module, wanted))
		return object;
	object_free(object);
	object = calloc(1, sizeof(*object));
	symbols->objects[module] = object;
	if (object == NULL)
		return NULL;
	object->module = *wanted;
	object_read(object, &symbols->settings);
	return object;
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
	if (frame->tag != 0) {
		calls[0].function = symbols->sites->tags[frame->tag - 1].text;
		return 1;
	}
	if (frame->module == SITES_NO_MODULE) {
		calls[0].function = perf_name(symbols, address);
		return 1;
	}
	struct object *object = object_of(symbols, frame->module);
	if (object == NULL)
		return 1;
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
	const struct site_frame *at = &symbols->sites->frames[frame];
	struct found *found = &symbols->frames[frame];

	if (found->symbols.list != NULL && found->address == at->address &&
		found->module == at->module)
		return found->symbols;
	found_forget(found);
	*found = (struct found){frame_find(symbols, at), at->address, at->module};
	return found->symbols;
}

enum module_file symbols_module(struct symbols *symbols, uint32_t module)
{
	const struct object *object = object_of(symbols, module);

	return object != NULL ? object->binary.state : MODULE_UNREADABLE;
}

static void objects_free(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->object_count; i++)
		object_free(symbols->objects[i]);
	free(symbols->objects);
}

static void frames_free(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->frame_count; i++)
		found_forget(&symbols->frames[i]);
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
