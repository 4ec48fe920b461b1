#include "stats/report_sites.h"

#include "base/bits.h"

static void number(struct format *out, uint64_t value, bool is_first)
{
	if (!is_first)
		format_char(out, ',');
	format_unsigned(out, value);
}

/* The square root of a variance, to the next whole number (Newton's method; libm is not
   there). */
static uint64_t error_of(double variance)
{
	double root = 1;

	if (!(variance > 0))
		return 0;
	while (root * root < variance)
		root *= 2;
	for (int i = 0; i < 8; i++)
		root = (root + variance / root) / 2;
	return (uint64_t)(root + 0.5);
}

static void sum(struct format *out, const char *name, const struct box_sum *sum)
{
	format_text(out, name);
	format_char(out, '[');
	number(out, word_load(&sum->samples), true);
	number(out, (word_load(&sum->objects) + BOX_OBJECT_ONE / 2) / BOX_OBJECT_ONE, false);
	number(out, error_of(sum->objects_variance), false);
	number(out, word_load(&sum->bytes), false);
	number(out, error_of(sum->bytes_variance), false);
	format_char(out, ']');
}

static struct box_sum peak_of(const struct box_site *site, uint64_t sequence)
{
	const struct box_site_peak *peak = &site->peaks[sequence % BOX_SITE_PEAKS_MAX];

	if (sequence > word_load(&site->peak_sequence))
		return site->live;
	return (struct box_sum){.samples = peak->samples, .objects = peak->objects,
		.bytes = peak->bytes, .bytes_variance = peak->bytes_variance};
}

static void site(struct format *out, const struct box_site *site, uint64_t peak_sequence)
{
	struct box_sum peak = peak_of(site, peak_sequence);

	format_text(out, "{\"frame\":");
	format_unsigned(out, word_load(&site->frame));
	sum(out, ",\"live\":", &site->live);
	sum(out, ",\"total\":", &site->total);
	sum(out, ",\"peak\":", &peak);
	format_char(out, '}');
}

/* [address, module, caller]; -1: none, and not known; of a tag's scope [tag, -2, caller]. */
static void frame(struct format *out, const struct box_frame *frame)
{
	uint64_t place = frame->place;

	bool is_tag = box_place_is_tag(place);

	format_char(out, '[');
	number(out, is_tag ? box_place_tag(place)
			   : place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1), true);
	format_char(out, ',');
	format_signed(out, is_tag ? -2 : (int64_t)(place >> BOX_FRAME_ADDRESS_BITS) - 1);
	format_char(out, ',');
	format_signed(out, frame->caller != BOX_FRAME_CUT ? (int64_t)frame->caller : -1);
	format_char(out, ']');
}

static void module(struct format *out, const struct box_module *module)
{
	static const char digits[] = "0123456789abcdef";

	format_text(out, "{\"start\":");
	format_unsigned(out, module->start);
	format_text(out, ",\"end\":");
	format_unsigned(out, module->end);
	format_text(out, ",\"bias\":");
	format_unsigned(out, module->bias);
	format_text(out, ",\"gone\":");
	format_unsigned(out, module->is_gone);
	format_text(out, ",\"build_id\":\"");
	for (uint64_t i = 0; i < module->build_id_bytes; i++) {
		format_char(out, digits[module->build_id[i] >> 4]);
		format_char(out, digits[module->build_id[i] & 15]);
	}
	format_text(out, "\",\"path\":");
	format_json_string(out, module->path, sizeof(module->path));
	format_char(out, '}');
}

static void tag(struct format *out, const struct box_tag *tag)
{
	format_text(out, "{\"name\":");
	format_json_string(out, tag->name, sizeof(tag->name));
	format_text(out, ",\"counts\":[");
	number(out, word_load(&tag->scope_count), true);
	number(out, word_load(&tag->allocated_objects), false);
	number(out, word_load(&tag->allocated_bytes), false);
	number(out, word_load(&tag->freed_objects), false);
	number(out, word_load(&tag->freed_bytes), false);
	number(out, word_load(&tag->missed_objects), false);
	format_text(out, "]}");
}

/* What it counts is there. */
static uint64_t count_load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static void separate(struct format *out, uint64_t index)
{
	format_text(out, index != 0 ? ",\n" : "\n");
}

void report_json_sites(struct format *out, const struct source_sites *sites)
{
	const struct box_sampling *sampling = sites->sampling();
	uint64_t site_count = count_load(&sampling->site_count);
	uint64_t frame_count = count_load(&sampling->frame_count);
	uint64_t module_count = count_load(&sampling->module_count);

	format_text(out, ",\n\"call_sites\":{\"sample_bytes\":");
	format_unsigned(out, sites->sample_bytes());
	format_text(out, ",\"samples\":");
	format_unsigned(out, word_load(&sampling->sample_count));
	format_text(out, ",\"lost\":");
	format_unsigned(out, word_load(&sampling->lost_count));
	format_text(out, ",\n\"modules\":[");
	for (uint64_t i = 0; i < module_count; i++) {
		separate(out, i);
		module(out, sites->module((uint32_t)i));
	}
	format_text(out, "],\n\"frames\":["); /* from 1 on */
	for (uint64_t i = 1; i < frame_count; i++) {
		separate(out, i - 1);
		frame(out, sites->frame((uint32_t)i));
	}
	format_text(out, "],\n\"tags\":[");
	for (uint32_t i = 0; i < sites->tag_count(); i++) {
		separate(out, i);
		tag(out, sites->tag(i));
	}
	format_text(out, "],\n\"sites\":[");
	for (uint64_t i = 0; i < site_count; i++) {
		separate(out, i);
		site(out, sites->site((uint32_t)i), sites->peak_sequence());
	}
	format_text(out, "]}");
}
