/*
 * tools/sites.h - call sites, their callers and the objects that these are in.
 *
 * WHY        A box or a dump has them as numbers that lead from one part to the next, and may be
 *            damaged or hostile.  Here everything was checked: each number leads
 *            somewhere, and each chain of callers ends.
 *
 * INVARIANT  frames[f].caller < f, and frame 0 is nobody, so a chain of callers ends
 *            there.  A frame's module is below module_count, or SITES_NO_MODULE; its tag
 *            is tag_count at most.
 *
 * OWNERSHIP  sites_free() frees what sites_read() or sites_json_read() got.
 */
#ifndef TOOLS_SITES_H
#define TOOLS_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/box_content.h"
#include "tools/box_read.h"

#define SITES_NO_MODULE UINT32_MAX

/* An estimate from samples, with its standard error. */
struct site_sum {
	uint64_t samples;
	double objects;
	double objects_error;
	double bytes;         /* as asked for */
	double bytes_error;
};

struct site {
	uint32_t frame;       /* the innermost, 0: not known */
	struct site_sum live;
	struct site_sum total;
	struct site_sum peak; /* alive at the heap's last peak */
	struct site_sum pinned; /* what these keep from being given back (tools/fragments.h) */
	struct site_sum near; /* alive when the process had come near its limit */
};

struct site_frame {
	uint64_t address;     /* where it goes on; the call is before it */
	uint32_t module;
	uint32_t caller;      /* 0: there is none */
	bool is_cut;          /* its caller is not known */
	uint32_t tag;         /* the number + 1 of the tag whose scope it stands for; 0: a frame */
};

/* What the program called the work that it allocated for; of scopes of which all is counted
   what they allocated, and what of it was freed. */
struct site_tag {
	char text[BOX_TAG_NAME_BYTES + 3]; /* "[name]", cleaned */
	uint64_t scope_count; /* such scopes; 0: there are samples at most */
	uint64_t allocated_objects;
	uint64_t allocated_bytes;
	uint64_t freed_objects;
	uint64_t freed_bytes;
	uint64_t missed_objects; /* not counted, for want of memory */
};

struct site_module {
	uint64_t start;
	uint64_t end;
	uint64_t bias;        /* address less bias is the file's own */
	bool is_gone;
	size_t build_id_bytes;
	unsigned char build_id[BOX_BUILD_ID_BYTES];
	char path[BOX_PATH_BYTES]; /* cleaned; of the program its executable */
};

struct sites {
	uint64_t rate_bytes;  /* of the sampling; 0: it is off */
	uint64_t sample_count;
	uint64_t lost_count;  /* samples that no site counts as live */
	struct box_peak peak; /* the heap's last; all zero: none was noted */
	uint64_t near_sequence; /* of the peak of SITE_NEAR; 0: none, or it is kept no more */
	struct site *list;
	size_t count;
	struct site_frame *frames;
	size_t frame_count;   /* frame 0 included */
	struct site_module *modules;
	size_t module_count;
	struct site_tag *tags;
	size_t tag_count;
	uint64_t damaged_parts;
};

/* Which of a site's sums. */
enum site_value { SITE_LIVE, SITE_TOTAL, SITE_PEAK, SITE_PINNED, SITE_NEAR };

const struct site_sum *site_sum_of(const struct site *site, enum site_value value);

/* *to becomes the sum of both. */
void site_sum_add(struct site_sum *to, const struct site_sum *more);

/* Of all sites together. */
struct site_sum sites_sum(const struct sites *sites, enum site_value value);

/* From a box whose content was read.  False if there is no memory. */
bool sites_read(struct sites *sites, const struct box_image *image,
	const struct box_content *content);

/* The file name of a module's path, "[none]" of SITES_NO_MODULE. */
const char *sites_module_name(const struct sites *sites, uint32_t module);

/* The same of the module that a frame is in; of a tag's "[name]". */
const char *sites_frame_module(const struct sites *sites, uint32_t frame);

/* "[name]" of a name. */
void site_tag_name(struct site_tag *tag, const char *name, size_t name_bytes);

void sites_free(struct sites *sites);

#endif
