#include "heap/arena.h"

#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/os.h"
#include "heap/limit.h"
#include "heap/span.h"

struct arena arena;

enum {
	TABLE_COUNT = 4,
	TABLE_STEP_BYTES = 64 << 10, /* the largest page any kernel has here */
	GAP_BYTES = 2 << 20,         /* unmapped, between parts of the window */
	GAP_SHARE = 64,              /* and at most 1/64 of the window */
	CACHES_SHARE = 64,           /* caches may take 1/64 of it */
	GROW_SHARE = 8,              /* grow by an eighth of the heap at a time: */
	GROW_MIN_BYTES = 1 << 20,
	GROW_MAX_BYTES = 64 << 20,
	SMALL_HEAP_BYTES = 8 << 20,  /* up to here 4 KiB pages, as lean as glibc */
	/* From here on the first pages are huge too, 8 MiB of them and 4 of tables:
	   a twentieth of the heap, were none of it in use.  Half of the time that
	   the fork of a heap of a gigabyte takes went by on their small pages. */
	LARGE_HEAP_BYTES = 256 << 20
};

/* An array with one entry a page, mapped as far as there are pages. */
struct table {
	uintptr_t address;
	size_t entry_bytes;
	size_t mapped_bytes;
};

static struct table tables[TABLE_COUNT] = {
	{.entry_bytes = sizeof(uint8_t)},
	{.entry_bytes = sizeof(uint8_t)},
	{.entry_bytes = sizeof(struct span)},
	{.entry_bytes = HOME_WORDS_PER_PAGE * sizeof(uint64_t)},
};

/* Fresh zero memory at a place of the window. */
static bool window_map(uintptr_t address, size_t bytes, bool *taken)
{
	*taken = false;
	if (arena.is_reserved)
		return os_commit((void *)address, bytes);
	return os_map_at((void *)address, bytes, taken);
}

static void window_unmap(uintptr_t address, size_t bytes)
{
	if (arena.is_reserved)
		os_reserve_again((void *)address, bytes);
	else
		os_unmap((void *)address, bytes);
}

/* A table's first huge page stays small pages until the heap is large. */
static void table_want_huge(const struct table *table, size_t from, size_t to)
{
	from = max_bytes(from, OS_HUGE_PAGE_BYTES);
	if (from < to)
		os_want_huge((void *)(table->address + from), to - from, true);
}

static bool table_cover(struct table *table, size_t pages)
{
	size_t want = bits_round_up(pages * table->entry_bytes, TABLE_STEP_BYTES);
	size_t mapped = table->mapped_bytes;
	bool taken;

	if (want <= mapped)
		return true;
	/* Ahead of need, so that a growing heap does not come here each time, and
	   behind the first huge page by whole ones; never into the next part. */
	size_t ahead = want + GROW_MAX_BYTES / PAGE_BYTES * table->entry_bytes;
	ahead = bits_round_up(ahead,
		ahead <= OS_HUGE_PAGE_BYTES ? TABLE_STEP_BYTES : OS_HUGE_PAGE_BYTES);
	ahead = min_bytes(ahead,
		bits_round_up(arena.page_limit * table->entry_bytes, TABLE_STEP_BYTES));
	if (window_map(table->address + mapped, ahead - mapped, &taken))
		want = ahead;
	else if (!window_map(table->address + mapped, want - mapped, &taken))
		return false;
	table_want_huge(table, mapped, want);
	word_add(&arena.metadata_bytes, want - mapped);
	table->mapped_bytes = want;
	return true;
}

static bool tables_cover(size_t pages)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		if (!table_cover(&tables[i], pages))
			return false;
	return true;
}

static size_t page_entry_bytes(void)
{
	size_t bytes = PAGE_BYTES;

	for (int i = 0; i < TABLE_COUNT; i++)
		bytes += tables[i].entry_bytes;
	return bytes;
}

/* What lies unmapped before a part: how much more than one gap, the random word says. */
static uintptr_t gap_of(size_t most_bytes, uint64_t *word)
{
	size_t choices = most_bytes / GAP_BYTES;

	*word = *word * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
	return (1 + (*word >> 33) % choices) * GAP_BYTES;
}

/* Cuts [start, start + bytes) into its parts.  Who knows where an object is does not know by
   it where the tables are. */
static void window_lay_out(uintptr_t start, size_t bytes)
{
	size_t caches_bytes = bits_round_down(bytes / CACHES_SHARE, GAP_BYTES);
	size_t gap_most_bytes = max_bytes(bytes / GAP_SHARE, GAP_BYTES);
	size_t fixed = caches_bytes + (TABLE_COUNT + 2) * gap_most_bytes + GAP_BYTES;
	size_t pages = (bytes - fixed) / page_entry_bytes();
	uint64_t word = os_random_word(0) ^ start;
	uintptr_t at = start;

	for (int i = 0; i < TABLE_COUNT; i++) {
		tables[i].address = at;
		at = bits_round_up(at + pages * tables[i].entry_bytes, GAP_BYTES) +
			gap_of(gap_most_bytes, &word);
	}
	arena.caches = (char *)at;
	at = bits_round_up(at + caches_bytes, OS_HUGE_PAGE_BYTES) + gap_of(gap_most_bytes, &word);
	arena.window_address = start;
	arena.class_map = (uint8_t *)tables[0].address;
	arena.class_map_base = tables[0].address - (at >> PAGE_SHIFT);
	arena.page_info = (uint8_t *)tables[1].address;
	arena.spans = (struct span *)tables[2].address;
	arena.home_words = (uint64_t *)tables[3].address;
	arena.pages_address = at;
	/* Short gaps leave room behind: pages that the tables have no entries for. */
	arena.page_limit = min_bytes(pages, (start + bytes - at) >> PAGE_SHIFT);
	arena.huge_from_page = arena.page_limit;
}

/* Whether the kernel lets us map there; leaves the first table mapped. */
static bool window_try(uintptr_t start, size_t bytes)
{
	window_lay_out(start, bytes);
	return tables_cover(1);
}

static void tables_forget(void)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (tables[i].mapped_bytes != 0)
			os_unmap((void *)tables[i].address, tables[i].mapped_bytes);
		tables[i].mapped_bytes = 0;
	}
	word_store(&arena.metadata_bytes, 0);
}

/*
 * 1 to 8 TiB is nobody's: programs load low or at 0x55..., the kernel maps
 * downwards from the top, Go and the sanitizers stay out of it, and valgrind
 * and 48-bit kernels reach it.  39-bit kernels do not: they get 64 to 256 GiB.
 */
static bool window_find_free(void)
{
	static const struct {
		uintptr_t lowest;
		size_t window_bytes;
	} places[] = {
		{(uintptr_t)1 << 40, (size_t)4 << 40},
		{(uintptr_t)1 << 36, (size_t)64 << 30},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t spread = places[i].window_bytes;
		for (uint64_t word = os_random_word(0), tries = 0; tries < 4; tries++, word >>= 8) {
			uintptr_t start = places[i].lowest +
				bits_round_down(word & (spread - 1), OS_HUGE_PAGE_BYTES);
			if (window_try(start, places[i].window_bytes))
				return true;
			tables_forget();
		}
	}
	return false;
}

static bool window_reserve(void)
{
	arena.is_reserved = true;
	for (size_t bytes = (size_t)256 << 30; bytes >= (size_t)64 << 20; bytes /= 2) {
		void *start = os_reserve(bytes);
		if (start == NULL)
			continue;
		if (window_try((uintptr_t)start, bytes))
			return true;
		os_unmap(start, bytes);
		for (int i = 0; i < TABLE_COUNT; i++)
			tables[i].mapped_bytes = 0;
		word_store(&arena.metadata_bytes, 0);
	}
	arena.is_reserved = false; /* the next start looks for a window again */
	return false;
}

bool arena_init(void)
{
	if ((CONFIG_THREAD_SANITIZER || !window_find_free()) && !window_reserve())
		return false;
	arena.is_ready = true;
	return true;
}

/* Maps pages behind the last one, beyond whatever stands in the way. */
static bool pages_map(size_t pages)
{
	bool taken = false;

	for (size_t skip = 0; skip < arena.page_limit; skip = skip == 0 ? 1024 : 2 * skip) {
		size_t first = arena.page_count + skip;
		if (pages > arena.page_limit || first > arena.page_limit - pages)
			return false;
		/* The pages first: what is refused for its size has cost no tables. */
		if (window_map((uintptr_t)arena_address_of(first), pages << PAGE_SHIFT, &taken)) {
			if (!tables_cover(first + pages)) {
				window_unmap((uintptr_t)arena_address_of(first), pages << PAGE_SHIFT);
				return false;
			}
			word_add(&arena.hole_pages, skip);
			word_store(&arena.page_count, first);
			return true;
		}
		if (!taken)
			return false;
	}
	return false;
}

/* What was made of small pages while the heap was small.  Of a table nothing beyond
   has been touched yet, and with the same advice both are one mapping. */
static void first_pages_make_huge(void)
{
	os_make_huge(arena_address_of(0), arena.huge_from_page << PAGE_SHIFT);
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (tables[i].mapped_bytes < OS_HUGE_PAGE_BYTES)
			continue;
		os_want_huge((void *)tables[i].address, OS_HUGE_PAGE_BYTES, true);
		os_make_huge((void *)tables[i].address, OS_HUGE_PAGE_BYTES);
	}
}

size_t arena_grow(size_t pages, size_t *got_pages)
{
	size_t heap_bytes = arena_mapped_bytes();
	size_t ahead = min_bytes(max_bytes(heap_bytes / GROW_SHARE, GROW_MIN_BYTES), GROW_MAX_BYTES);
	/* Ends on a huge page's edge, so that the next growth begins on one. */
	bool wants_huge = heap_bytes >= SMALL_HEAP_BYTES && !limit_presses();
	size_t unit = wants_huge ? OS_HUGE_PAGE_BYTES : TABLE_STEP_BYTES;

	if (pages > arena.page_limit)
		return SIZE_MAX;
	size_t want_bytes = max_bytes(pages << PAGE_SHIFT, limit_growth_bytes(ahead));
	size_t end = bits_round_up((arena.page_count << PAGE_SHIFT) + want_bytes, unit);
	size_t want = (end >> PAGE_SHIFT) - arena.page_count;

	while (!pages_map(want)) {
		if (want == pages)
			return SIZE_MAX;
		want = want / 2 > pages ? want / 2 : pages;
	}
	size_t first = arena.page_count;
	if (heap_bytes >= SMALL_HEAP_BYTES && first < arena.huge_from_page)
		arena.huge_from_page = first;
	if (wants_huge)
		os_want_huge(arena_address_of(first), want << PAGE_SHIFT, true);
	if (wants_huge && heap_bytes < LARGE_HEAP_BYTES && heap_bytes + (want << PAGE_SHIFT) >= LARGE_HEAP_BYTES)
		first_pages_make_huge();
	word_store(&arena.pages_bytes, (first + want) << PAGE_SHIFT);
	__atomic_store_n(&arena.page_count, first + want, __ATOMIC_RELEASE);
	*got_pages = want;
	return first;
}

void *arena_map_cache(size_t offset, size_t bytes)
{
	uintptr_t address = (uintptr_t)arena.caches + offset;
	bool taken;

	/* The part of a small reservation has room for some tens of them. */
	if (address + bytes > arena.pages_address || !window_map(address, bytes, &taken))
		return NULL;
	word_add(&arena.metadata_bytes, bytes);
	return arena.caches + offset;
}

size_t arena_tables_bytes(void)
{
	size_t bytes = 0;

	for (int i = 0; i < TABLE_COUNT; i++)
		bytes += tables[i].mapped_bytes;
	return bytes;
}

/* Pages need it not: what is in their way becomes a hole. */
void arena_forget_unfinished(void)
{
	for (int i = 0; !arena.is_reserved && i < TABLE_COUNT; i++) {
		uintptr_t from = tables[i].address + tables[i].mapped_bytes;
		uintptr_t end = i + 1 < TABLE_COUNT ? tables[i + 1].address : (uintptr_t)arena.caches;
		os_unmap((void *)from, end - GAP_BYTES - from);
	}
}
