/*
 * tools/post.h - what `mstat post` tells of a process from the box that it left: how it
 * ended, what it held, and who had asked for it.
 *
 * WHY        A process that was killed for want of memory is not there to be asked, and the
 *            question is always the same: who grew?  Everything is gathered once, then printed
 *            for people or as JSON.
 *
 * OWNERSHIP  post_free() frees what post_gather() got.
 */
#ifndef TOOLS_POST_H
#define TOOLS_POST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/death.h"
#include "tools/prof.h"
#include "tools/target.h"

struct post {
	struct target target;
	struct death death;
	struct prof prof;         /* of what was alive */
	struct symbols *symbols;
	char path[PATH_MAX];      /* of the box, cleaned */
	uint64_t last_realtime_ns; /* the newest time in the box */
	struct box_peak peaks[BOX_PEAKS_MAX]; /* oldest first */
	size_t peak_count;
	size_t top_count;         /* call sites to show; SIZE_MAX: all */
};

/* Takes over an open target with its call sites.  False if there is no memory; then it is
   closed. */
bool post_gather(struct post *post, const struct target *target, const char *kernel_log,
	struct failure *failure);

/* What of the heap can have been resident at the most. */
uint64_t post_resident_bytes(const struct post *post);

/* On stdout.  False if there is no memory. */
bool post_print_text(struct post *post);
bool post_print_json(struct post *post);

void post_free(struct post *post);

#endif
