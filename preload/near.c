#include "preload/near.h"

#include "base/bits.h"
#include "base/format.h"
#include "base/os.h"
#include "heap/page_heap.h"
#include "heap/publish.h"
#include "heap/snapshot.h"
#include "stats/box.h"

/* The event log is short: a program that comes near and goes away in turns is told of now
   and then. */
static const uint64_t EVENT_PAUSE_NS = UINT64_C(60) * 1000 * 1000 * 1000;

/* Not on the stack: the slow path of malloc() may run on a small one. */
static struct {
	struct box_near near;
	uint64_t generation;
	uint64_t told_ns;
} state;

/* With a comma before each three digits. */
static void format_mib(struct format *out, uint64_t bytes)
{
	uint64_t mib = bytes >> 20, scale = 1;

	while (mib / scale >= 1000)
		scale *= 1000;
	format_unsigned(out, mib / scale);
	while ((scale /= 1000) != 0) {
		uint64_t part = mib / scale % 1000;
		format_text(out, part < 10 ? ",00" : part < 100 ? ",0" : ",");
		format_unsigned(out, part);
	}
	format_text(out, " MiB");
}

static void tell(const struct box_limit *limit)
{
	static const char *const sources[] = {[BOX_LIMIT_NONE] = "", [BOX_LIMIT_CONF] = "MSTAT_CONF",
		[BOX_LIMIT_CGROUP] = "cgroup ", [BOX_LIMIT_ADDRESSES] = "RLIMIT_AS",
		[BOX_LIMIT_DATA] = "RLIMIT_DATA"};
	char text[160];
	struct format out;

	format_init(&out, text, sizeof(text), -1);
	format_text(&out, "near the limit: ");
	format_mib(&out, limit->used_bytes);
	format_text(&out, " of ");
	format_mib(&out, limit->limit_bytes);
	format_text(&out, " (");
	format_text(&out, sources[limit->source]);
	if (limit->source == BOX_LIMIT_CGROUP)
		format_text(&out, limit->path[0] != '\0' ? limit->path : "/");
	format_char(&out, ')');
	format_terminate(&out);
	box_log(BOX_EVENT_NEAR_LIMIT, text);
}

static void classes_collect(void)
{
	uint32_t end = heap_source.class_count();

	state.near.classes[0] = (struct box_near_class){
		.live_objects = word_load(&page_heap.large_objects),
		.span_bytes = (uint64_t)word_load(&page_heap.large_pages) << PAGE_SHIFT};
	for (uint32_t class = 1; class < end; class++) {
		struct source_class row;
		heap_source.size_class(class, &row);
		state.near.classes[class] = (struct box_near_class){.live_objects = row.live_objects,
			.span_bytes = row.span_bytes};
	}
}

static void publish(void)
{
	box_write(BOX_SECTION_NEAR, 0, &state.near, &state.generation);
}

void near_note(const struct box_limit *limit)
{
	uint64_t now_ns = os_coarse_ns();

	state.near.sequence++;
	state.near.returned_bytes = 0;
	state.near.limit = *limit;
	state.near.peak = publish_peak_now();
	classes_collect();
	publish();
	if (state.told_ns != 0 && now_ns < state.told_ns + EVENT_PAUSE_NS)
		return;
	state.told_ns = now_ns;
	tell(limit);
}

void near_returned(uint64_t bytes)
{
	state.near.returned_bytes = bytes;
	publish();
}

void near_forget(void)
{
	if (state.near.sequence == 0) /* a page that is not written is not copied */
		return;
	state.near.sequence = 0;
	state.told_ns = 0;
}
