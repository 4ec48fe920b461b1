#include "check/fence.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/maps.h"
#include "base/os.h"
#include "heap/arena.h"
#include "heap/span.h"
#include "stats/box.h"

enum {
	OBJECT_ALIGN_BYTES = 1 << OBJECT_ALIGN_SHIFT,
	/* A mark is a page table's entry.  Of more pages than these a mapping takes less time. */
	MARKED_MOST_BYTES = 128 << 10,
	MAPS_MOST = 65530, /* as vm.max_map_count is of itself */
	COUNTED_AFTER = 1024,
	UNKNOWN_MOST = MAPS_MOST / 8
};

/* ---- how many mappings the kernel allows --------------------------------------------------- */

/* Fences to be made, or, below 0, to be refused, until mappings are counted again. */
static int32_t until_counted;

static size_t maps_most(void)
{
	char text[32];
	ssize_t got = os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text));
	size_t most = 0;

	for (ssize_t i = 0; i < got && text[i] >= '0' && text[i] <= '9'; i++)
		most = most * 10 + (size_t)(text[i] - '0');
	return most != 0 ? most : MAPS_MOST;
}

/* SIZE_MAX if nobody says. */
static size_t maps_count(void)
{
	struct maps_reader reader;
	struct maps_line line;
	size_t count = 0;

	maps_open(&reader);
	if (reader.fd < 0)
		return SIZE_MAX;
	while (maps_next(&reader, &line))
		count += !reader.is_cut;
	bool is_known = !reader.has_failed;
	maps_close(&reader);
	return is_known ? count : SIZE_MAX;
}

static COLD void say_once(size_t most)
{
	static bool is_said;
	char text[192];
	struct format line;

	if (__atomic_exchange_n(&is_said, true, __ATOMIC_RELAXED))
		return;
	format_init(&line, text, sizeof(text), -1);
	format_text(&line, "check: no more guard pages, as vm.max_map_count is ");
	format_unsigned(&line, most);
	format_text(&line, ": objects go without until others are freed");
	format_terminate(&line);
	box_log(BOX_EVENT_CHECK, text);
	if (!os_can_write(STDERR_FILENO, false))
		return;
	char said[256];
	format_init(&line, said, sizeof(said), STDERR_FILENO);
	format_text(&line, "libmstat: ");
	format_text(&line, text);
	format_char(&line, '\n');
	format_flush(&line);
}

/* Spans that have fences of their own mapping, which may make two more each. */
static size_t mapped_count;

/* A process that is confined may open nothing: no more than these is known. */
static COLD int32_t count_unknown(void)
{
	size_t count = word_load(&mapped_count);

	if (count < UNKNOWN_MOST)
		return (int32_t)min_bytes(UNKNOWN_MOST - count, COUNTED_AFTER);
	say_once(MAPS_MOST);
	return -COUNTED_AFTER;
}

static COLD int32_t count_again(void)
{
	size_t count = os_is_confined ? SIZE_MAX : maps_count();

	if (count == SIZE_MAX)
		return count_unknown();
	size_t most = maps_most(), allowed = most - most / 4;
	if (count + 2 <= allowed)
		return (int32_t)min_bytes((allowed - count) / 2, COUNTED_AFTER);
	say_once(most);
	return -COUNTED_AFTER;
}

/* Files are opened for that, in a call that is no point of cancellation and leaves errno as
   it is. */
static COLD void count_aside(void)
{
	int saved = errno, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	word_store(&until_counted, count_again());
	pthread_setcancelstate(cancel_state, NULL);
	errno = saved;
}

static bool may_map(void)
{
	int32_t now = word_load(&until_counted);

	/* While one thread counts, the others go on. */
	if (now == 0 && __atomic_compare_exchange_n(&until_counted, &now, COUNTED_AFTER, false,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		count_aside();
		now = word_load(&until_counted);
	}
	/* Of two threads at once one is not counted. */
	word_store(&until_counted, now > 0 ? now - 1 : now + 1);
	return now > 0;
}

/* ---- fences -------------------------------------------------------------------------------- */

/* Returns `side`, and how; 0 if it could not be done.  A new mapping goes together with that
   of a neighbour that was made so, where protection alone would leave as many as there were
   objects. */
static uint8_t pages_close(char *from, size_t bytes, enum span_fences side)
{
	if (bytes == 0)
		return 0;
	if (bytes <= MARKED_MOST_BYTES && os_guard_mark(from, bytes))
		return side | SPAN_FENCE_MARKED;
	return may_map() && os_reserve_again(from, bytes) ? side | SPAN_FENCE_MAPPED : 0;
}

/* It has more fences, or none. */
static void fences_set(struct span *span, uint8_t fences)
{
	int more = ((fences & SPAN_FENCE_MAPPED) != 0) - ((span->fences & SPAN_FENCE_MAPPED) != 0);

	word_store(&span->fences, fences);
	__atomic_fetch_add(&mapped_count, (size_t)(ssize_t)more, __ATOMIC_RELAXED);
}

struct large_place fence_place(size_t bytes, size_t align_bytes, bool with_before, bool is_left)
{
	size_t os_bytes = os_page_bytes(), span_unit = max_bytes(os_bytes, PAGE_BYTES);
	size_t least_align = OBJECT_ALIGN_BYTES, align = max_bytes(align_bytes, least_align);

	/* Of more than a page's alignment it can only begin where its span does. */
	if (align > span_unit)
		return (struct large_place){
			.pages = bits_round_up(bits_round_up(bytes, os_bytes) + os_bytes, span_unit) >> PAGE_SHIFT,
			.align_pages = align >> PAGE_SHIFT,
			.offset = 0};
	size_t unit = max_bytes(os_bytes, align), room = bits_round_up(bytes, align);
	size_t before = with_before ? unit : 0;
	size_t total = bits_round_up(before + bits_round_up(room, unit) + os_bytes, span_unit);
	size_t behind = bits_round_up(os_bytes, align);
	return (struct large_place){.pages = total >> PAGE_SHIFT,
		.align_pages = span_unit >> PAGE_SHIFT,
		.offset = is_left ? before : total - behind - room};
}

void fence_set(struct span *span)
{
	uintptr_t object = (uintptr_t)span_object(span);
	char *end = span_address(span) + (span->page_count << PAGE_SHIFT);
	char *first = (char *)bits_round_down(object, os_page_bytes());
	char *behind = (char *)bits_round_up(object + span->bytes, os_page_bytes());

	uint8_t done = pages_close(span_address(span), (size_t)(first - span_address(span)),
		SPAN_FENCE_BEFORE);
	done |= pages_close(behind, (size_t)(end - behind), SPAN_FENCE_BEHIND);
	fences_set(span, done);
}

void fence_close(struct span *span)
{
	size_t bytes = span->page_count << PAGE_SHIFT;
	uint8_t before = span->fences;

	/* A child of a fork that comes in between undoes either. */
	fences_set(span, before | SPAN_FENCE_MARKED | SPAN_FENCE_MAPPED);
	uint8_t done = pages_close(span_address(span), bytes, 0);
	fences_set(span, before | done);
	if (done != 0 || os_release(span_address(span), bytes))
		memset(arena.page_info + span_page(span), PAGE_WAS_USED, span->page_count);
}

bool fence_open(struct span *span)
{
	size_t bytes = span->page_count << PAGE_SHIFT;
	uint8_t done = span->fences;
	bool is_unmarked = (done & SPAN_FENCE_MARKED) == 0 || os_guard_unmark(span_address(span), bytes);
	bool is_mapped = (done & SPAN_FENCE_MAPPED) == 0 ||
		os_protect(span_address(span), bytes, PROT_READ | PROT_WRITE);

	fences_set(span, 0);
	return is_unmarked && is_mapped;
}
