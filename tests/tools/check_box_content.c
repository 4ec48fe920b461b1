/*
 * check_box_content.c - tools/box_content.c and tools/remote.c: the books that
 * follow from a box, and from the memory of its process.
 *
 * Proves: every total is the sum that mstat.h states; a thread's figures are
 * its slot's less what it found; what was damaged is counted; what lies in the
 * magazines is read exactly, also in the middle of a change; no offset leads
 * out of a cache.
 */
#include "tools/box_content.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/box_sample.h"
#include "tools/remote.h"

static struct sample sample;
static struct box_content content;
static struct books books;
static struct failure failure;

static void setup(void)
{
	sample_init(&sample);
}

static void teardown(void)
{
	books_free(&books);
	box_content_free(&content);
}

static void read_sample(void)
{
	struct box_image image;
	size_t count;
	char *bytes = sample_image(&sample, &count);

	ck_assert(box_image_open(&image, bytes, count, "BOX", &failure));
	ck_assert(box_content_read(&content, &image, "BOX", &failure));
	free(bytes);
}

static void make_books(void)
{
	read_sample();
	ck_assert(box_content_books(&content, &books));
}

START_TEST(test_the_totals_are_the_sums_that_the_header_states)
{
	const struct mstat_snapshot *t = &books.totals;

	make_books();
	ck_assert_uint_eq(t->alloc, SAMPLE_LIVE_BYTES);
	ck_assert_uint_eq(t->magazine_bytes, SAMPLE_MAGAZINE_BYTES);
	ck_assert_uint_eq(t->span_free_bytes, SAMPLE_SPAN_FREE_BYTES);
	ck_assert_uint_eq(t->heap_alloc, t->alloc + t->magazine_bytes);
	ck_assert_uint_eq(t->heap_sys, t->heap_inuse + t->heap_idle);
	ck_assert_uint_eq(t->heap_inuse, t->heap_alloc + t->span_free_bytes);
	ck_assert_uint_eq(t->heap_idle, t->idle_kept_bytes + t->heap_released + t->never_used_bytes);
	ck_assert_uint_eq(t->sys, t->heap_sys + t->stacks_sys + t->metadata_bytes);
	ck_assert_uint_eq(t->nmalloc - t->nfree, 1000 + 500 + 30 + 1);
	ck_assert_int_eq(books.exactness, BOOKS_PUBLISHED);
	ck_assert_uint_eq(books.hidden_threads, 0);
	ck_assert_uint_eq(books.damaged_parts, 0);
}
END_TEST

START_TEST(test_rounding_is_estimated_from_what_was_sampled)
{
	uint64_t sampled;

	make_books();
	/* A quarter of each small class; large objects are not rounded so. */
	ck_assert_uint_eq(books_rounding_bytes(&books, &sampled), SAMPLE_SMALL_BYTES / 4);
	ck_assert_uint_eq(sampled, 30);
}
END_TEST

START_TEST(test_a_thread_is_its_slot_less_what_it_found)
{
	sample.threads[2].base_nmalloc = 200;
	sample.threads[2].base_nfree = 3;
	sample.threads[2].base_total_alloc = 1000;
	sample.threads[2].base_alloc = -500;
	make_books();
	const struct books_thread *thread = &books.threads[1];
	ck_assert_str_eq(thread->name, "worker");
	ck_assert_uint_eq(thread->nmalloc, 1207 + 22 - 200);
	ck_assert_uint_eq(thread->nfree, 7 + 7 - 3);
	ck_assert_uint_eq(thread->total_alloc, 1207 * 16 + 22 * 1024 - 1000);
	ck_assert_int_eq(thread->alloc, 1200 * 16 + 15 * 1024 + 500);
}
END_TEST

START_TEST(test_a_thread_that_frees_for_others_is_below_zero)
{
	make_books();
	ck_assert_uint_eq(books.thread_count, 3); /* not the slot of those without one */
	ck_assert_int_eq(books.threads[0].tid, 4711);
	ck_assert_int_eq(books.threads[0].alloc, -200 * 16 + 500 * 64 + 10 * 1024 + SAMPLE_LARGE_BYTES);
	ck_assert_uint_eq(books.threads[0].nfree, 200 + 7 + 7 + 2);
	ck_assert(!books.threads[2].is_live);
}
END_TEST

START_TEST(test_figures_that_lag_never_wrap)
{
	/* More lives than the class gave out; a sum of moments is below zero. */
	sample.classes[1].out_objects = 10;
	sample.rows[1][2].live_objects = -7;
	sample.threads[1].base_nmalloc = UINT64_MAX;
	make_books();
	ck_assert_uint_eq(books.classes[1].magazine_objects, 0);
	ck_assert_uint_eq(books.classes[2].live_objects, 0);
	ck_assert_uint_eq(books.threads[0].nmalloc, 0);
}
END_TEST

START_TEST(test_threads_without_a_slot_are_counted)
{
	sample.totals.thread_count = 5;
	make_books();
	ck_assert_uint_eq(books.hidden_threads, 3);
}
END_TEST

START_TEST(test_the_command_is_one_line)
{
	make_books();
	ck_assert_str_eq(books.command, "/usr/bin/sample --with an argument");
}
END_TEST

START_TEST(test_events_come_in_their_order)
{
	sample.events[0] = (struct box_event){.sequence = 17, .kind = BOX_EVENT_FATAL, .text = "last"};
	sample.events[5] = (struct box_event){.sequence = 6, .kind = BOX_EVENT_OUT_OF_MEMORY,
		.text = "first"};
	make_books();
	ck_assert_uint_eq(books.event_count, 2);
	ck_assert_str_eq(books.events[0].text, "first");
	ck_assert_str_eq(books.events[1].text, "last");
	ck_assert_str_eq(books_event_word(&books.events[0]), "refused");
	ck_assert_str_eq(books_event_word(&books.events[1]), "fatal");
}
END_TEST

START_TEST(test_too_many_classes_are_refused)
{
	struct box_image image;
	size_t count;

	sample.identity.class_count = BOX_CLASSES_MAX + 1;
	char *bytes = sample_image(&sample, &count);
	ck_assert(box_image_open(&image, bytes, count, "BOX", &failure));
	ck_assert(!box_content_read(&content, &image, "BOX", &failure));
	ck_assert_str_eq(failure.text, "the box BOX is corrupt: 113 size classes");
	free(bytes);
}
END_TEST

START_TEST(test_damaged_parts_are_counted_and_read_as_nothing)
{
	struct box_image image;
	size_t count;
	char *bytes = sample_image(&sample, &count);
	const struct box_section *section = sample_section(bytes, BOX_SECTION_CLASSES);

	bytes[section->offset + 2 * section->part_bytes + section->part_bytes / 2 + 20] ^= 1;
	ck_assert(box_image_open(&image, bytes, count, "BOX", &failure));
	ck_assert(box_content_read(&content, &image, "BOX", &failure));
	ck_assert(box_content_books(&content, &books));
	ck_assert_uint_eq(books.damaged_parts, 1);
	ck_assert_uint_eq(books.classes[2].size_bytes, 0);
	free(bytes);
}
END_TEST

/* A cache of four classes with one object more in each magazine than words say. */
struct cache {
	uint64_t words[32];
};

static void cache_init(struct cache *cache)
{
	struct box_identity *identity = &sample.identity;

	memset(cache, 0, sizeof(*cache));
	identity->cache_bytes = sizeof(*cache);
	identity->magazines_offset = 0;
	identity->class_stride = 8;
	identity->armed_offset = 96;
	identity->net_offset = 128;
	identity->sequence_offset = 160;
	identity->busy_class_offset = 164;
	identity->busy_nmalloc_offset = 168;
	identity->busy_live_offset = 176;
	for (int class = 1; class < SAMPLE_CLASSES; class++) {
		struct box_magazine magazine = {.top = (uint16_t)(512 + class), /* holds its number */
			.until = -1 /* due */, .bottom = 512};
		memcpy(&cache->words[class], &magazine, sizeof(magazine));
		cache->words[12 + class] = 100;
		cache->words[16 + class] = 50;
	}
}

static void cache_set_busy(struct cache *cache, uint32_t sequence, uint32_t class)
{
	uint32_t halves[2] = {sequence, class};

	memcpy(&cache->words[20], halves, sizeof(halves));
	cache->words[21] = 77;
	cache->words[22] = (uint64_t)-5;
}

START_TEST(test_a_cache_tells_what_its_words_say)
{
	struct slot slot = {0};
	struct cache cache;

	cache_init(&cache);
	ck_assert(remote_take(&slot, &sample.identity, SAMPLE_CLASSES, (char *)&cache, sizeof(cache)));
	for (int class = 1; class < SAMPLE_CLASSES; class++) {
		ck_assert_uint_eq(slot.nmalloc[class], 101);
		ck_assert_uint_eq(slot.held_objects[class], (uint64_t)class);
		ck_assert_int_eq(slot.live_objects[class], 50 - class);
	}
}
END_TEST

START_TEST(test_a_class_that_changes_is_read_from_the_words_beside)
{
	struct slot slot = {0};
	struct cache cache;

	cache_init(&cache);
	cache_set_busy(&cache, 3, 2);
	ck_assert(remote_take(&slot, &sample.identity, SAMPLE_CLASSES, (char *)&cache, sizeof(cache)));
	ck_assert_uint_eq(slot.nmalloc[2], 77);
	ck_assert_int_eq(slot.live_objects[2], -5);
	ck_assert_uint_eq(slot.nmalloc[1], 101);
}
END_TEST

START_TEST(test_no_offset_leads_out_of_a_cache)   /* _i: which offset */
{
	uint64_t *const offsets[] = {&sample.identity.magazines_offset,
		&sample.identity.armed_offset, &sample.identity.net_offset, &sample.identity.sequence_offset,
		&sample.identity.busy_class_offset, &sample.identity.busy_nmalloc_offset,
		&sample.identity.busy_live_offset, &sample.identity.tiny_nmalloc_offset,
		&sample.identity.tiny_nfree_offset, &sample.identity.class_stride,
		&sample.identity.cache_bytes};
	static const uint64_t values[] = {UINT64_MAX, UINT64_MAX - 3, sizeof(struct cache) + 1};
	struct slot slot = {0};
	struct cache cache;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cache_init(&cache);
		*offsets[_i] = values[i];
		ck_assert(!remote_take(&slot, &sample.identity, SAMPLE_CLASSES, (char *)&cache,
			sizeof(cache)));
	}
}
END_TEST

START_TEST(test_every_slot_that_can_be_read_is_exact)
{
	static struct cache cache;

	cache_init(&cache);
	for (int slot = 0; slot < SAMPLE_SLOTS; slot++)
		sample.threads[slot].cache_address = (uintptr_t)&cache;
	read_sample();
	remote_read(&content, getpid());
	ck_assert(box_content_books(&content, &books));
	ck_assert_int_eq(books.exactness, BOOKS_EXACT);
	ck_assert_uint_eq(books.classes[3].live_objects, 4 * 47);
	ck_assert_uint_eq(books.classes[3].magazine_objects, 4 * 3);
}
END_TEST

START_TEST(test_a_cache_that_cannot_be_read_stays_as_published)
{
	static struct cache cache;

	cache_init(&cache);
	for (int slot = 0; slot < SAMPLE_SLOTS; slot++)
		sample.threads[slot].cache_address = slot == 2 ? 4096 : (uintptr_t)&cache;
	read_sample();
	remote_read(&content, getpid());
	ck_assert(box_content_books(&content, &books));
	ck_assert_int_eq(books.exactness, BOOKS_PUBLISHED);
	ck_assert(!content.slots[2].is_exact);
	ck_assert_int_eq(content.slots[2].live_objects[1], 1200);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/box_content", setup, teardown);

	tcase_add_test(tests, test_the_totals_are_the_sums_that_the_header_states);
	tcase_add_test(tests, test_rounding_is_estimated_from_what_was_sampled);
	tcase_add_test(tests, test_a_thread_is_its_slot_less_what_it_found);
	tcase_add_test(tests, test_a_thread_that_frees_for_others_is_below_zero);
	tcase_add_test(tests, test_figures_that_lag_never_wrap);
	tcase_add_test(tests, test_threads_without_a_slot_are_counted);
	tcase_add_test(tests, test_the_command_is_one_line);
	tcase_add_test(tests, test_events_come_in_their_order);
	tcase_add_test(tests, test_too_many_classes_are_refused);
	tcase_add_test(tests, test_damaged_parts_are_counted_and_read_as_nothing);
	tcase_add_test(tests, test_a_cache_tells_what_its_words_say);
	tcase_add_test(tests, test_a_class_that_changes_is_read_from_the_words_beside);
	tcase_add_loop_test(tests, test_no_offset_leads_out_of_a_cache, 0, 11);
	tcase_add_test(tests, test_every_slot_that_can_be_read_is_exact);
	tcase_add_test(tests, test_a_cache_that_cannot_be_read_stays_as_published);
	return suite_end();
}
