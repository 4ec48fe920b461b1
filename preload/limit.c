#include "preload/limit.h"

#include <string.h>
#include <sys/resource.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/limit.h"
#include "preload/cgroup.h"
#include "preload/cgroup_room.h"
#include "preload/near.h"
#include "stats/box.h"

enum {
	MILLISECOND_NS = 1000 * 1000,
	FIRST_NS = 100 * MILLISECOND_NS, /* most processes end before */
	/* After growth not before so much has passed: to return memory takes a millisecond or more,
	   and what is used in turns comes back. */
	PAUSE_NS = 100 * MILLISECOND_NS,
	PAUSE_PRESSED_NS = 5 * MILLISECOND_NS,
	FIRST_LOOK_BYTES = 8 << 20, /* of heap: as small a process is not what is killed */
	STEP_SHARE = 4,             /* of the room */
	STEP_LEAST_SHARE = 64,      /* of the limit */
	STEP_LEAST_BYTES = 256 << 10,
	GROWTH_SHARE = 8,           /* of the room: mapped ahead of need */
	FAR_SHARE = 16,             /* below what is near: it is near no more */
	/* In a group whose other members use nearly all there is nothing that a small one could
	   do, and it is not the one that is killed. */
	SMALL_SHARE = 8,
	STATM_FIELDS = 6
};

static const uint64_t EVERY_NS = UINT64_C(2000) * MILLISECOND_NS;

/* Not on the stack: the slow path of malloc() may run on a small one. */
static struct {
	const struct conf *conf;
	bool is_working;
	bool is_near;
	bool was_looked_at;
	uint64_t due_ns;      /* by os_coarse_ns() */
	uint64_t last_ns;
	size_t step_bytes;
	struct box_limit now;
	uint64_t generation;
	struct limit_wish wish;
	struct cgroup_room group;
} state;

/* ---- what limits there are ----------------------------------------------------------------- */

static uint64_t heap_bytes(void)
{
	return (uint64_t)limit_held_pages() << PAGE_SHIFT;
}

static uint64_t room_of(uint64_t limit_bytes, uint64_t used_bytes)
{
	return limit_bytes > used_bytes ? limit_bytes - used_bytes : 0;
}

static void consider(enum box_limit_source source, uint64_t limit_bytes, uint64_t used_bytes,
	const char *path)
{
	struct box_limit *now = &state.now;

	if (now->source != BOX_LIMIT_NONE &&
		room_of(now->limit_bytes, now->used_bytes) <= room_of(limit_bytes, used_bytes))
		return;
	now->source = source;
	now->limit_bytes = limit_bytes;
	now->used_bytes = used_bytes;
	memset(now->path, 0, sizeof(now->path));
	memcpy(now->path, path, strlen(path));
}

/* Bytes that count as held, of the heap. */
static uint64_t counted_bytes(bool is_of_addresses)
{
	return (uint64_t)limit_counted_pages(is_of_addresses) << PAGE_SHIFT;
}

/* So much the heap may have; the least room counts. */
static void soften(uint64_t soft_bytes, bool is_of_addresses)
{
	struct limit_wish *wish = &state.wish;
	uint64_t before = (uint64_t)wish->soft_pages << PAGE_SHIFT;

	if (wish->soft_pages != SIZE_MAX &&
		room_of(before, counted_bytes(wish->is_of_addresses)) <=
			room_of(soft_bytes, counted_bytes(is_of_addresses)))
		return;
	wish->soft_pages = max_bytes((size_t)(soft_bytes >> PAGE_SHIFT), 1);
	wish->is_of_addresses = is_of_addresses;
}

static void conf_look(void)
{
	uint64_t limit = state.conf->limit_bytes, used = heap_bytes();

	if (limit == 0)
		return;
	consider(BOX_LIMIT_CONF, limit, used, "");
	soften(limit, false);
}

static void group_look(void)
{
	const struct cgroup_room *group = &state.group;

	if (!cgroup_room_read(&state.group))
		return;
	consider(BOX_LIMIT_CGROUP, group->limit_bytes, group->used_bytes, group->path);
	if (state.conf->limit_is_auto)
		soften(heap_bytes() + room_of(group->limit_bytes, group->used_bytes), false);
}

/* Of pages that the kernel has mapped for the process: [0] all, [5] data. */
static bool statm_read(uint64_t fields[STATM_FIELDS])
{
	char text[128];
	ssize_t count = os_read_file("/proc/self/statm", text, sizeof(text) - 1);
	const char *at = text;

	text[count > 0 ? count : 0] = '\0';
	for (int i = 0; i < STATM_FIELDS; i++) {
		if (*at < '0' || *at > '9')
			return false;
		fields[i] = cgroup_number(at) * os_page_bytes();
		at += strspn(at, "0123456789");
		at += *at == ' ';
	}
	return true;
}

/* What is given back is not unmapped; but what the heap has mapped is used again. */
static void address_look(enum box_limit_source source, uint64_t limit_bytes, uint64_t used_bytes)
{
	uint64_t room = room_of(limit_bytes, used_bytes);

	consider(source, limit_bytes, used_bytes, "");
	state.wish.growth_most_pages = min_bytes(state.wish.growth_most_pages,
		(size_t)(room / GROWTH_SHARE) >> PAGE_SHIFT);
	if (state.conf->limit_is_auto)
		soften(arena_mapped_bytes() + room, true);
}

static void process_look(void)
{
	struct rlimit addresses = {RLIM_INFINITY, 0}, data = {RLIM_INFINITY, 0};
	uint64_t fields[STATM_FIELDS];

	getrlimit(RLIMIT_AS, &addresses);
	getrlimit(RLIMIT_DATA, &data);
	if ((addresses.rlim_cur == RLIM_INFINITY && data.rlim_cur == RLIM_INFINITY) ||
		!statm_read(fields))
		return;
	if (addresses.rlim_cur != RLIM_INFINITY)
		address_look(BOX_LIMIT_ADDRESSES, addresses.rlim_cur, fields[0]);
	if (data.rlim_cur != RLIM_INFINITY)
		address_look(BOX_LIMIT_DATA, data.rlim_cur, fields[STATM_FIELDS - 1]);
}

static void limits_read(bool may_read)
{
	uint32_t percent = (uint32_t)state.conf->near_limit_percent;

	limit_count_cooled();
	state.now = (struct box_limit){.realtime_ns = os_realtime_ns()};
	state.wish = (struct limit_wish){SIZE_MAX, SIZE_MAX, SIZE_MAX, false};
	conf_look();
	if (may_read) {
		group_look();
		process_look();
	}
	state.now.near_bytes = state.now.limit_bytes / 100 * percent;
	if (state.wish.soft_pages != SIZE_MAX)
		state.now.soft_bytes = (uint64_t)state.wish.soft_pages << PAGE_SHIFT;
}

/* ---- when it is looked at again ------------------------------------------------------------ */

static uint64_t step_towards(uint64_t mark_bytes, uint64_t used_bytes, uint64_t limit_bytes)
{
	return max_bytes(room_of(mark_bytes, used_bytes) / STEP_SHARE,
		max_bytes(limit_bytes / STEP_LEAST_SHARE, STEP_LEAST_BYTES));
}

static size_t step_bytes(void)
{
	const struct box_limit *now = &state.now;
	uint64_t held = counted_bytes(state.wish.is_of_addresses);
	uint64_t step = max_bytes(held / 2, FIRST_LOOK_BYTES);

	if (now->source != BOX_LIMIT_NONE) {
		bool is_before = now->used_bytes < now->near_bytes;
		step = min_bytes(step, step_towards(is_before ? now->near_bytes : now->limit_bytes,
			now->used_bytes, now->limit_bytes));
	}
	if (now->soft_bytes != 0)
		step = min_bytes(step, step_towards(now->soft_bytes, held, now->soft_bytes));
	return step;
}

static void look_later(void)
{
	state.wish.look_pages = limit_counted_pages(state.wish.is_of_addresses) +
		(state.step_bytes >> PAGE_SHIFT);
	limit_set(&state.wish);
}

static void heap_tell(void)
{
	state.step_bytes = step_bytes();
	look_later();
	box_write(BOX_SECTION_LIMIT, 0, &state.now, &state.generation);
}

/* ---- what is done -------------------------------------------------------------------------- */

static bool is_over(void)
{
	const struct box_limit *now = &state.now;

	return now->near_bytes != 0 && now->used_bytes >= now->near_bytes &&
		(now->source != BOX_LIMIT_CGROUP ||
			heap_bytes() >= now->limit_bytes / SMALL_SHARE);
}

static void near_follow(void)
{
	const struct box_limit *now = &state.now;

	if (is_over() && !state.is_near) {
		state.is_near = true;
		near_note(now);
	} else if (now->near_bytes == 0 ||
		now->used_bytes < now->near_bytes - now->near_bytes / FAR_SHARE) {
		state.is_near = false;
	}
}

static void look(bool may_read)
{
	uint64_t before = heap_bytes();
	bool was_near = state.is_near;

	limits_read(may_read);
	heap_tell();
	near_follow();
	if (state.is_near || limit_presses()) {
		limit_return_memory();
		limits_read(may_read);
		heap_tell();
	}
	uint64_t after = heap_bytes();
	if (state.is_near && !was_near)
		near_returned(before > after ? before - after : 0);
}

static bool work_begin(void)
{
	return !__atomic_exchange_n(&state.is_working, true, __ATOMIC_ACQUIRE);
}

static void work_end(void)
{
	state.was_looked_at = true;
	state.last_ns = os_coarse_ns();
	word_store(&state.due_ns, state.last_ns + EVERY_NS);
	__atomic_store_n(&state.is_working, false, __ATOMIC_RELEASE);
}

void limit_begin(const struct conf *conf)
{
	size_t first = FIRST_LOOK_BYTES;

	state.conf = conf;
	if (conf->limit_bytes != 0)
		first = min_bytes(first, conf->limit_bytes / 2);
	state.wish = (struct limit_wish){SIZE_MAX, SIZE_MAX, SIZE_MAX, false};
	if (conf->near_limit_percent != 0 || conf->limit_bytes != 0 || conf->limit_is_auto)
		state.wish.look_pages = first >> PAGE_SHIFT;
	limit_set(&state.wish);
	state.due_ns = os_coarse_ns() + FIRST_NS;
}

bool limit_is_due(void)
{
	return os_coarse_ns() >= word_load(&state.due_ns);
}

void limit_look(bool may_read)
{
	if (!work_begin())
		return;
	look(may_read);
	work_end();
}

void limit_look_grown(bool may_read)
{
	uint64_t pause_ns = limit_presses() ? PAUSE_PRESSED_NS : PAUSE_NS;

	if (!work_begin())
		return;
	if (state.is_near && os_coarse_ns() < state.last_ns + pause_ns) {
		look_later();
		__atomic_store_n(&state.is_working, false, __ATOMIC_RELEASE);
		return;
	}
	look(may_read);
	work_end();
}

void limit_give_up(void)
{
	const struct limit_wish none = {SIZE_MAX, SIZE_MAX, SIZE_MAX, false};

	limit_set(&none);
}

void limit_forget(void)
{
	if (state.is_working) /* a page that is not written is not copied */
		state.is_working = false;
	if (!state.was_looked_at)
		return;
	state.is_near = state.was_looked_at = false;
	state.due_ns = 0;
	near_forget();
}
