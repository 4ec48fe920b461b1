#include "tools/sites_json.h"

#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

/* As they stand in a sum. */
enum { SUM_SAMPLES, SUM_OBJECTS, SUM_OBJECTS_ERROR, SUM_BYTES, SUM_BYTES_ERROR, SUM_COUNT };

enum { FRAME_ADDRESS, FRAME_MODULE, FRAME_CALLER, FRAME_COUNT };

enum { MODULE_OF_TAG = -2 };

/* As they stand in a tag. */
enum { TAG_SCOPES, TAG_ALLOCATED, TAG_ALLOCATED_BYTES, TAG_FREED, TAG_FREED_BYTES, TAG_MISSED,
	TAG_COUNT };

static const int64_t ADDRESS_MOST = ((int64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1;

/* Whether a value is a whole number within both. */
static bool number_take(const json_t *value, int64_t least, int64_t most, int64_t *number)
{
	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= least && *number <= most;
}

static bool member_take(const json_t *object, const char *key, uint64_t *number)
{
	int64_t value;

	if (!number_take(json_object_get(object, key), 0, INT64_MAX, &value))
		return false;
	*number = (uint64_t)value;
	return true;
}

/* Addresses of programs are far below 2^63, where JSON's integers end. */
static bool module_numbers_take(struct site_module *module, const json_t *object)
{
	uint64_t is_gone;

	if (!member_take(object, "start", &module->start) ||
		!member_take(object, "end", &module->end) ||
		!member_take(object, "bias", &module->bias) || !member_take(object, "gone", &is_gone))
		return false;
	module->is_gone = is_gone != 0;
	return true;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

static bool build_id_take(struct site_module *module, const char *text)
{
	size_t bytes = text != NULL ? strlen(text) / 2 : 0;

	if (text == NULL || strlen(text) % 2 != 0 || bytes > BOX_BUILD_ID_BYTES)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		module->build_id[i] = (unsigned char)(high << 4 | low);
	}
	module->build_id_bytes = bytes;
	return true;
}

/* A module that is damaged keeps its number, and has no place. */
static bool module_take(struct site_module *module, const json_t *object, const char *exe)
{
	const char *path = json_string_value(json_object_get(object, "path"));

	if (path == NULL || !module_numbers_take(module, object) ||
		!build_id_take(module, json_string_value(json_object_get(object, "build_id")))) {
		*module = (struct site_module){0};
		return false;
	}
	path = path[0] != '\0' ? path : exe;
	text_copy(module->path, sizeof(module->path), path, strlen(path));
	return true;
}

static bool frame_take(struct sites *sites, uint32_t number, const json_t *row)
{
	int64_t address, module, caller;

	if (json_array_size(row) != FRAME_COUNT ||
		!number_take(json_array_get(row, FRAME_MODULE), MODULE_OF_TAG,
			(int64_t)sites->module_count - 1, &module) ||
		!number_take(json_array_get(row, FRAME_ADDRESS), 0,
			module == MODULE_OF_TAG ? (int64_t)sites->tag_count - 1 : ADDRESS_MOST,
			&address) ||
		!number_take(json_array_get(row, FRAME_CALLER), -1, (int64_t)number - 1, &caller))
		return false;
	bool is_tag = module == MODULE_OF_TAG;
	sites->frames[number] = (struct site_frame){.address = is_tag ? 0 : (uint64_t)address,
		.tag = is_tag ? (uint32_t)address + 1 : 0,
		.module = module < 0 ? SITES_NO_MODULE : (uint32_t)module,
		.caller = caller < 0 ? 0 : (uint32_t)caller,
		.is_cut = caller < 0};
	return true;
}

static bool sum_take(struct site_sum *sum, const json_t *row)
{
	int64_t numbers[SUM_COUNT];

	if (json_array_size(row) != SUM_COUNT)
		return false;
	for (size_t i = 0; i < SUM_COUNT; i++)
		if (!number_take(json_array_get(row, i), 0, INT64_MAX, &numbers[i]))
			return false;
	*sum = (struct site_sum){.samples = (uint64_t)numbers[SUM_SAMPLES],
		.objects = (double)numbers[SUM_OBJECTS],
		.objects_error = (double)numbers[SUM_OBJECTS_ERROR],
		.bytes = (double)numbers[SUM_BYTES],
		.bytes_error = (double)numbers[SUM_BYTES_ERROR]};
	return true;
}

static bool site_take(struct sites *sites, const json_t *object)
{
	struct site *site = &sites->list[sites->count];
	int64_t frame;

	if (!number_take(json_object_get(object, "frame"), 0, (int64_t)sites->frame_count - 1,
		    &frame) ||
		!sum_take(&site->live, json_object_get(object, "live")) ||
		!sum_take(&site->total, json_object_get(object, "total")) ||
		!sum_take(&site->peak, json_object_get(object, "peak")))
		return false;
	site->frame = (uint32_t)frame;
	sites->count++;
	return true;
}

static bool modules_take(struct sites *sites, const json_t *rows, const char *exe)
{
	sites->modules = calloc(json_array_size(rows) + 1, sizeof(*sites->modules));
	if (sites->modules == NULL)
		return false;
	sites->module_count = json_array_size(rows);
	for (size_t i = 0; i < sites->module_count; i++)
		sites->damaged_parts += !module_take(&sites->modules[i], json_array_get(rows, i), exe);
	return true;
}

/* A tag that is damaged keeps its number, and counts nothing. */
static bool tag_take(struct site_tag *tag, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const json_t *row = json_object_get(object, "counts");
	int64_t numbers[TAG_COUNT];

	site_tag_name(tag, "?", 1);
	if (name == NULL || json_array_size(row) != TAG_COUNT)
		return false;
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (!number_take(json_array_get(row, i), 0, INT64_MAX, &numbers[i]))
			return false;
	*tag = (struct site_tag){.scope_count = (uint64_t)numbers[TAG_SCOPES],
		.allocated_objects = (uint64_t)numbers[TAG_ALLOCATED],
		.allocated_bytes = (uint64_t)numbers[TAG_ALLOCATED_BYTES],
		.freed_objects = (uint64_t)numbers[TAG_FREED],
		.freed_bytes = (uint64_t)numbers[TAG_FREED_BYTES],
		.missed_objects = (uint64_t)numbers[TAG_MISSED]};
	site_tag_name(tag, name, strlen(name));
	return true;
}

/* A dump of an older library has none. */
static bool tags_take(struct sites *sites, const json_t *rows)
{
	size_t count = json_array_size(rows);

	sites->tags = calloc(count + 1, sizeof(*sites->tags));
	if (sites->tags == NULL)
		return false;
	sites->tag_count = count;
	for (size_t i = 0; i < count; i++)
		sites->damaged_parts += !tag_take(&sites->tags[i], json_array_get(rows, i));
	return true;
}

/* The rows begin with number 1. */
static bool frames_take(struct sites *sites, const json_t *rows)
{
	size_t count = json_array_size(rows) + 1;

	sites->frames = calloc(count, sizeof(*sites->frames));
	if (sites->frames == NULL)
		return false;
	sites->frame_count = count;
	sites->frames[0].module = SITES_NO_MODULE;
	for (uint32_t i = 1; i < count; i++) {
		sites->frames[i].module = SITES_NO_MODULE;
		sites->damaged_parts += !frame_take(sites, i, json_array_get(rows, i - 1));
	}
	return true;
}

static bool list_take(struct sites *sites, const json_t *rows)
{
	sites->list = calloc(json_array_size(rows) + 1, sizeof(*sites->list));
	if (sites->list == NULL)
		return false;
	for (size_t i = 0; i < json_array_size(rows); i++)
		sites->damaged_parts += !site_take(sites, json_array_get(rows, i));
	return true;
}

static bool rows_are(const json_t *rows, size_t most)
{
	return json_is_array(rows) && json_array_size(rows) <= most;
}

bool sites_json_read(struct sites *sites, const json_t *root, const char *exe, const char *path,
	struct failure *failure)
{
	const json_t *member = json_object_get(root, "call_sites");
	const json_t *modules = json_object_get(member, "modules");
	const json_t *frames = json_object_get(member, "frames");
	const json_t *list = json_object_get(member, "sites");
	const json_t *tags = json_object_get(member, "tags");

	*sites = (struct sites){0};
	if (member == NULL)
		return failure_set(failure, FAILURE_CANNOT,
			"the dump %s has no call sites: another version of libmstat wrote it", path);
	if (!rows_are(modules, BOX_MODULES_MAX) || !rows_are(frames, BOX_FRAMES_MAX - 1) ||
		!rows_are(list, BOX_SITES_MAX) ||
		(tags != NULL && !rows_are(tags, BOX_TAGS_MAX)) ||
		!member_take(member, "sample_bytes", &sites->rate_bytes) ||
		!member_take(member, "samples", &sites->sample_count) ||
		!member_take(member, "lost", &sites->lost_count))
		return failure_set(failure, FAILURE_DAMAGED, "the dump %s is corrupt: its call sites",
			path);
	if (tags_take(sites, tags) && modules_take(sites, modules, exe) && frames_take(sites, frames) &&
		list_take(sites, list))
		return true;
	sites_free(sites);
	return failure_set(failure, FAILURE_CANNOT, "no memory to read %s", path);
}
