#include "profile/sites.h"

#include <errno.h>
#include <stddef.h>

#include "base/bits.h"
#include "base/table.h"
#include "heap/hooks.h"
#include "heap/publish.h"
#include "heap/sample.h"
#include "heap/snapshot.h"
#include "profile/backtrace.h"
#include "profile/frames.h"
#include "profile/loaded.h"
#include "profile/probes.h"
#include "profile/tags.h"
#include "stats/box.h"
#include "tinyalloc/special.h"

/* __libc_start_main() calls main() itself, or what stands beside it does (glibc 2.34). */
enum { START_BYTES = 512 };

struct site_kept {
	struct box_site site;
	uint64_t generation; /* of the box's part */
};

static struct table sites = {.entry_bytes = sizeof(struct site_kept), .first_bits = 2};

struct lock sites_lock = {.rank = LOCK_RANK_SITES};

static uint32_t site_count;
static struct box_sampling sampling;
static uint64_t sampling_generation;
static uintptr_t own_start, own_end;

static struct site_kept *kept_at(uint32_t number)
{
	return table_at(&sites, number);
}

/* ---- sums ---------------------------------------------------------------------------------- */

/* What a sample stands for; of the same sample always the same. */
struct share {
	uint64_t objects; /* times BOX_OBJECT_ONE */
	uint64_t bytes;
	double objects_variance;
	double bytes_variance;
};

static struct share share_of(const struct special_sample *sample)
{
	double weight = (double)sample->weight, bytes = (double)sample->bytes;
	double variance = weight * (weight - 1);

	return (struct share){.objects = (uint64_t)(weight * BOX_OBJECT_ONE + 0.5),
		.bytes = (uint64_t)(weight * bytes + 0.5),
		.objects_variance = variance,
		.bytes_variance = variance * bytes * bytes};
}

static void sum_add(struct box_sum *sum, const struct share *share)
{
	sum->samples++;
	sum->objects += share->objects;
	sum->bytes += share->bytes;
	sum->objects_variance += share->objects_variance;
	sum->bytes_variance += share->bytes_variance;
}

/* Of the variances something may be left over, that is no one's. */
static void sum_subtract(struct box_sum *sum, const struct share *share)
{
	sum->samples--;
	sum->objects -= share->objects;
	sum->bytes -= share->bytes;
	sum->objects_variance = sum->samples != 0 ? sum->objects_variance - share->objects_variance : 0;
	sum->bytes_variance = sum->samples != 0 ? sum->bytes_variance - share->bytes_variance : 0;
}

static struct box_site_peak peak_of(const struct box_sum *sum)
{
	return (struct box_site_peak){.samples = sum->samples, .objects = sum->objects,
		.bytes = sum->bytes, .bytes_variance = sum->bytes_variance};
}

/* Before the sums change: they are those of the peaks since the last change. */
static void peaks_keep(struct box_site *site)
{
	uint64_t last = publish_peak_count(), from = site->peak_sequence + 1;

	if (from + BOX_SITE_PEAKS_MAX <= last)
		from = last - BOX_SITE_PEAKS_MAX + 1;
	for (uint64_t sequence = from; sequence <= last; sequence++)
		site->peaks[sequence % BOX_SITE_PEAKS_MAX] = peak_of(&site->live);
	site->peak_sequence = last;
}

/* ---- the box ------------------------------------------------------------------------------- */

static void site_publish(uint32_t number)
{
	box_write(BOX_SECTION_SITES, number, &kept_at(number)->site, &kept_at(number)->generation);
}

static void count_store(uint64_t *count, uint64_t now)
{
	__atomic_store_n(count, now, __ATOMIC_RELEASE);
}

/* After what it counts. */
static void sampling_publish(void)
{
	count_store(&sampling.site_count, site_count);
	count_store(&sampling.frame_count, frames_count());
	count_store(&sampling.module_count, loaded_count());
	box_write(BOX_SECTION_SAMPLING, 0, &sampling, &sampling_generation);
}

/* ---- samples ------------------------------------------------------------------------------- */

/* The frames of whoever called into this library. */
static uint32_t skipped_frames(const struct backtrace *trace)
{
	uint32_t skipped = 0;

	while (skipped < trace->count && trace->pcs[skipped] - own_start < own_end - own_start)
		skipped++;
	return skipped;
}

/* A frame is marked by the number of the site whose innermost it is, and 1. */
static bool site_find(uint32_t frame, uint32_t *number)
{
	uint32_t *mark = frames_mark(frame);

	if (*mark == 0) {
		if (site_count == BOX_SITES_MAX || !table_make_room(&sites, site_count))
			return false;
		kept_at(site_count)->site = (struct box_site){.frame = frame,
			.peak_sequence = publish_peak_count()};
		*mark = site_count + 1;
		__atomic_store_n(&site_count, *mark, __ATOMIC_RELEASE);
	}
	*number = *mark - 1;
	return true;
}

/* The calling thread's stack leads to a site, whose sums become larger. */
static bool sample_begin(struct special_sample *sample)
{
	static struct backtrace trace;
	struct share share = share_of(sample);

	backtrace_capture(&trace);
	bool is_counted = site_find(frames_intern(&trace, skipped_frames(&trace), tags_frame), &sample->site);
	if (is_counted) {
		struct box_site *site = &kept_at(sample->site)->site;
		peaks_keep(site);
		sum_add(&site->live, &share);
		sum_add(&site->total, &share);
		site_publish(sample->site);
	}
	sampling.sample_count++;
	sampling.lost_count += !is_counted;
	sampling_publish();
	return is_counted;
}

static void sample_end(const struct special_sample *sample)
{
	struct share share = share_of(sample);
	struct box_site *site = &kept_at(sample->site)->site;

	peaks_keep(site);
	sum_subtract(&site->live, &share);
	site_publish(sample->site);
}

static void sample_seen(const void *object, const struct special_sample *sample, bool is_there)
{
	if (is_there)
		probe_alloc(object, sample->bytes, share_of(sample).bytes);
	else
		probe_free(object);
}

static void sampled(const struct sample *taken)
{
	int saved = errno;
	struct special_sample sample = {.weight = (float)taken->weight, .bytes = taken->bytes};

	if (lock_is_any_mine())
		return;
	lock_acquire(&sites_lock);
	bool is_counted = sample_begin(&sample);
	lock_release(&sites_lock);
	uint32_t home = taken->home != NULL ? (uint32_t)arena_page_of(taken->home) + 1 : 0;
	bool is_tied = is_counted && special_set_sample(taken->object, &sample, home);
	if (is_counted && !is_tied) {
		lock_acquire(&sites_lock);
		sampling.lost_count++;
		sample_end(&sample);
		lock_release(&sites_lock);
	}
	/* One whose end is not followed would be alive for ever to who watches. */
	if (is_tied)
		sample_seen(taken->object, &sample, true);
	errno = saved;
}

static void sample_ended(const struct special_sample *sample)
{
	lock_acquire(&sites_lock);
	sample_end(sample);
	lock_release(&sites_lock);
}

static void sample_resized(struct special_sample *sample, uint64_t bytes)
{
	lock_acquire(&sites_lock);
	sample_end(sample);
	sample->bytes = bytes;
	struct share share = share_of(sample);
	sum_add(&kept_at(sample->site)->site.live, &share);
	site_publish(sample->site);
	lock_release(&sites_lock);
}

/* ---- reports ------------------------------------------------------------------------------- */

uint32_t sites_count(void)
{
	return __atomic_load_n(&site_count, __ATOMIC_ACQUIRE);
}

const struct box_site *sites_at(uint32_t number)
{
	return &kept_at(number)->site;
}

uint32_t sites_frame(uint32_t number)
{
	return number < sites_count() ? (uint32_t)sites_at(number)->frame : 0;
}

static const struct box_sampling *sampling_now(void)
{
	return &sampling;
}

static const struct source_sites source = {.sample_bytes = sample_rate,
	.peak_sequence = publish_peak_count,
	.sampling = sampling_now,
	.module = loaded_at,
	.frame = frames_at,
	.site = sites_at,
	.tag_count = tags_count,
	.tag = tags_at};

/* ---- all of them ------------------------------------------------------------------------- */

void sites_init(uintptr_t own_pc, uintptr_t start)
{
	if (own_pc != 0)
		loaded_find_range(own_pc, &own_start, &own_end);
	if (start != 0)
		backtrace_end_at(start - START_BYTES, start + START_BYTES);
	special_sample_ended = sample_ended;
	special_sample_seen = sample_seen;
	special_sample_resized = sample_resized;
	heap_hooks.sampled = sampled;
	heap_source.sites = &source;
}

void sites_publish(void)
{
	lock_acquire(&sites_lock);
	loaded_publish();
	frames_publish();
	for (uint32_t number = 0; number < site_count; number++)
		site_publish(number);
	if (sampling.sample_count != 0 || frames_count() > 1)
		sampling_publish();
	tags_publish();
	lock_release(&sites_lock);
}

void sites_publish_counts(void)
{
	if (lock_is_any_mine())
		return;
	lock_acquire(&sites_lock);
	sampling_publish();
	lock_release(&sites_lock);
}

void sites_fork_prepare(void)
{
	lock_acquire(&sites_lock);
}

void sites_fork_end(void)
{
	lock_release(&sites_lock);
}

void sites_fork_recover(void)
{
	lock_reset(&sites_lock);
}
