/*
 * stats/source.h - where the books get their figures from.
 *
 * WHY        Reports are written here, the figures live a floor further on.
 *            The heap hands over these functions; a test hands over its own.
 *
 * LOCKING    Each is safe in a signal handler: no lock, no allocation.
 */
#ifndef STATS_SOURCE_H
#define STATS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "include/mstat.h"
#include "stats/box_layout.h"

struct source_class {
	uint64_t object_bytes;
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t live_objects;
	uint64_t magazine_objects;
	uint64_t span_free_objects;
	uint64_t span_count;
	uint64_t span_bytes; /* of all of them */
	uint64_t sampled_objects;
	uint64_t sampled_bytes;
};

struct source_thread {
	int64_t tid;
	bool is_live;
	char name[16];
	struct mstat_thread_snapshot figures;
};

/* Call sites, as the box has them (stats/box_layout.h).  While they change meanwhile each
   word is whole. */
struct source_sites {
	uint64_t (*sample_bytes)(void);
	uint64_t (*peak_sequence)(void);
	const struct box_sampling *(*sampling)(void); /* whose counts say which numbers there are */
	const struct box_module *(*module)(uint32_t number);
	const struct box_frame *(*frame)(uint32_t number); /* 1 and up */
	const struct box_site *(*site)(uint32_t number);
	uint32_t (*tag_count)(void);
	const struct box_tag *(*tag)(uint32_t number);
};

struct source {
	void (*snapshot)(struct mstat_snapshot *snapshot);
	uint32_t (*class_count)(void); /* class 0 included */
	void (*size_class)(uint32_t class, struct source_class *out);
	uint32_t (*thread_count)(void);
	bool (*thread)(uint32_t index, struct source_thread *out); /* false: none there */
	const struct source_sites *sites; /* NULL: there are none */
};

#endif
