#include "tools/post.h"

#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

/* By their sequence, as they were. */
static int compare_peaks(const void *a, const void *b)
{
	const struct box_peak *left = a, *right = b;

	return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static void peaks_gather(struct post *post)
{
	for (size_t i = 0; i < BOX_PEAKS_MAX; i++)
		if (post->target.content.peaks[i].sequence != 0)
			post->peaks[post->peak_count++] = post->target.content.peaks[i];
	qsort(post->peaks, post->peak_count, sizeof(post->peaks[0]), compare_peaks);
}

static void later(uint64_t *last, uint64_t realtime_ns)
{
	if (*last < realtime_ns)
		*last = realtime_ns;
}

static void last_find(struct post *post)
{
	const struct books *books = &post->target.books;

	later(&post->last_realtime_ns, books->realtime_ns);
	later(&post->last_realtime_ns, post->target.content.cgroup.realtime_ns);
	for (size_t i = 0; i < books->event_count; i++)
		later(&post->last_realtime_ns, books->events[i].realtime_ns);
	for (size_t i = 0; i < post->peak_count; i++)
		later(&post->last_realtime_ns, post->peaks[i].realtime_ns);
}

bool post_gather(struct post *post, const struct target *target, const char *kernel_log,
	struct failure *failure)
{
	const struct symbols_settings settings = {0};

	*post = (struct post){.target = *target, .prof = {.value = SITE_LIVE}};
	text_copy(post->path, sizeof(post->path), target->path, strlen(target->path));
	peaks_gather(post);
	last_find(post);
	death_find(&post->death, &post->target, kernel_log);
	struct prof_side *side = &post->prof.sides[STACK_AFTER];
	side->title = post->target.title;
	side->realtime_ns = post->last_realtime_ns;
	post->symbols = symbols_open(&post->target.sites, &settings);
	if (post->symbols != NULL &&
		stacks_open(&side->stacks, &post->target.sites, post->symbols))
		return true;
	post_free(post);
	return failure_set(failure, FAILURE_CANNOT, "no memory for the call sites of %s",
		target->path);
}

uint64_t post_resident_bytes(const struct post *post)
{
	const struct mstat_snapshot *totals = &post->target.books.totals;
	uint64_t whole = totals->heap_sys + totals->metadata_bytes;
	uint64_t less = totals->heap_released + totals->span_released_bytes +
		totals->never_used_bytes;

	return whole > less ? whole - less : 0;
}

void post_free(struct post *post)
{
	stacks_close(&post->prof.sides[STACK_AFTER].stacks);
	if (post->symbols != NULL)
		symbols_close(post->symbols);
	target_close(&post->target);
}
