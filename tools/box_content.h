/*
 * tools/box_content.h - all that a box says, in memory, and the books that
 * follow from it.
 *
 * WHY        Between the file and the books stands the chance to do better:
 *            tools/remote.h replaces a slot's published rows by what its
 *            thread's memory says now.
 *
 * OWNERSHIP  box_content_free() frees the slots.
 */
#ifndef TOOLS_BOX_CONTENT_H
#define TOOLS_BOX_CONTENT_H

#include "tools/books.h"
#include "tools/box_read.h"

/* One thread slot that was ever used. */
struct slot {
	struct box_thread thread;
	uint32_t index;
	bool is_exact;                    /* held_objects is known */
	uint64_t nmalloc[BOX_ALL_CLASSES_MAX];
	int64_t live_objects[BOX_ALL_CLASSES_MAX];
	uint64_t held_objects[BOX_ALL_CLASSES_MAX]; /* in its magazines */
};

struct box_content {
	struct box_identity identity;
	struct box_totals totals;
	struct box_signal signal;
	struct box_dump dump;
	struct box_cgroup cgroup;         /* realtime_ns 0: not known */
	struct box_limit limit;           /* realtime_ns 0: nobody has looked */
	struct box_near near;             /* sequence 0: it has not come near */
	uint32_t class_count;             /* class 0 included */
	uint32_t all_count;               /* and behind them the hinted ones */
	struct box_class classes[BOX_ALL_CLASSES_MAX];
	struct slot *slots;
	size_t slot_count;
	struct box_event events[BOX_EVENTS_MAX];
	struct box_peak peaks[BOX_PEAKS_MAX]; /* by their places in the ring */
	uint32_t damaged_parts;           /* they are read as if never written */
};

/* A box whose identity is damaged is refused; the rest may be in part. */
bool box_content_read(struct box_content *content, const struct box_image *image,
	const char *path, struct failure *failure);

/* Sums up.  False if there is no memory. */
bool box_content_books(const struct box_content *content, struct books *books);

/* The heap's last peak; all zero if none was noted. */
const struct box_peak *box_content_last_peak(const struct box_content *content);

void box_content_free(struct box_content *content);

#endif
