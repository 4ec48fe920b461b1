/*
 * tools/box_read.h - the parts of a box, each checked.
 *
 * WHY        The writer may have died half way, may be writing at this moment,
 *            and may be an enemy: a reader as root looks into anyone's box.
 *
 * INVARIANT  Whatever the bytes are, no read leaves the image, no loop runs
 *            longer than the image has parts, and text is ended.
 *
 * OWNERSHIP  The image stays the caller's and must outlive the struct.
 */
#ifndef TOOLS_BOX_READ_H
#define TOOLS_BOX_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/box_layout.h"
#include "tools/failure.h"

enum part_state {
	PART_FOUND,
	PART_NEVER,  /* never written, or there is no such part */
	PART_DAMAGED /* neither copy is whole */
};

struct box_image {
	const char *bytes;
	size_t count;
	struct box_header header;
};

/* Whether the bytes begin as a box does. */
bool box_is_one(const char *bytes, size_t count);

/* Checks the header; `path` is for the sentence. */
bool box_image_open(struct box_image *image, const char *bytes, size_t count, const char *path,
	struct failure *failure);

/* How many parts of a kind there are, 0 if the section is missing. */
uint32_t box_part_count(const struct box_image *image, enum box_section_kind kind);

/* Copies the newer whole copy of a part; what this version of the layout does
   not have stays zero.  *payload is all zero unless the part was found. */
enum part_state box_part_read(const struct box_image *image, enum box_section_kind kind,
	uint32_t index, void *payload, size_t payload_bytes);

/* A frame, if it was written whole. */
enum part_state box_frame_read(const struct box_image *image, uint32_t number,
	struct box_frame *frame);

/* A tag.  Its counters may change meanwhile: each is whole. */
enum part_state box_tag_read(const struct box_image *image, uint32_t number,
	struct box_tag *tag);

#endif
