#include "tools/sites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

const struct site_sum *site_sum_of(const struct site *site, enum site_value value)
{
	switch (value) {
	case SITE_TOTAL:
		return &site->total;
	case SITE_PEAK:
		return &site->peak;
	case SITE_PINNED:
		return &site->pinned;
	case SITE_NEAR:
		return &site->near;
	default:
		return &site->live;
	}
}

void site_sum_add(struct site_sum *to, const struct site_sum *more)
{
	to->samples += more->samples;
	to->objects += more->objects;
	to->bytes += more->bytes;
	to->objects_error = hypot(to->objects_error, more->objects_error);
	to->bytes_error = hypot(to->bytes_error, more->bytes_error);
}

struct site_sum sites_sum(const struct sites *sites, enum site_value value)
{
	struct site_sum sum = {0};

	for (size_t i = 0; i < sites->count; i++)
		site_sum_add(&sum, site_sum_of(&sites->list[i], value));
	return sum;
}

/* A standard error; what no writer writes is none. */
static double error_of(double variance)
{
	return isfinite(variance) && variance > 0 ? sqrt(variance) : 0;
}

static struct site_sum sum_read(const struct box_sum *sum)
{
	return (struct site_sum){.samples = sum->samples,
		.objects = (double)sum->objects / BOX_OBJECT_ONE,
		.objects_error = error_of(sum->objects_variance),
		.bytes = (double)sum->bytes,
		.bytes_error = error_of(sum->bytes_variance)};
}

static struct site_sum peak_read(const struct box_site *site, uint64_t sequence)
{
	const struct box_site_peak *peak = &site->peaks[sequence % BOX_SITE_PEAKS_MAX];

	if (sequence > site->peak_sequence)
		return sum_read(&site->live);
	return sum_read(&(struct box_sum){.samples = peak->samples, .objects = peak->objects,
		.bytes = peak->bytes, .bytes_variance = peak->bytes_variance});
}

static uint32_t count_of(const struct box_image *image, enum box_section_kind kind,
	uint64_t used, uint32_t most)
{
	uint32_t parts = box_part_count(image, kind);

	if (parts > most)
		parts = most;
	return used < parts ? (uint32_t)used : parts;
}

static bool modules_read(struct sites *sites, const struct box_image *image,
	const struct box_content *content, uint64_t used)
{
	struct box_module module;
	uint32_t count = count_of(image, BOX_SECTION_MODULES, used, BOX_MODULES_MAX);

	sites->modules = calloc(count + 1, sizeof(*sites->modules));
	if (sites->modules == NULL)
		return false;
	sites->module_count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct site_module *to = &sites->modules[i];
		if (box_part_read(image, BOX_SECTION_MODULES, i, &module, sizeof(module)) ==
			PART_DAMAGED)
			sites->damaged_parts++;
		to->start = module.start;
		to->end = module.end;
		to->bias = module.bias;
		to->is_gone = module.is_gone != 0;
		to->build_id_bytes = module.build_id_bytes <= BOX_BUILD_ID_BYTES ?
			(size_t)module.build_id_bytes : 0;
		memcpy(to->build_id, module.build_id, sizeof(to->build_id));
		text_copy(to->path, sizeof(to->path), module.path, sizeof(module.path));
		if (to->path[0] == '\0')
			text_copy(to->path, sizeof(to->path), content->identity.exe,
				sizeof(content->identity.exe));
	}
	return true;
}

static void frame_take(struct sites *sites, uint32_t number, const struct box_frame *from)
{
	struct site_frame *to = &sites->frames[number];
	uint64_t module = from->place >> BOX_FRAME_ADDRESS_BITS;
	bool is_tag = box_place_is_tag(from->place);

	if (is_tag && box_place_tag(from->place) < sites->tag_count)
		to->tag = box_place_tag(from->place) + 1;
	to->address = is_tag ? 0 : from->place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1);
	to->module = module != 0 && module <= sites->module_count ? (uint32_t)module - 1
								  : SITES_NO_MODULE;
	to->is_cut = from->caller == BOX_FRAME_CUT || from->caller >= number;
	to->caller = to->is_cut ? 0 : from->caller;
}

void site_tag_name(struct site_tag *tag, const char *name, size_t name_bytes)
{
	char text[BOX_TAG_NAME_BYTES + 1];

	text_copy(text, sizeof(text), name, name_bytes);
	snprintf(tag->text, sizeof(tag->text), "[%s]", text);
}

static bool tags_read(struct sites *sites, const struct box_image *image)
{
	struct box_tag tag;
	enum part_state state;
	uint32_t count = 0;

	while (box_tag_read(image, count, &tag) != PART_NEVER)
		count++;
	sites->tags = calloc(count + 1, sizeof(*sites->tags));
	if (sites->tags == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		state = box_tag_read(image, i, &tag);
		sites->damaged_parts += state == PART_DAMAGED;
		sites->tags[i] = (struct site_tag){.scope_count = tag.scope_count,
			.allocated_objects = tag.allocated_objects,
			.allocated_bytes = tag.allocated_bytes,
			.freed_objects = tag.freed_objects,
			.freed_bytes = tag.freed_bytes,
			.missed_objects = tag.missed_objects};
		site_tag_name(&sites->tags[i], tag.name, sizeof(tag.name));
	}
	sites->tag_count = count;
	return true;
}

static bool frames_read(struct sites *sites, const struct box_image *image, uint64_t used)
{
	struct box_frame frame;
	uint32_t count = count_of(image, BOX_SECTION_FRAMES, used, BOX_FRAMES_MAX);

	sites->frames = calloc(count + 1, sizeof(*sites->frames));
	if (sites->frames == NULL)
		return false;
	sites->frame_count = count > 0 ? count : 1;
	sites->frames[0].module = SITES_NO_MODULE;
	for (uint32_t i = 1; i < count; i++) {
		sites->frames[i].module = SITES_NO_MODULE;
		if (box_frame_read(image, i, &frame) == PART_FOUND)
			frame_take(sites, i, &frame);
		else
			sites->damaged_parts++;
	}
	return true;
}

static bool list_read(struct sites *sites, const struct box_image *image, uint64_t used)
{
	struct box_site site;
	uint32_t count = count_of(image, BOX_SECTION_SITES, used, BOX_SITES_MAX);

	sites->list = calloc(count + 1, sizeof(*sites->list));
	if (sites->list == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		enum part_state state = box_part_read(image, BOX_SECTION_SITES, i, &site, sizeof(site));
		sites->damaged_parts += state == PART_DAMAGED;
		if (state != PART_FOUND)
			continue;
		sites->list[sites->count++] = (struct site){
			.frame = site.frame < sites->frame_count ? (uint32_t)site.frame : 0,
			.live = sum_read(&site.live),
			.total = sum_read(&site.total),
			.peak = peak_read(&site, sites->peak.sequence)};
		if (sites->near_sequence != 0)
			sites->list[sites->count - 1].near = peak_read(&site, sites->near_sequence);
	}
	return true;
}

bool sites_read(struct sites *sites, const struct box_image *image,
	const struct box_content *content)
{
	struct box_sampling sampling;
	struct box_control control;

	*sites = (struct sites){0};
	if (box_part_read(image, BOX_SECTION_SAMPLING, 0, &sampling, sizeof(sampling)) == PART_DAMAGED)
		sites->damaged_parts++;
	box_part_read(image, BOX_SECTION_CONTROL, 0, &control, sizeof(control));
	sites->rate_bytes = control.sample_bytes;
	sites->sample_count = sampling.sample_count;
	sites->lost_count = sampling.lost_count;
	sites->peak = *box_content_last_peak(content);
	if (content->near.peak.sequence + BOX_SITE_PEAKS_MAX > sites->peak.sequence)
		sites->near_sequence = content->near.peak.sequence;
	if (tags_read(sites, image) &&
		modules_read(sites, image, content, sampling.module_count) &&
		frames_read(sites, image, sampling.frame_count) &&
		list_read(sites, image, sampling.site_count))
		return true;
	sites_free(sites);
	return false;
}

const char *sites_module_name(const struct sites *sites, uint32_t module)
{
	if (module == SITES_NO_MODULE)
		return "[none]";
	const char *path = sites->modules[module].path, *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

const char *sites_frame_module(const struct sites *sites, uint32_t frame)
{
	const struct site_frame *at = &sites->frames[frame];

	return at->tag != 0 ? sites->tags[at->tag - 1].text : sites_module_name(sites, at->module);
}

void sites_free(struct sites *sites)
{
	free(sites->tags);
	free(sites->list);
	free(sites->frames);
	free(sites->modules);
	*sites = (struct sites){0};
}
