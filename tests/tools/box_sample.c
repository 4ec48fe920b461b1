#include "tests/tools/box_sample.h"

#include <stdlib.h>
#include <string.h>

static void init_identity(struct box_identity *identity)
{
	static const char command[] = "/usr/bin/sample\0--with\0an argument";

	identity->pid = 4711;
	identity->made_boottime_ns = UINT64_C(1234560000000);
	identity->start_realtime_ns = UINT64_C(1767225600000000000); /* 2026-01-01 */
	strcpy(identity->boot_id, "00000000-0000-0000-0000-000000000000");
	strcpy(identity->library_version, "0.1.0");
	strcpy(identity->exe, "/usr/bin/sample");
	memcpy(identity->cmdline, command, sizeof(command));
	identity->cmdline_bytes = sizeof(command);
	identity->class_count = SAMPLE_CLASSES;
}

static void init_totals(struct box_totals *totals)
{
	totals->realtime_ns = UINT64_C(1767229200000000000); /* an hour later */
	totals->heap_sys = SAMPLE_HEAP_BYTES;
	totals->heap_inuse = SAMPLE_INUSE_BYTES;
	totals->large_bytes = SAMPLE_LARGE_BYTES;
	totals->large_objects = 1;
	totals->idle_kept_bytes = SAMPLE_KEPT_BYTES;
	totals->heap_released = SAMPLE_RELEASED_BYTES;
	totals->never_used_bytes = SAMPLE_UNUSED_BYTES;
	totals->metadata_bytes = SAMPLE_METADATA_BYTES;
	totals->peak_heap_inuse = SAMPLE_HEAP_BYTES;
	totals->thread_count = 2;
}

static void init_class(struct box_class *row, uint64_t object_bytes, uint64_t span_count,
	uint64_t out_objects)
{
	row->object_bytes = object_bytes;
	row->span_bytes = span_count * SAMPLE_SPAN_BYTES;
	row->span_count = span_count;
	row->span_objects = span_count * (SAMPLE_SPAN_BYTES / object_bytes);
	row->out_objects = out_objects;
	row->sampled_objects = 10;
	row->sampled_bytes = 10 * object_bytes * 3 / 4; /* a quarter is rounding */
}

/* Slot 0 belongs to those without a cache, 1 and 2 live, 3 ended.  What the
   second thread allocated, the first freed. */
static void init_threads(struct sample *sample)
{
	static const int64_t live[SAMPLE_SLOTS][SAMPLE_CLASSES] = {{0},
		{0, SAMPLE_LIVE_16 - 1200, SAMPLE_LIVE_64, 10}, {0, 1200, 0, 15}, {0, 0, 0, 5}};

	for (int slot = 0; slot < SAMPLE_SLOTS; slot++) {
		struct box_thread *thread = &sample->threads[slot];
		thread->state = slot == 3 ? BOX_THREAD_ENDED : BOX_THREAD_LIVE;
		thread->tid = slot == 0 ? 0 : 4710 + slot;
		strcpy(thread->name, slot == 1 ? "sample" : slot == 2 ? "worker" : "");
		for (int class = 1; class < SAMPLE_CLASSES; class++) {
			sample->rows[slot][class].live_objects = live[slot][class];
			sample->rows[slot][class].nmalloc = live[slot][class] > 0
				? (uint64_t)live[slot][class] + 7
				: 0;
		}
	}
	sample->threads[1].large_nmalloc = 3;
	sample->threads[1].large_nfree = 2;
	sample->threads[1].large_alloc_bytes = 3 * SAMPLE_LARGE_BYTES;
	sample->threads[1].large_free_bytes = 2 * SAMPLE_LARGE_BYTES;
}

void sample_init(struct sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	init_identity(&sample->identity);
	init_totals(&sample->totals);
	sample->signal.signal_number = 12;
	sample->signal.state = BOX_SIGNAL_OURS;
	init_class(&sample->classes[1], 16, 1, SAMPLE_LIVE_16 + SAMPLE_HELD_16);
	init_class(&sample->classes[2], 64, 2, SAMPLE_LIVE_64 + SAMPLE_HELD_64);
	init_class(&sample->classes[3], 1024, 1, SAMPLE_LIVE_1024 + SAMPLE_HELD_1024);
	init_threads(sample);
}

struct box_section *sample_section(char *image, enum box_section_kind kind)
{
	struct box_section *section = ((struct box_header *)image)->sections;

	while (section->kind != kind)
		section++;
	return section;
}

void sample_seal(char *image)
{
	struct box_header *header = (struct box_header *)image;

	header->checksum = box_checksum(header, offsetof(struct box_header, checksum), 0, 0);
}

void sample_write_copy(char *image, enum box_section_kind kind, uint32_t index, int copy,
	uint64_t generation, const void *payload)
{
	const struct box_section *section = sample_section(image, kind);
	uint64_t offset = section->offset + (uint64_t)index * section->part_bytes;
	struct box_copy *head = (struct box_copy *)(image + offset +
		(size_t)copy * box_copy_bytes(section->payload_bytes));

	head->generation = generation;
	head->checksum = box_checksum(payload, section->payload_bytes, generation, offset);
	memcpy(head + 1, payload, section->payload_bytes);
}

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

static size_t lay_out(struct box_header *header)
{
	static const struct {
		enum box_section_kind kind;
		uint32_t part_count;
		uint32_t payload_bytes;
	} parts[] = {{BOX_SECTION_IDENTITY, 1, sizeof(struct box_identity)},
		{BOX_SECTION_TOTALS, 1, sizeof(struct box_totals)},
		{BOX_SECTION_SIGNAL, 1, sizeof(struct box_signal)},
		{BOX_SECTION_DUMP, 1, sizeof(struct box_dump)},
		{BOX_SECTION_CLASSES, SAMPLE_CLASSES, sizeof(struct box_class)},
		{BOX_SECTION_THREADS, SAMPLE_SLOTS, sizeof(struct box_thread)},
		{BOX_SECTION_ROWS, SAMPLE_SLOTS * SAMPLE_CLASSES, sizeof(struct box_row)},
		{BOX_SECTION_EVENTS, BOX_EVENTS_MAX, sizeof(struct box_event)},
		{BOX_SECTION_PEAKS, BOX_PEAKS_MAX, sizeof(struct box_peak)},
		{BOX_SECTION_HINTED_ROWS, 0, sizeof(struct box_row)},
		{BOX_SECTION_SAMPLING, 1, sizeof(struct box_sampling)},
		{BOX_SECTION_SITES, SAMPLE_SITES, sizeof(struct box_site)},
		{BOX_SECTION_FRAMES, SAMPLE_FRAMES, sizeof(struct box_frame)},
		{BOX_SECTION_MODULES, SAMPLE_MODULES, sizeof(struct box_module)},
		{BOX_SECTION_CONTROL, 1, sizeof(struct box_control)},
		{BOX_SECTION_CGROUP, 1, sizeof(struct box_cgroup)},
		{BOX_SECTION_SURVEY, 0, sizeof(struct box_survey)},
		{BOX_SECTION_TAGS, SAMPLE_TAGS, sizeof(struct box_tag)}};
	size_t at = round_up(sizeof(*header), 64);

	memcpy(header->magic, BOX_MAGIC, sizeof(header->magic));
	header->layout_version = BOX_LAYOUT_VERSION;
	header->section_count = sizeof(parts) / sizeof(parts[0]);
	for (size_t i = 0; i < header->section_count; i++) {
		uint32_t part_bytes =
			(uint32_t)box_part_least_bytes(parts[i].kind, parts[i].payload_bytes);
		if (!box_section_is_once(parts[i].kind))
			part_bytes = (uint32_t)round_up(part_bytes, 64);
		header->sections[i] = (struct box_section){.kind = parts[i].kind,
			.part_count = parts[i].part_count, .offset = at, .part_bytes = part_bytes,
			.payload_bytes = parts[i].payload_bytes};
		at = round_up(at + (size_t)part_bytes * parts[i].part_count, 64);
	}
	header->file_bytes = round_up(at, 4096);
	return header->file_bytes;
}

static void write_frames(char *image, const struct sample *sample)
{
	const struct box_section *section = sample_section(image, BOX_SECTION_FRAMES);
	struct box_frame *frames = (struct box_frame *)(image + section->offset);

	for (uint32_t i = 1; i < SAMPLE_FRAMES && i < sample->sampling.frame_count; i++) {
		frames[i] = sample->frames[i];
		frames[i].check = box_frame_check(frames[i].place, frames[i].caller, i);
	}
}

struct box_tag *sample_tag(char *image, uint32_t number)
{
	const struct box_section *section = sample_section(image, BOX_SECTION_TAGS);

	return (struct box_tag *)(image + section->offset + (size_t)number * section->part_bytes);
}

static void write_tags(char *image, const struct sample *sample)
{
	for (uint32_t i = 0; i < SAMPLE_TAGS && sample->tags[i].name[0] != '\0'; i++) {
		struct box_tag *tag = sample_tag(image, i);
		*tag = sample->tags[i];
		tag->check = box_tag_check(tag->name, i);
	}
}

static void write_sites(char *image, const struct sample *sample)
{
	const struct box_sampling *sampling = &sample->sampling;

	sample_write_copy(image, BOX_SECTION_SAMPLING, 0, 1, 1, sampling);
	sample_write_copy(image, BOX_SECTION_CONTROL, 0, 1, 1, &sample->control);
	for (uint32_t i = 0; i < SAMPLE_SITES && i < sampling->site_count; i++)
		sample_write_copy(image, BOX_SECTION_SITES, i, 1, 1, &sample->sites[i]);
	for (uint32_t i = 0; i < SAMPLE_MODULES && i < sampling->module_count; i++)
		sample_write_copy(image, BOX_SECTION_MODULES, i, 1, 1, &sample->modules[i]);
	write_frames(image, sample);
	write_tags(image, sample);
}

char *sample_image(const struct sample *sample, size_t *bytes)
{
	struct box_header header = {0};

	*bytes = lay_out(&header);
	char *image = calloc(1, *bytes);
	memcpy(image, &header, sizeof(header));
	sample_seal(image);
	sample_write_copy(image, BOX_SECTION_IDENTITY, 0, 1, 1, &sample->identity);
	sample_write_copy(image, BOX_SECTION_TOTALS, 0, 1, 1, &sample->totals);
	sample_write_copy(image, BOX_SECTION_SIGNAL, 0, 1, 1, &sample->signal);
	sample_write_copy(image, BOX_SECTION_DUMP, 0, 1, 1, &sample->dump);
	for (uint32_t class = 1; class < SAMPLE_CLASSES; class++)
		sample_write_copy(image, BOX_SECTION_CLASSES, class, 1, 1, &sample->classes[class]);
	for (uint32_t slot = 0; slot < SAMPLE_SLOTS; slot++) {
		if (sample->threads[slot].state == BOX_THREAD_NONE)
			continue;
		sample_write_copy(image, BOX_SECTION_THREADS, slot, 1, 1, &sample->threads[slot]);
		for (uint32_t class = 1; class < SAMPLE_CLASSES; class++)
			sample_write_copy(image, BOX_SECTION_ROWS, slot * SAMPLE_CLASSES + class, 1, 1,
				&sample->rows[slot][class]);
	}
	for (uint32_t i = 0; i < BOX_EVENTS_MAX; i++)
		if (sample->events[i].sequence != 0)
			sample_write_copy(image, BOX_SECTION_EVENTS, i, 1, 1, &sample->events[i]);
	for (uint32_t i = 0; i < BOX_PEAKS_MAX; i++)
		if (sample->peaks[i].sequence != 0)
			sample_write_copy(image, BOX_SECTION_PEAKS, i, 1, 1, &sample->peaks[i]);
	write_sites(image, sample);
	if (sample->cgroup.realtime_ns != 0)
		sample_write_copy(image, BOX_SECTION_CGROUP, 0, 1, 1, &sample->cgroup);
	return image;
}
