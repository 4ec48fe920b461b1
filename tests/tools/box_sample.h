/*
 * box_sample.h - a box as a process could have written it, made without one.
 *
 * WHY        What the reporter does with a box must not depend on what this
 *            version's library happens to write.  Every part is a plain struct
 *            that a test changes before the image is made.
 *
 * INVARIANT  As sample_init() leaves it, the sample's figures add up: see the
 *            constants, which tests repeat.
 */
#ifndef TESTS_TOOLS_BOX_SAMPLE_H
#define TESTS_TOOLS_BOX_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "stats/box_layout.h"

enum {
	SAMPLE_CLASSES = 4,          /* class 0 included: 16, 64 and 1024 bytes */
	SAMPLE_SLOTS = 4,
	SAMPLE_SPAN_BYTES = 32768,
	SAMPLE_SITES = 4,            /* none is used unless a test says so */
	SAMPLE_FRAMES = 16,
	SAMPLE_MODULES = 2,
	SAMPLE_TAGS = 4,

	/* Live, then in magazines, in objects of each class. */
	SAMPLE_LIVE_16 = 1000, SAMPLE_HELD_16 = 48,
	SAMPLE_LIVE_64 = 500, SAMPLE_HELD_64 = 12,
	SAMPLE_LIVE_1024 = 30, SAMPLE_HELD_1024 = 1,
	SAMPLE_LARGE_BYTES = 131072,

	SAMPLE_SMALL_BYTES = 1000 * 16 + 500 * 64 + 30 * 1024,
	SAMPLE_LIVE_BYTES = SAMPLE_SMALL_BYTES + SAMPLE_LARGE_BYTES,
	SAMPLE_MAGAZINE_BYTES = 48 * 16 + 12 * 64 + 1 * 1024,
	SAMPLE_INUSE_BYTES = 4 * SAMPLE_SPAN_BYTES + SAMPLE_LARGE_BYTES,
	SAMPLE_SPAN_FREE_BYTES = SAMPLE_INUSE_BYTES - SAMPLE_LIVE_BYTES - SAMPLE_MAGAZINE_BYTES,
	SAMPLE_KEPT_BYTES = 65536,
	SAMPLE_RELEASED_BYTES = 131072,
	SAMPLE_UNUSED_BYTES = 589824,
	SAMPLE_IDLE_BYTES = SAMPLE_KEPT_BYTES + SAMPLE_RELEASED_BYTES + SAMPLE_UNUSED_BYTES,
	SAMPLE_HEAP_BYTES = SAMPLE_INUSE_BYTES + SAMPLE_IDLE_BYTES, /* 1 MiB */
	SAMPLE_METADATA_BYTES = 262144
};

struct sample {
	struct box_identity identity;
	struct box_totals totals;
	struct box_signal signal;
	struct box_dump dump;
	struct box_class classes[SAMPLE_CLASSES];
	struct box_thread threads[SAMPLE_SLOTS];
	struct box_row rows[SAMPLE_SLOTS][SAMPLE_CLASSES];
	struct box_event events[BOX_EVENTS_MAX];
	struct box_peak peaks[BOX_PEAKS_MAX];
	struct box_sampling sampling;
	struct box_control control;
	struct box_cgroup cgroup;    /* written if it has a time */
	struct box_site sites[SAMPLE_SITES];
	struct box_frame frames[SAMPLE_FRAMES]; /* sample_image() makes their checks */
	struct box_module modules[SAMPLE_MODULES];
	struct box_tag tags[SAMPLE_TAGS];       /* those that have a name; their checks too */
};

/* A process that is dead: pid 4711 of another boot. */
void sample_init(struct sample *sample);

/* The image of a sample; every part was written once.  The caller frees it. */
char *sample_image(const struct sample *sample, size_t *bytes);

/* The section of a kind in an image. */
struct box_section *sample_section(char *image, enum box_section_kind kind);

/* A tag's place in it. */
struct box_tag *sample_tag(char *image, uint32_t number);

/* Makes the header's checksum right again after a change. */
void sample_seal(char *image);

/* Writes a part's copy 0 or 1 with this generation. */
void sample_write_copy(char *image, enum box_section_kind kind, uint32_t index, int copy,
	uint64_t generation, const void *payload);

#endif
