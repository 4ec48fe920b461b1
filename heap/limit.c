#include "heap/limit.h"

#include <stdint.h>

#include "base/bits.h"
#include "heap/central.h"
#include "heap/cooling.h"
#include "heap/draining.h"
#include "heap/hooks.h"
#include "heap/publish.h"
#include "heap/release.h"
#include "heap/slowpath.h"

enum {
	PRESS_SHARE = 5,      /* of the limit: with less room than that it presses */
	SHORT_SHARE = 32,     /* of the limit, of addresses: above it spans are short */
	KEEP_SHARE = 4,       /* of the room: kept then */
	GROWTH_LEAST_BYTES = 256 << 10
};

static struct limit_wish limit = {SIZE_MAX, SIZE_MAX, SIZE_MAX, false};
static bool look_is_due;
static size_t cooled_bytes;

void limit_set(const struct limit_wish *wish)
{
	word_store(&limit.is_of_addresses, wish->is_of_addresses);
	word_store(&limit.soft_pages, wish->soft_pages);
	word_store(&limit.growth_most_pages, wish->growth_most_pages);
	word_store(&limit.look_pages, wish->look_pages);
}

static size_t inuse_pages(void)
{
	size_t inuse = word_load(&page_heap.inuse_pages);

	return inuse - min_bytes(inuse, word_load(&cooled_bytes) >> PAGE_SHIFT);
}

size_t limit_held_pages(void)
{
	return inuse_pages() + word_load(&page_heap.dirty_pages);
}

size_t limit_counted_pages(bool is_of_addresses)
{
	return is_of_addresses ? word_load(&page_heap.inuse_pages) : limit_held_pages();
}

static size_t counted_pages(void)
{
	return limit_counted_pages(word_load(&limit.is_of_addresses));
}

void limit_note_cooled(ptrdiff_t change_bytes)
{
	__atomic_fetch_add(&cooled_bytes, (size_t)change_bytes, __ATOMIC_RELAXED);
	if (change_bytes < 0 && limit_follow())
		word_store(&release_is_wanted, true);
}

size_t limit_count_cooled(void)
{
	size_t bytes = 0;

	for (uint32_t class = 1; class < size_class_end_now(); class++)
		bytes += word_load(&centrals[class].released_bytes);
	word_store(&cooled_bytes, bytes);
	return bytes;
}

bool limit_follow(void)
{
	if (LIKELY(counted_pages() < word_load(&limit.look_pages)))
		return false;
	word_store(&look_is_due, true);
	return true;
}

void limit_tell(void)
{
	if (!word_load(&look_is_due))
		return;
	word_store(&look_is_due, false);
	if (heap_hooks.limit_passed != NULL)
		heap_hooks.limit_passed();
}

bool limit_presses(void)
{
	size_t soft = word_load(&limit.soft_pages);

	return UNLIKELY(soft != SIZE_MAX) && counted_pages() > soft - soft / PRESS_SHARE;
}

bool limit_wants_short_spans(void)
{
	size_t soft = word_load(&limit.soft_pages);

	return UNLIKELY(word_load(&limit.is_of_addresses)) &&
		word_load(&page_heap.inuse_pages) > soft / SHORT_SHARE;
}

size_t limit_keep_pages(void)
{
	size_t soft = word_load(&limit.soft_pages);

	if (LIKELY(soft == SIZE_MAX))
		return SIZE_MAX;
	size_t room = soft - min_bytes(soft, inuse_pages()), pressing = soft / PRESS_SHARE;
	return room > pressing ? room - pressing + pressing / KEEP_SHARE : room / KEEP_SHARE;
}

size_t limit_growth_bytes(size_t bytes)
{
	size_t most = word_load(&limit.growth_most_pages);

	if (LIKELY(most == SIZE_MAX))
		return bytes;
	return min_bytes(bytes, max_bytes(most << PAGE_SHIFT, GROWTH_LEAST_BYTES));
}

static void spans_return(void)
{
	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		if (word_load(&centrals[class].cooling_first) == 0)
			continue;
		central_lock(class);
		if (draining_is_due(class))
			draining_begin(class);
		cooling_release(class, COOLING_LOOKS);
		publish_class(class);
		central_unlock(class);
	}
}

void limit_return_memory(void)
{
	struct cache *cache = heap_cache_acquire();

	if (cache == NULL)
		return;
	heap_reclaim(cache);
	heap_cache_release(cache);
	if (limit_presses())
		spans_return();
	release_down_to(0);
}
