/*
 * check_tags.c - profile/tags.c, with tinyalloc/tagged.c and what heap/cache.c tells.
 *
 * Proves: what is counted of a scope is what a model counts, and the box has the same, made
 * late or not, while four threads count for the same tags; a span is as it was when its last
 * tagged object is gone; a sample's stack begins with the scopes that it was taken in, the
 * outermost first; an object that is tagged may be a sample, and have a finalizer; scopes and
 * names end at their bounds, and leave what is there alone.
 */
#include "profile/tags.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "heap/cache.h"
#include "heap/heap.h"
#include "heap/publish.h"
#include "heap/sample.h"
#include "profile/frames.h"
#include "profile/sites.h"
#include "stats/box.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/stats/box_file.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

enum { THREADS = 4, OBJECTS = 300, STEPS = 20000, TAGS = 3 };

static void begin(void)
{
	box_dir_make();
	hinted_begin();
	sites_init(0, 0);
	tags_init(false);
	sample_window_most = UINT32_MAX;
	box_identity()->class_count = SIZED_CLASS_COUNT;
	box_identity()->hinted_count = HINTED_CLASS_COUNT;
}

static void audit(void)
{
	for (size_t page = 0; page < arena.page_count; page++)
		if (arena.spans[page].kind == SPAN_SMALL || arena.spans[page].kind == SPAN_LARGE)
			special_audit(&arena.spans[page]);
}

static void end(void)
{
	while (tags_pop() == 0)
		continue;
	audit();
	world_end();
	box_dir_remove();
}

static void push_surely(const char *name, bool is_all)
{
	int error;

	while ((error = tags_push(name, is_all)) == ENOMEM)
		ck_assert(is_excused());
	ck_assert_int_eq(error, 0);
}

static void *resized(void *ptr, size_t bytes)
{
	void *to;

	while ((to = object_realloc(ptr, bytes, NULL)) == NULL)
		ck_assert(is_excused());
	return to;
}

static const struct box_tag *tag_called(const char *name)
{
	for (uint32_t i = 0; i < tags_count(); i++)
		if (strcmp(tags_at(i)->name, name) == 0)
			return tags_at(i);
	ck_abort_msg("no tag %s", name);
}

/* In a torture build some are. */
static bool is_missed(const struct box_tag *tag)
{
	return CONFIG_TORTURE && tag->missed_objects != 0;
}

static void is_counted(const char *name, uint64_t objects, uint64_t bytes)
{
	const struct box_tag *tag = tag_called(name);

	if (is_missed(tag))
		return;
	ck_assert_uint_eq(tag->missed_objects, 0);
	ck_assert_uint_eq(tag->allocated_objects - tag->freed_objects, objects);
	ck_assert_uint_eq(tag->allocated_bytes - tag->freed_bytes, bytes);
}

static void box_is_as_counted(void)
{
	struct box_file file;

	box_file_open(&file, box_path());
	const struct box_section *section = box_file_section(&file, BOX_SECTION_TAGS);
	for (uint32_t i = 0; i < tags_count(); i++) {
		const char *part = file.memory + section->offset + (size_t)i * section->part_bytes;
		ck_assert_mem_eq(part, tags_at(i), sizeof(struct box_tag));
		ck_assert_uint_eq(tags_at(i)->check, box_tag_check(tags_at(i)->name, i));
	}
	box_file_close(&file);
}

static const size_t sizes[] = {1, 3, 8, 15, 16, 100, 1000, 8192, 40000, 262144, 262145, 3000000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(test_one_object)   /* _i: size, hinted or not */
{
	size_t bytes = sizes[_i / 2];
	bool is_hinted = _i % 2 == 1;

	push_surely("one", true);
	char *ptr = is_hinted ? chars_surely(bytes) : alloc_surely(bytes);
	size_t usable = object_usable_bytes(ptr, NULL);
	is_counted("one", 1, usable);
	ck_assert(is_missed(tag_called("one")) || arena.class_map[arena_page_of(ptr)] == 0);
	memset(ptr, 1, bytes);
	ck_assert_int_eq(tags_pop(), 0);
	is_counted("one", 1, usable);
	uint32_t class = tally_class(ptr);
	object_free(ptr);
	is_counted("one", 0, 0);
	if (class != 0)
		ck_assert_uint_ne(arena.class_map[arena_page_of(ptr)], 0);
	object_free(alloc_surely(bytes));
	is_counted("one", 0, 0);
}
END_TEST

START_TEST(test_resizing_makes_it_the_scopes)   /* _i: from which size to which */
{
	push_surely("from", true);
	char *ptr = alloc_surely(sizes[_i / SIZES]);
	push_surely("to", true);
	ptr = resized(ptr, sizes[_i % SIZES]);
	is_counted("from", 0, 0);
	is_counted("to", 1, object_usable_bytes(ptr, NULL));
	tags_pop();
	tags_pop();
	ptr = resized(ptr, sizes[_i / SIZES]);
	is_counted("to", 0, 0);
	object_free(ptr);
	is_counted("from", 0, 0);
	is_counted("to", 0, 0);
}
END_TEST

static int finalized;

static void finalize(void *ptr, void *arg)
{
	(void)ptr;
	(void)arg;
	finalized++;
}

START_TEST(test_all_that_can_be_tied_to_an_object)
{
	sample_set_rate(1);
	push_surely("tied", true);
	char *ptr = alloc_surely(100), *neighbour = alloc_surely(100);
	int error;
	while ((error = special_set_finalizer(ptr, finalize, NULL)) == ENOMEM)
		ck_assert(is_excused());
	ck_assert_int_eq(error, 0);
	tags_pop();
	audit();
	ptr = resized(ptr, 5000);
	is_counted("tied", 1, object_usable_bytes(neighbour, NULL));
	ck_assert_int_eq(finalized, 0);
	audit();
	object_free(ptr);
	ck_assert_int_eq(finalized, 1);
	object_free(neighbour);
	is_counted("tied", 0, 0);
}
END_TEST

/* ---- samples ------------------------------------------------------------------------------- */

START_TEST(test_a_samples_stack_begins_with_its_scopes)
{
	uint32_t names[8], count = 0;

	sample_set_rate(1);
	push_surely("outer", false);
	push_surely("inner", true);
	void *ptr = alloc_surely(1000);
	ck_assert_uint_gt(sites_count(), 0);
	uint32_t frame = (uint32_t)sites_at(sites_count() - 1)->frame;
	for (; frame != 0 && frame != BOX_FRAME_CUT; frame = frames_at(frame)->caller)
		if (frame_is_tag(frames_at(frame)))
			names[count++] = box_place_tag(frames_at(frame)->place);
		else
			ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(tags_at(names[0])->name, "inner");
	ck_assert_str_eq(tags_at(names[1])->name, "outer");
	is_counted("outer", 0, 0);
	object_free(ptr);
}
END_TEST

/* ---- at random ----------------------------------------------------------------------------- */

static struct object {
	void *ptr;
	int tag; /* -1: none */
	size_t bytes;
} objects[OBJECTS];

static pthread_mutex_t objects_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t live_objects[TAGS], live_bytes[TAGS];
static const char *const names[TAGS] = {"a", "b", "c"};

static void count(const struct object *object, int64_t sign)
{
	if (object->tag < 0)
		return;
	__atomic_fetch_add(&live_objects[object->tag], sign, __ATOMIC_RELAXED);
	__atomic_fetch_add(&live_bytes[object->tag], sign * (int64_t)object->bytes, __ATOMIC_RELAXED);
}

static void replace(struct object object)
{
	size_t at = random_below(OBJECTS);

	if (object.ptr != NULL) {
		object.bytes = object_usable_bytes(object.ptr, NULL);
		count(&object, 1);
	}
	pthread_mutex_lock(&objects_lock);
	struct object before = objects[at];
	objects[at] = object;
	pthread_mutex_unlock(&objects_lock);
	if (before.ptr == NULL)
		return;
	count(&before, -1);
	object_free(before.ptr);
}

static void *work(void *arg)
{
	random_start((uint64_t)(uintptr_t)arg);
	for (int i = 0, tag = -1; i < STEPS; i++) {
		if (random_below(20) == 0 && tag >= 0) {
			ck_assert_int_eq(tags_pop(), 0);
			tag = -1;
		} else if (random_below(20) == 0 && tag < 0) {
			tag = (int)random_below(TAGS);
			push_surely(names[tag], true);
		}
		size_t bytes = random_size(random_below(50) == 0 ? 1 << 20 : 500);
		void *ptr = random_below(2) == 0 ? alloc_surely(bytes) : chars_surely(bytes);
		replace((struct object){.ptr = ptr, .tag = tag});
	}
	return NULL;
}

START_TEST(test_what_threads_do_at_random)   /* _i: 1: the box is made late */
{
	pthread_t threads[THREADS];

	if (_i == 0)
		box_make();
	for (int i = 0; i < TAGS; i++) {
		push_surely(names[i], true);
		replace((struct object){.ptr = alloc_surely(100), .tag = i});
		ck_assert_int_eq(tags_pop(), 0);
	}
	if (_i == 1)
		box_make();
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	sites_publish(); /* meanwhile */
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < TAGS; i++)
		is_counted(names[i], (uint64_t)live_objects[i], (uint64_t)live_bytes[i]);
	box_is_as_counted();
	audit();
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i].ptr != NULL)
			object_free(objects[i].ptr);
	for (int i = 0; i < TAGS; i++)
		is_counted(names[i], 0, 0);
	box_is_as_counted();
}
END_TEST

/* ---- bounds -------------------------------------------------------------------------------- */

static int push_excused(const char *name)
{
	int error;

	while ((error = tags_push(name, false)) == ENOMEM)
		ck_assert(is_excused());
	return error;
}

START_TEST(test_names_and_nestings_end)
{
	char name[16];
	uint32_t first = 0, count = 0;

	for (; first < BOX_TAGS_MAX; first++) {
		snprintf(name, sizeof(name), "%u", first);
		ck_assert_int_eq(push_excused(name), 0);
		ck_assert_int_eq(tags_pop(), 0);
	}
	ck_assert_int_eq(push_excused("one more"), ENOSPC);
	ck_assert_uint_eq(tags_frame, 0);
	for (uint32_t outer = 0; outer < 20 && count <= TAGS_FRAMES_MOST; outer++) {
		snprintf(name, sizeof(name), "%u", outer);
		ck_assert_int_eq(push_excused(name), 0);
		for (uint32_t inner = 0; inner < BOX_TAGS_MAX; inner++) {
			snprintf(name, sizeof(name), "%u", inner);
			if (push_excused(name) != 0)
				continue;
			count++;
			ck_assert_int_eq(tags_pop(), 0);
		}
		ck_assert_int_eq(tags_pop(), 0);
	}
	ck_assert_uint_eq(count, TAGS_FRAMES_MOST - BOX_TAGS_MAX);
	ck_assert_int_eq(tags_pop(), EINVAL);
}
END_TEST

START_TEST(test_a_scope_of_all_hides_the_cache_and_shows_it_again)
{
	push_surely("outer", false);
	ck_assert_ptr_eq(cache_self, cache_own);
	push_surely("all", true);
	ck_assert_ptr_eq(cache_self, &cache_none);
	push_surely("inner", false);
	ck_assert_ptr_eq(cache_self, &cache_none);
	tags_pop();
	ck_assert_ptr_eq(cache_self, &cache_none);
	tags_pop();
	ck_assert_ptr_eq(cache_self, cache_own);
	tags_pop();
	tags_init(true);
	push_surely("conf", false);
	ck_assert_ptr_eq(cache_self, &cache_none);
	ck_assert_uint_eq(tag_called("conf")->scope_count, 1);
	ck_assert_uint_eq(tag_called("outer")->scope_count, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/tags", begin, end);

	tcase_add_loop_test(tests, test_one_object, 0, 2 * SIZES);
	tcase_add_loop_test(tests, test_resizing_makes_it_the_scopes, 0, SIZES * SIZES);
	tcase_add_test(tests, test_all_that_can_be_tied_to_an_object);
	tcase_add_test(tests, test_a_samples_stack_begins_with_its_scopes);
	tcase_add_loop_test(tests, test_what_threads_do_at_random, 0, 2);
	tcase_add_test(tests, test_names_and_nestings_end);
	tcase_add_test(tests, test_a_scope_of_all_hides_the_cache_and_shows_it_again);
	return suite_end();
}
