#include "tools/box_read.h"

#include <string.h>

bool box_is_one(const char *bytes, size_t count)
{
	return count >= strlen(BOX_MAGIC) && memcmp(bytes, BOX_MAGIC, strlen(BOX_MAGIC)) == 0;
}

static const struct box_section *find_section(const struct box_header *header,
	enum box_section_kind kind)
{
	for (uint32_t i = 0; i < header->section_count; i++)
		if (header->sections[i].kind == kind)
			return &header->sections[i];
	return NULL;
}

/* Beyond the layout's own rule: parts begin on a word, a header of sections
   that fit in no memory is refused here and not where they are read. */
static bool section_is_readable(const struct box_section *section, size_t file_bytes)
{
	return section->part_bytes % 8 == 0 && section->payload_bytes < file_bytes &&
		box_section_is_sound(section, file_bytes);
}

static bool header_is_whole(const struct box_header *header)
{
	return header->section_count <= BOX_SECTIONS_MAX &&
		header->checksum ==
		box_checksum(header, offsetof(struct box_header, checksum), 0, 0);
}

bool box_image_open(struct box_image *image, const char *bytes, size_t count, const char *path,
	struct failure *failure)
{
	struct box_header *header = &image->header;

	*image = (struct box_image){.bytes = bytes, .count = count};
	if (!box_is_one(bytes, count))
		return failure_set(failure, FAILURE_DAMAGED, "%s is no box", path);
	if (count < sizeof(*header))
		return failure_set(failure, FAILURE_DAMAGED, "the box %s is truncated: %zu bytes", path,
			count);
	memcpy(header, bytes, sizeof(*header));
	if (header->layout_version != BOX_LAYOUT_VERSION)
		return failure_set(failure, FAILURE_DAMAGED,
			"the box %s has layout version %u, this mstat reads version %d", path,
			header->layout_version, BOX_LAYOUT_VERSION);
	if (!header_is_whole(header))
		return failure_set(failure, FAILURE_DAMAGED, "the box %s is corrupt: its header", path);
	if (header->file_bytes > count)
		return failure_set(failure, FAILURE_DAMAGED,
			"the box %s is truncated: %zu of %llu bytes", path, count,
			(unsigned long long)header->file_bytes);
	for (uint32_t i = 0; i < header->section_count; i++)
		if (!section_is_readable(&header->sections[i], count))
			return failure_set(failure, FAILURE_DAMAGED,
				"the box %s is corrupt: section %u leaves the file", path, i);
	return true;
}

uint32_t box_part_count(const struct box_image *image, enum box_section_kind kind)
{
	const struct box_section *section = find_section(&image->header, kind);

	return section != NULL ? section->part_count : 0;
}

static uint64_t copy_generation(const char *copy, size_t payload_bytes, uint64_t offset)
{
	struct box_copy head;

	memcpy(&head, copy, sizeof(head));
	if (head.generation == 0)
		return 0;
	uint64_t sum = box_checksum(copy + sizeof(head), payload_bytes, head.generation, offset);
	return sum == head.checksum ? head.generation : 0;
}

/* Whether a copy was begun at the most: its generation is written last. */
static bool copy_is_none(const char *copy)
{
	struct box_copy head;

	memcpy(&head, copy, sizeof(head));
	return head.generation == 0;
}

enum part_state box_part_read(const struct box_image *image, enum box_section_kind kind,
	uint32_t index, void *payload, size_t payload_bytes)
{
	const struct box_section *section = find_section(&image->header, kind);

	memset(payload, 0, payload_bytes);
	if (section == NULL || index >= section->part_count || box_section_is_once(kind))
		return PART_NEVER;
	uint64_t offset = section->offset + (uint64_t)index * section->part_bytes;
	size_t copy_bytes = box_copy_bytes(section->payload_bytes);
	const char *part = image->bytes + offset, *newer = part;
	uint64_t first = copy_generation(part, section->payload_bytes, offset);
	uint64_t second = copy_generation(part + copy_bytes, section->payload_bytes, offset);

	if (first == 0 && second == 0)
		return copy_is_none(part) && copy_is_none(part + copy_bytes) ? PART_NEVER : PART_DAMAGED;
	if (second > first)
		newer = part + copy_bytes;
	if (payload_bytes > section->payload_bytes)
		payload_bytes = section->payload_bytes;
	memcpy(payload, newer + sizeof(struct box_copy), payload_bytes);
	return PART_FOUND;
}

enum part_state box_frame_read(const struct box_image *image, uint32_t number,
	struct box_frame *frame)
{
	const struct box_section *section = find_section(&image->header, BOX_SECTION_FRAMES);

	if (section == NULL || number >= section->part_count ||
		section->payload_bytes < sizeof(*frame))
		return PART_NEVER;
	memcpy(frame, image->bytes + section->offset + (uint64_t)number * section->part_bytes,
		sizeof(*frame));
	if (frame->check == box_frame_check(frame->place, frame->caller, number))
		return PART_FOUND;
	return frame->check == 0 ? PART_NEVER : PART_DAMAGED;
}

enum part_state box_tag_read(const struct box_image *image, uint32_t number,
	struct box_tag *tag)
{
	const struct box_section *section = find_section(&image->header, BOX_SECTION_TAGS);

	memset(tag, 0, sizeof(*tag));
	if (section == NULL || number >= section->part_count || number >= BOX_TAGS_MAX ||
		section->payload_bytes < sizeof(*tag))
		return PART_NEVER;
	memcpy(tag, image->bytes + section->offset + (uint64_t)number * section->part_bytes,
		sizeof(*tag));
	if (tag->check == box_tag_check(tag->name, number))
		return PART_FOUND;
	bool was_never = tag->check == 0;
	memset(tag, 0, sizeof(*tag));
	return was_never ? PART_NEVER : PART_DAMAGED;
}
