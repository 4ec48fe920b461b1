/*
 * check_arena.c - heap/arena.c.
 *
 * Proves: growth is contiguous but for what others had mapped, and those holes
 * are no memory of ours; each page has its entries in every table; addresses go
 * there and back; where no window is free, a reservation serves, however small;
 * caches take no more than their part.
 */
#include "heap/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

static const size_t MIB = (size_t)1 << 20;
static const size_t GIB = (size_t)1 << 30;

/* Address space that is nobody's yet becomes somebody's. */
static void occupy(uintptr_t address, size_t bytes)
{
	void *there = mmap((void *)address, bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	ck_assert(there != MAP_FAILED || errno == EEXIST);
}

static size_t grow_surely(size_t pages, size_t *got)
{
	size_t first;

	while ((first = arena_grow(pages, got)) == SIZE_MAX)
		ck_assert(is_excused());
	ck_assert_uint_ge(*got, pages);
	return first;
}

START_TEST(test_growth_follows_the_last_page)
{
	size_t pages = 0;

	for (size_t want = 1; want < 50000; want = want * 3 / 2 + 1) {
		size_t got, before = arena.page_count;
		size_t first = grow_surely(want, &got);
		ck_assert_uint_eq(first, before);
		ck_assert_uint_eq(arena.page_count, first + got);
		pages += got;
		/* The first and last byte of the pages, and of what the tables say. */
		arena_address_of(first)[0] = 1;
		arena_address_of(first + got)[-1] = 1;
		for (size_t page = first; page < first + got; page += got - 1 + (got == 1)) {
			ck_assert_uint_eq(arena.class_map[page], 0);
			ck_assert_uint_eq(arena.page_info[page], 0);
			ck_assert_uint_eq(arena.spans[page].kind, SPAN_NONE);
			arena.home_words[(page + 1) * HOME_WORDS_PER_PAGE - 1] = 1;
		}
	}
	ck_assert_uint_eq(arena_mapped_bytes(), pages << PAGE_SHIFT);
	ck_assert_uint_eq(arena.hole_pages, 0);
}
END_TEST

START_TEST(test_addresses_go_there_and_back)
{
	size_t got, first = grow_surely(1000, &got);

	for (size_t page = first; page < first + got; page++) {
		const char *address = arena_address_of(page);
		if (arena_page_of(address) != page || arena_page_of(address + PAGE_BYTES - 1) != page)
			ck_abort_msg("page %zu is lost", page);
	}
}
END_TEST

START_TEST(test_what_is_outside_has_no_page)
{
	size_t got;
	int here = 0;
	const char *start;

	grow_surely(10, &got);
	start = arena_address_of(0);
	ck_assert_uint_ge(arena_page_of(NULL), arena.page_count);
	ck_assert_uint_ge(arena_page_of(&here), arena.page_count);
	ck_assert_uint_ge(arena_page_of(&arena), arena.page_count);
	ck_assert_uint_ge(arena_page_of(start - 1), arena.page_count);
	ck_assert_uint_ge(arena_page_of(arena_address_of(arena.page_count)), arena.page_count);
	ck_assert_uint_ge(arena_page_of((void *)UINTPTR_MAX), arena.page_count);
	ck_assert_uint_ge(arena_page_of(arena.class_map), arena.page_count);
}
END_TEST

START_TEST(test_what_is_made_huge_keeps_what_is_in_it)
{
	size_t got, first = grow_surely(1, &got), last = first + got - 1;
	uint64_t *object = (uint64_t *)arena_address_of(last);

	*object = 1;
	arena.class_map[last] = 2;
	arena.page_info[last] = 3;
	arena.spans[last].page_count = 4;
	arena.home_words[last * HOME_WORDS_PER_PAGE] = 5;
	/* What is touched as it grows begins on small pages or on huge ones. */
	while (arena_mapped_bytes() < 600 * MIB) {
		size_t page = grow_surely(1, &got);
		arena.spans[page].page_count = (uint32_t)page;
	}
	ck_assert_uint_eq(*object, 1);
	ck_assert_uint_eq(arena.class_map[last], 2);
	ck_assert_uint_eq(arena.page_info[last], 3);
	ck_assert_uint_eq(arena.spans[last].page_count, 4);
	ck_assert_uint_eq(arena.home_words[last * HOME_WORDS_PER_PAGE], 5);
	ck_assert_uint_eq(arena.spans[arena.page_count - got].page_count, arena.page_count - got);
}
END_TEST

static bool parts_are_apart(void)
{
	const char *class_map = (const char *)arena.class_map, *info = (const char *)arena.page_info;
	const char *spans = (const char *)arena.spans, *home = (const char *)arena.home_words;

	return arena.window_address == (uintptr_t)class_map && class_map + arena.page_limit < info &&
		info + arena.page_limit < spans &&
		(const char *)(arena.spans + arena.page_limit) < home &&
		(const char *)(arena.home_words + arena.page_limit * HOME_WORDS_PER_PAGE) <
			arena.caches &&
		arena.caches < arena_address_of(0);
}

START_TEST(test_the_parts_of_the_window_do_not_touch)
{
	void *bytes = (void *)getauxval(AT_RANDOM); /* of which the gaps are made */

	for (uint64_t word = 1; word <= 400; word++) {
		pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			memcpy(bytes, &word, sizeof(word));
			_exit(!arena_init() || !parts_are_apart());
		}
		int status;
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (status != 0)
			ck_abort_msg("parts touch after %" PRIu64 ": %#x", word, status);
	}
}
END_TEST

/* libc's stack and pointer guards are these bytes. */
START_TEST(test_the_place_of_the_window_shows_no_guard)
{
	const char *bytes = (const char *)getauxval(AT_RANDOM);
	uint64_t spread = ((uint64_t)4 << 40) - 2 * MIB, shown = arena.window_address & spread;

	for (size_t at = 0; at <= 8; at += 8) {
		uint64_t word;
		memcpy(&word, bytes + at, sizeof(word));
		for (int tries = 0; tries < 4; tries++, word >>= 8)
			ck_assert_uint_ne(shown, (((uint64_t)1 << 40) + (word & spread)) & spread);
	}
}
END_TEST

START_TEST(test_what_others_mapped_is_a_hole)
{
	size_t got, last = grow_surely(1, &got) + got;
	char *theirs = mmap(arena_address_of(last), 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (arena.is_reserved)
		return; /* all of the window is ours: nobody can */
	ck_assert_ptr_eq(theirs, arena_address_of(last));
	strcpy(theirs, "theirs");
	size_t first = grow_surely(10, &got);
	ck_assert_uint_gt(first, last);
	ck_assert_uint_eq(arena.hole_pages, first - last);
	ck_assert_str_eq(theirs, "theirs");
	ck_assert_uint_eq(arena.class_map[last], 0);
	ck_assert_uint_eq(arena.spans[last].kind, SPAN_NONE);
	ck_assert_ptr_null(span_containing(theirs));
	memset(arena_address_of(first), 1, got << PAGE_SHIFT);
}
END_TEST

START_TEST(test_the_heap_goes_on_beyond_a_hole)
{
	struct mstat_snapshot snapshot;
	char *objects[40];

	heap_free(alloc_surely(MIB));
	if (!arena.is_reserved)
		occupy((uintptr_t)arena_address_of(arena.page_count + 3), 4096);
	for (size_t i = 0; i < 40; i++) {
		objects[i] = alloc_surely(MIB);
		fill(objects[i], MIB, i);
	}
	for (size_t i = 0; i < 40; i++)
		ck_assert_uint_eq(filled(objects[i], MIB, MIB, i), MIB);
	heap_audit();
	heap_snapshot(&snapshot);
	tally_check_sums(&snapshot);
	for (size_t i = 0; i < 40; i++)
		heap_free(objects[i]);
}
END_TEST

START_TEST(test_a_limit_of_address_space_is_a_refusal)
{
	struct rlimit limit;
	void *objects[65];
	int count = 0;

	heap_free(alloc_surely(MIB));
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_AS, &limit);
	while (count < 64 && (objects[count] = heap_alloc(MIB)) != NULL)
		count++;
	/* What was reserved before is not refused. */
	ck_assert(count < 64 || arena.is_reserved);
	heap_audit();
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
	objects[count] = alloc_surely(MIB); /* and the heap works on */
	while (count >= 0)
		heap_free(objects[count--]);
}
END_TEST

/* All of the places where a window is looked for are taken. */
static void places_take(void)
{
	static const size_t places[2][2] = {{(size_t)1 << 40, (size_t)8 << 40}, {64, 128}};

	for (size_t at = places[0][0]; at < places[0][1]; at += 1024 * GIB)
		occupy(at, 1024 * GIB);
	for (size_t at = places[1][0]; at < places[1][1]; at++)
		occupy(at * GIB, GIB);
}

START_TEST(test_where_no_window_is_free_a_reservation_serves)
{
	char *objects[64];

	places_take();
	world_begin();
	ck_assert(arena.is_reserved);
	for (size_t i = 0; i < 64; i++) {
		objects[i] = alloc_surely(i * i * 64);
		fill(objects[i], i * i * 64, i);
	}
	for (size_t i = 0; i < 64; i++) {
		ck_assert_uint_eq(filled(objects[i], i * i * 64, i * i * 64, i), i * i * 64);
		heap_free(objects[i]);
	}
	heap_trim(0);
	char *large = zeroed_surely(20 * MIB);
	ck_assert(is_zero(large, 20 * MIB));
	large = realloc_surely(large, 60 * MIB);
	heap_free(large);
}
END_TEST

static size_t address_space_bytes(void)
{
	char text[64];
	ssize_t bytes = os_read_file("/proc/self/statm", text, sizeof(text) - 1);

	ck_assert_int_gt(bytes, 0);
	text[bytes] = '\0';
	return strtoul(text, NULL, 10) * os_page_bytes();
}

static void *use_and_stay(void *barrier)
{
	char *object = heap_alloc(100);

	if (object != NULL)
		fill(object, 100, 1);
	pthread_barrier_wait(barrier);
	ck_assert(object == NULL || filled(object, 100, 100, 1) == 100);
	heap_free(object);
	pthread_barrier_wait(barrier);
	cache_detach();
	return NULL;
}

/* The smallest reservation that is tried, and more threads than it has room for. */
START_TEST(test_a_small_reservation_is_used_to_its_end)
{
	enum { THREADS = 48 };
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	static pthread_t threads[THREADS];
	static void *objects[256];
	pthread_barrier_t barrier;
	size_t count = 0;

	places_take();
	limit.rlim_cur = address_space_bytes() + 100 * MIB; /* 64 fit, 128 do not */
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	world_begin();
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_AS, &limit);
	ck_assert(arena.is_reserved);
	ck_assert_uint_lt(arena.page_limit, 64 * MIB >> PAGE_SHIFT);
	for (int refused = 0; count < 256 && refused < (is_excused() ? 100 : 1);) {
		objects[count] = heap_alloc(MIB);
		if (objects[count] == NULL) {
			refused++;
			continue;
		}
		fill(objects[count], MIB, count);
		count++;
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_lt(count, 64);
	heap_free(objects[--count]);
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_and_stay, &barrier), 0);
	pthread_barrier_wait(&barrier);
	heap_audit();
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(filled(objects[i], MIB, MIB, i), MIB);
		heap_free(objects[i]);
	}
}
END_TEST

START_TEST(test_caches_take_no_more_than_their_part)
{
	size_t stride = 64 << 10;
	size_t room = arena.pages_address - (uintptr_t)arena.caches;
	char *cache;

	ck_assert_ptr_null(arena_map_cache(room, stride));
	ck_assert_ptr_null(arena_map_cache(room - stride / 2, stride));
	while ((cache = arena_map_cache(0, stride)) == NULL)
		ck_assert(is_excused());
	ck_assert_ptr_eq(cache, arena.caches);
	ck_assert(is_zero(cache, stride));
}
END_TEST

/* The bytes of the window, below the pages, that are usable. */
static size_t mapped_metadata_bytes(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	size_t bytes = 0;
	char access;

	ck_assert_ptr_nonnull(maps);
	while (fscanf(maps, "%lx-%lx %c%*[^\n]", &from, &to, &access) == 3)
		if (from >= arena.window_address && to <= arena.pages_address && access == 'r')
			bytes += to - from;
	fclose(maps);
	return bytes;
}

START_TEST(test_metadata_is_what_the_tables_take)
{
	size_t got;

	attach_surely();
	ck_assert_uint_eq(arena.metadata_bytes, mapped_metadata_bytes());
	grow_surely(100000, &got);
	ck_assert_uint_eq(arena.metadata_bytes, mapped_metadata_bytes());
}
END_TEST

START_TEST(test_a_start_that_failed_is_tried_again_from_the_first)
{
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};

	limit.rlim_cur = address_space_bytes();
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	ck_assert(!heap_init());
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_AS, &limit);
	ck_assert(!arena.is_reserved);
	world_begin();
	ck_assert_uint_eq(arena.metadata_bytes, mapped_metadata_bytes());
	heap_free(alloc_surely(100));
}
END_TEST

int main(void)
{
	/* The first case has pages that the page heap does not know of. */
	TCase *tests = suite_begin("heap/arena", world_begin, NULL);
	TCase *whole = suite_case("the heap upon it", world_begin, world_end);
	TCase *reserved = suite_case("reserved", NULL, world_end);

	tcase_add_test(tests, test_growth_follows_the_last_page);
	tcase_add_test(tests, test_addresses_go_there_and_back);
	tcase_add_test(tests, test_what_is_outside_has_no_page);
	tcase_add_test(tests, test_what_is_made_huge_keeps_what_is_in_it);
	tcase_add_test(tests, test_the_place_of_the_window_shows_no_guard);
	tcase_add_test(tests, test_what_others_mapped_is_a_hole);
	tcase_add_test(tests, test_caches_take_no_more_than_their_part);
	tcase_add_test(tests, test_metadata_is_what_the_tables_take);
	tcase_add_test(whole, test_the_heap_goes_on_beyond_a_hole);
	tcase_add_test(whole, test_a_limit_of_address_space_is_a_refusal);
	tcase_add_test(reserved, test_the_parts_of_the_window_do_not_touch);
	tcase_add_test(reserved, test_where_no_window_is_free_a_reservation_serves);
	tcase_add_test(reserved, test_a_small_reservation_is_used_to_its_end);
	tcase_add_test(reserved, test_a_start_that_failed_is_tried_again_from_the_first);
	return suite_end();
}
