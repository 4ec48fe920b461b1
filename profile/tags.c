#include "profile/tags.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "base/lock.h"
#include "base/table.h"
#include "heap/cache.h"
#include "heap/hooks.h"
#include "heap/slowpath.h"
#include "profile/frames.h"
#include "profile/sites.h"
#include "stats/box.h"
#include "tinyalloc/special.h"

enum { SLOTS = 2 * BOX_TAGS_MAX };

_Static_assert((int)BOX_TAGS_MAX < (int)TAGGED_MOST, "a tag's number, and 0, fit");

THREAD_LOCAL uint32_t tags_frame;

static struct table tags = {.entry_bytes = sizeof(struct box_tag), .first_bits = 2};
static uint16_t slots[SLOTS]; /* numbers + 1 by their names */
static uint32_t tag_count;
static uint32_t tag_frame_count;
static bool are_all_counted;

static struct box_tag *tag_at(uint32_t number)
{
	return table_at(&tags, number);
}

/* ---- counters ------------------------------------------------------------------------------ */

static uint64_t *word_at(uint32_t number, size_t offset)
{
	return (uint64_t *)(void *)((char *)tag_at(number) + offset);
}

/* Of two that count at once either may publish last: it then sees what the other added. */
static void publish(uint32_t number, size_t offset, uint32_t count)
{
	bool is_news = true;

	while (is_news) {
		uint64_t told[2];
		for (uint32_t i = 0; i < count; i++) {
			told[i] = word_load(word_at(number, offset) + i);
			box_write_tag_word(number, offset + i * sizeof(told[i]), told[i]);
		}
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		is_news = false;
		for (uint32_t i = 0; i < count; i++)
			is_news = is_news || word_load(word_at(number, offset) + i) != told[i];
	}
}

/* The check the last: then it is there. */
static void tag_publish(uint32_t number)
{
	const size_t check = offsetof(struct box_tag, check);

	for (size_t at = 0; at < sizeof(struct box_tag); at += sizeof(uint64_t))
		if (at != check)
			publish(number, at, 1);
	publish(number, check, 1);
}

static void count_one(uint32_t number, size_t offset)
{
	__atomic_fetch_add(word_at(number, offset), 1, __ATOMIC_SEQ_CST);
	publish(number, offset, 1);
}

/* Two counters side by side. */
static void count_object(uint32_t number, size_t offset, uint64_t bytes)
{
	uint64_t *objects = word_at(number, offset);

	__atomic_fetch_add(objects, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(objects + 1, bytes, __ATOMIC_SEQ_CST);
	publish(number, offset, 2);
}

_Static_assert(offsetof(struct box_tag, allocated_bytes) ==
		offsetof(struct box_tag, allocated_objects) + sizeof(uint64_t) &&
		offsetof(struct box_tag, freed_bytes) ==
			offsetof(struct box_tag, freed_objects) + sizeof(uint64_t),
	"objects, then bytes");

static void count_freed(uint32_t tag, uint64_t bytes)
{
	count_object(tag - 1, offsetof(struct box_tag, freed_objects), bytes);
}

static void allocated(void *object)
{
	uint32_t number = box_place_tag(frames_at(tags_frame)->place);
	int saved = errno;
	uint64_t bytes;

	enum tagged tagged = special_set_tag(object, number + 1, &bytes);
	if (tagged == TAGGED_NOW)
		count_object(number, offsetof(struct box_tag, allocated_objects), bytes);
	else if (tagged == TAGGED_REFUSED)
		count_one(number, offsetof(struct box_tag, missed_objects));
	errno = saved;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool name_is_one(const char *name)
{
	size_t bytes = 0;

	if (name == NULL)
		return false;
	for (; bytes < BOX_TAG_NAME_BYTES && name[bytes] != '\0'; bytes++)
		if ((unsigned char)name[bytes] < ' ' || name[bytes] == 0x7f)
			return false;
	return bytes != 0 && bytes < BOX_TAG_NAME_BYTES;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

/* Where a name is, or belongs. */
static uint16_t *slot_of(const char *name)
{
	uint32_t at = hash_of(name) % SLOTS;

	for (; slots[at] != 0; at = (at + 1) % SLOTS)
		if (strcmp(tag_at(slots[at] - 1u)->name, name) == 0)
			break;
	return &slots[at];
}

static int tag_make(uint16_t *slot, const char *name)
{
	uint32_t number = tag_count;

	if (number == BOX_TAGS_MAX)
		return ENOSPC;
	if (!table_make_room(&tags, number))
		return ENOMEM;
	struct box_tag *tag = tag_at(number);
	memcpy(tag->name, name, strlen(name) + 1);
	tag->check = box_tag_check(tag->name, number);
	tag_publish(number);
	*slot = (uint16_t)(number + 1);
	__atomic_store_n(&tag_count, number + 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- scopes -------------------------------------------------------------------------------- */

static bool is_of_all(uint32_t frame)
{
	return frame != 0 && (frames_at(frame)->place & 1) != 0;
}

static uint32_t depth_of(uint32_t frame)
{
	uint32_t depth = 0;

	for (; frame != 0; frame = frames_at(frame)->caller)
		depth++;
	return depth;
}

static int frame_find(uint32_t number, bool is_all, uint32_t *frame) REQUIRES(sites_lock)
{
	uint64_t address = box_tag_address(number, is_all);
	bool is_new;

	if (depth_of(tags_frame) == TAGS_DEPTH_MOST)
		return ENOSPC;
	*frame = frames_of_tag(tags_frame, address, tag_frame_count < TAGS_FRAMES_MOST, &is_new);
	if (*frame == 0)
		return tag_frame_count < TAGS_FRAMES_MOST ? ENOMEM : ENOSPC;
	tag_frame_count += is_new;
	return 0;
}

static int scope_find(const char *name, bool is_all, uint32_t *frame) REQUIRES(sites_lock)
{
	uint16_t *slot = slot_of(name);

	if (!frames_begin())
		return ENOMEM;
	int error = *slot != 0 ? 0 : tag_make(slot, name);
	return error != 0 ? error : frame_find(*slot - 1u, is_all, frame);
}

static void enter(uint32_t frame)
{
	tags_frame = frame;
	if (cache_is_told != is_of_all(frame))
		cache_tell(is_of_all(frame));
}

int tags_push(const char *name, bool is_all)
{
	uint32_t frame = 0;

	if (!name_is_one(name))
		return EINVAL;
	if (!heap_init())
		return ENOMEM;
	heap_process_look();
	if (lock_is_any_mine())
		return EBUSY;
	is_all = is_all || are_all_counted || is_of_all(tags_frame);
	lock_acquire(&sites_lock);
	int error = scope_find(name, is_all, &frame);
	lock_release(&sites_lock);
	if (error != 0)
		return error;
	enter(frame);
	if (is_all)
		count_one(box_place_tag(frames_at(frame)->place),
			offsetof(struct box_tag, scope_count));
	return 0;
}

int tags_pop(void)
{
	if (tags_frame == 0)
		return EINVAL;
	enter(frames_at(tags_frame)->caller);
	return 0;
}

/* ---- all of them --------------------------------------------------------------------------- */

void tags_init(bool are_all)
{
	are_all_counted = are_all;
	special_tag_ended = count_freed;
	heap_hooks.allocated = allocated;
}

void tags_publish(void)
{
	for (uint32_t number = 0; number < tag_count; number++)
		tag_publish(number);
}

uint32_t tags_count(void)
{
	return __atomic_load_n(&tag_count, __ATOMIC_ACQUIRE);
}

const struct box_tag *tags_at(uint32_t number)
{
	return tag_at(number);
}
