#include "heap/cooling.h"

#include "base/bits.h"
#include "base/os.h"
#include "heap/checks.h"
#include "heap/draining.h"
#include "heap/huge.h"
#include "heap/limit.h"

/* A link is the number of a span's first page, and one; this is none. */
enum { NO_LINK = 0 };

static uint32_t interval; /* its number; wraps without harm */

void cooling_advance(void)
{
	__atomic_fetch_add(&interval, 1, __ATOMIC_RELAXED);
}

static uint32_t interval_now(void)
{
	return word_load(&interval);
}

static struct span *span_at(uint32_t link)
{
	return link != NO_LINK ? arena.spans + link - 1 : NULL;
}

static uint32_t link_to(const struct span *span)
{
	return (uint32_t)span_page(span) + 1;
}

static bool is_queued(const struct central *central, const struct span *span)
{
	return span->cooling_prev != NO_LINK || central->cooling_first == link_to(span);
}

static void queue_append(struct central *central, struct span *span)
{
	struct span *last = span_at(central->cooling_last);

	span->cooling_next = NO_LINK;
	span->cooling_prev = central->cooling_last;
	if (last != NULL)
		last->cooling_next = link_to(span);
	else
		word_store(&central->cooling_first, link_to(span));
	central->cooling_last = link_to(span);
}

static void queue_remove(struct central *central, struct span *span)
{
	struct span *next = span_at(span->cooling_next), *prev = span_at(span->cooling_prev);

	if (prev != NULL)
		prev->cooling_next = span->cooling_next;
	else
		word_store(&central->cooling_first, span->cooling_next);
	if (next != NULL)
		next->cooling_prev = span->cooling_prev;
	else
		central->cooling_last = span->cooling_prev;
	span->cooling_next = span->cooling_prev = NO_LINK;
}

void cooling_touch(struct central *central, struct span *span, bool came_home)
{
	span->touched_in = interval_now();
	if (came_home && !is_queued(central, span))
		queue_append(central, span);
}

/* The unit that the OS takes back, and how many a span has. */
static uint32_t unit_count(const struct span *span)
{
	return (uint32_t)((span->page_count << PAGE_SHIFT) / os_page_bytes());
}

static bool is_released(const struct span *span, size_t unit)
{
	return (span->released[unit / 64] >> unit % 64 & 1) != 0;
}

uint32_t cooling_released_units(const struct span *span)
{
	return (uint32_t)(__builtin_popcountll(span->released[0]) +
		__builtin_popcountll(span->released[1]));
}

void cooling_reuse(struct central *central, struct span *span, void *const *objects,
	uint32_t count)
{
	size_t unit_bytes = os_page_bytes(), object_bytes = size_classes[span->class].object_bytes;
	uint32_t before = cooling_released_units(span);

	if (before == 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		size_t offset = (size_t)((char *)objects[i] - span_address(span));
		size_t last = (offset + object_bytes - 1) / unit_bytes;
		for (size_t unit = offset / unit_bytes; unit <= last; unit++)
			span->released[unit / 64] &= ~((uint64_t)1 << unit % 64);
	}
	size_t taken_bytes = (before - cooling_released_units(span)) * unit_bytes;
	word_subtract(&central->released_bytes, taken_bytes);
	limit_note_cooled(-(ptrdiff_t)taken_bytes);
}

void cooling_forget(struct central *central, struct span *span)
{
	size_t unit_bytes = os_page_bytes();

	if (is_queued(central, span))
		queue_remove(central, span);
	if (cooling_released_units(span) == 0)
		return;
	word_subtract(&central->released_bytes, cooling_released_units(span) * unit_bytes);
	limit_note_cooled(-(ptrdiff_t)(cooling_released_units(span) * unit_bytes));
	for (size_t page = 0; page < span->page_count; page++) {
		size_t first = (page << PAGE_SHIFT) / unit_bytes;
		size_t last = (((page + 1) << PAGE_SHIFT) - 1) / unit_bytes;
		bool is_clean = true;
		for (size_t unit = first; unit <= last; unit++)
			is_clean = is_clean && is_released(span, unit);
		if (is_clean)
			arena.page_info[span_page(span) + page] &= (uint8_t)~PAGE_IS_DIRTY;
	}
	span->released[0] = span->released[1] = 0;
}

/* Whether the objects [from, to] are all home. */
static bool are_home(const uint64_t *words, uint32_t from, uint32_t to)
{
	for (uint32_t word = from / 64; word <= to / 64; word++) {
		uint64_t wanted = ~(uint64_t)0;
		if (word == from / 64)
			wanted &= ~(uint64_t)0 << from % 64;
		if (word == to / 64)
			wanted &= ~(uint64_t)0 >> (63 - to % 64);
		if ((words[word] & wanted) != wanted)
			return false;
	}
	return true;
}

/* Whether no live object touches the unit, and memory stands behind it. */
static bool unit_is_free(const struct span *span, size_t unit)
{
	size_t unit_bytes = os_page_bytes(), offset = unit * unit_bytes;
	uint32_t from = size_class_index(span->class, offset);
	uint32_t to = size_class_index(span->class, offset + unit_bytes - 1);

	if ((arena.page_info[span_page(span) + (offset >> PAGE_SHIFT)] & PAGE_IS_DIRTY) == 0 ||
		is_released(span, unit))
		return false;
	if (from >= span_objects(span))
		return false; /* carving left it over, and nothing wrote there */
	if (size_class_has_tail(span->class) &&
		span_address(span) + offset + unit_bytes > span_records(span))
		return false;
	if (from < span->lead)
		return false;
	if (from >= span->carved_count)
		return true;
	if (to >= span->carved_count)
		to = span->carved_count - 1;
	return are_home(span_home_words(span), from, to);
}

static bool units_release(struct span *span, size_t from, size_t to)
{
	size_t unit_bytes = os_page_bytes();

	/* First: a child of fork may find it half done. */
	if (heap_checks != NULL)
		heap_checks->span_released(span, from * unit_bytes, to * unit_bytes);
	size_t first = from * unit_bytes >> PAGE_SHIFT, last = (to * unit_bytes - 1) >> PAGE_SHIFT;
	huge_break(span_page(span) + first, last + 1 - first);
	if (!os_release(span_address(span) + from * unit_bytes, (to - from) * unit_bytes))
		return false;
	for (size_t unit = from; unit < to; unit++)
		span->released[unit / 64] |= (uint64_t)1 << unit % 64;
	return true;
}

static bool span_release_pages(struct central *central, struct span *span)
{
	uint32_t before = cooling_released_units(span), units = unit_count(span);

	for (uint32_t unit = 0; unit < units; unit++) {
		uint32_t end = unit;
		while (end < units && unit_is_free(span, end))
			end++;
		if (end == unit)
			continue;
		if (!units_release(span, unit, end))
			break;
		unit = end;
	}
	uint32_t released = cooling_released_units(span) - before;
	word_add(&central->released_bytes, released * os_page_bytes());
	limit_note_cooled((ptrdiff_t)(released * os_page_bytes()));
	return released != 0;
}

static bool is_warm(const struct span *span)
{
	uint32_t now = interval_now();

	return span->touched_in == now || span->touched_in + 1 == now;
}

uint32_t cooling_release(uint32_t class, uint32_t span_budget)
{
	struct central *central = &centrals[class];
	const struct span *last = span_at(central->cooling_last);
	bool is_pressed = limit_presses();
	struct span *span = NULL;
	uint32_t done = 0;

	/* Once around at most. */
	for (uint32_t looks = 0; span != last && looks < COOLING_LOOKS && done < span_budget;
		looks++) {
		span = span_at(central->cooling_first);
		queue_remove(central, span);
		if (is_warm(span) && !span_is_draining(span) && !is_pressed)
			queue_append(central, span);
		else
			done += span_release_pages(central, span);
	}
	return done;
}
