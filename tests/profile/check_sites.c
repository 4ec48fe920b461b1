/*
 * check_sites.c - profile/sites.c, with profile/frames.c and profile/loaded.c.
 *
 * Proves: what is told of a hundred call sites is what they allocated, within what chance
 * explains; each end is that of its beginning, whoever frees, whatever realloc makes of the
 * object; what was alive at a peak stays told; the box has the same, from its first moment,
 * made late or not; more sites than there is room for are counted as lost.
 */
#include "profile/sites.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"
#include "heap/publish.h"
#include "heap/sample.h"
#include "profile/frames.h"
#include "stats/box.h"
#include "tests/heap/world.h"
#include "tests/stats/box_file.h"
#include "tests/suite.h"
#include "tinyalloc/object.h"

enum { SITES = 100, ROUNDS = 100, OBJECTS = 512, RATE = 16 << 10, DEPTH_OF_MANY = 15 };

static const size_t sizes[] = {16, 40, 100, 400, 1000, 5000, 20000, 40000, 300000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void begin(void)
{
	box_dir_make();
	world_begin();
	sites_init(0, 0);
	sample_window_most = UINT32_MAX;
	box_identity()->class_count = SIZED_CLASS_COUNT;
	box_identity()->hinted_count = HINTED_CLASS_COUNT;
}

static void end(void)
{
	world_end();
	box_dir_remove();
}

/* What depends on how deep one stands is a call site of its own. */
static NOINLINE __attribute__((section("deep_text"))) void at_depth(int depth, void (*act)(void *), void *arg)
{
	if (depth > 0)
		at_depth(depth - 1, act, arg);
	else
		act(arg);
	__asm__ volatile("" ::: "memory"); /* no tail calls */
}

extern const char __start_deep_text[], __stop_deep_text[];

/* Its frames in at_depth(). */
static int depth_of(const struct box_site *site)
{
	int depth = -1;

	for (uint32_t number = (uint32_t)site->frame; number != 0 && number != BOX_FRAME_CUT;) {
		const struct box_frame *frame = frames_at(number);
		uintptr_t pc = frame->place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1);
		depth += pc - (uintptr_t)__start_deep_text <
			(uintptr_t)__stop_deep_text - (uintptr_t)__start_deep_text;
		number = frame->caller;
	}
	return depth;
}

/* ---- estimates ----------------------------------------------------------------------------- */

struct batch {
	void *objects[OBJECTS];
	size_t bytes;
	int count;
};

static void batch_allocate(void *arg)
{
	struct batch *batch = arg;

	for (int i = 0; i < batch->count; i++)
		batch->objects[i] = alloc_surely(batch->bytes);
}

/* From one place: another would be another site. */
static NOINLINE void allocate(int depth, struct batch *batch)
{
	at_depth(depth, batch_allocate, batch);
	__asm__ volatile("" ::: "memory");
}

static void batch_free(struct batch *batch)
{
	for (int i = 0; i < batch->count; i++)
		object_free_for_slow(batch->objects[i], 0, NULL);
}

static const struct box_site *site_at_depth(int depth)
{
	for (uint32_t i = 0; i < sites_count(); i++)
		if (depth_of(sites_at(i)) == depth)
			return sites_at(i);
	return NULL;
}

static bool is_told(const struct box_sum *sum, const struct box_sum *before, double objects,
	double bytes)
{
	double told_objects = (double)(sum->objects - before->objects) / BOX_OBJECT_ONE;
	double told_bytes = (double)(sum->bytes - before->bytes);

	return fabs(told_objects - objects) <= 3 * sqrt(sum->objects_variance - before->objects_variance) + 1e-3 * objects &&
		fabs(told_bytes - bytes) <= 3 * sqrt(sum->bytes_variance - before->bytes_variance) + 1e-3 * bytes;
}

/* What a site allocates in a round: where objects are small, as many as make some dozens of
   samples; in the first, which shows their numbers, one. */
static size_t times_of(int round, int site)
{
	return round == 0 ? 1 : RATE / sizes[site % SIZES] / 8 + 1;
}

static NOINLINE void round_make(int round)
{
	static struct batch batch;

	sample_set_rate(round == 0 ? 1 : RATE);
	for (int i = 0; i < SITES; i++) {
		batch = (struct batch){.bytes = sizes[i % SIZES], .count = round == 0 ? 1 : OBJECTS};
		for (size_t left = times_of(round, i); left > 0; left--) {
			allocate(i, &batch);
			batch_free(&batch);
		}
	}
}

/* Of one call for all rounds: another would be other sites. */
START_TEST(test_estimates_are_within_three_standard_errors)
{
	static struct box_sum before[SITES];
	int missed = 0;

	for (volatile int round = 0; round <= ROUNDS; round++) {
		for (int i = 0; i < SITES && round > 0; i++) {
			if (is_excused() && site_at_depth(i) == NULL)
				return; /* there was no memory for it */
			before[i] = site_at_depth(i)->total;
		}
		round_make(round);
		for (int i = 0; i < SITES && round > 0; i++) {
			const struct box_site *site = site_at_depth(i);
			double objects = (double)OBJECTS * (double)times_of(round, i);
			missed += !is_told(&site->total, &before[i], objects,
				objects * (double)sizes[i % SIZES]);
			ck_assert_uint_eq(site->live.samples, 0);
		}
	}
	ck_assert_uint_eq(sites_count(), SITES);
	ck_assert_msg(missed <= SITES * ROUNDS / 100, "%d of %d", missed, SITES * ROUNDS);
}
END_TEST

/* ---- ends ---------------------------------------------------------------------------------- */

static struct box_sum live_sum(void)
{
	struct box_sum sum = {0};

	for (uint32_t i = 0; i < sites_count(); i++) {
		const struct box_sum *live = &sites_at(i)->live;
		sum.samples += live->samples;
		sum.objects += live->objects;
		sum.bytes += live->bytes;
		sum.bytes_variance += live->bytes_variance;
	}
	return sum;
}

static void *free_all(void *batch)
{
	batch_free(batch);
	return NULL;
}

START_TEST(test_all_ends_leave_nothing)   /* _i: the size */
{
	static struct batch batch;
	pthread_t thread;

	sample_set_rate(_i % 2 == 0 ? 64 : 400);
	batch = (struct batch){.bytes = sizes[_i], .count = OBJECTS};
	batch_allocate(&batch);
	ck_assert_uint_gt(live_sum().samples, 0);
	for (int i = 0; i < OBJECTS; i += 2)
		batch.objects[i] = object_realloc(batch.objects[i], sizes[random_below(SIZES)], NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_all, &batch), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(live_sum().samples, 0);
	ck_assert_uint_eq(live_sum().objects, 0);
	ck_assert_uint_eq(live_sum().bytes, 0);
	ck_assert(live_sum().bytes_variance == 0);
}
END_TEST

/* At a rate of one byte each is a sample, of itself alone. */
START_TEST(test_a_resized_object_counts_as_what_it_asks_for)
{
	sample_set_rate(1);
	char *object = alloc_surely(990);
	if (is_excused() && live_sum().samples == 0)
		return; /* there was no memory to tell of it */
	ck_assert_uint_eq(live_sum().bytes, 990);
	ck_assert_ptr_eq(object_realloc(object, 900, NULL), object); /* it stays */
	ck_assert_uint_eq(live_sum().bytes, 900);
	object = object_realloc(object, 200 << 10, NULL);
	ck_assert_uint_eq(live_sum().bytes, 200 << 10);
	object = object_realloc(object, (200 << 10) - 1, NULL); /* as many pages */
	ck_assert_uint_eq(live_sum().bytes, (200 << 10) - 1);
	object = object_realloc(object, 900 << 10, NULL);
	ck_assert_uint_eq(live_sum().bytes, 900 << 10);
	ck_assert_uint_eq(live_sum().samples, 1);
	object_free_for_slow(object, 0, NULL);
	ck_assert_uint_eq(live_sum().bytes, 0);
}
END_TEST

/* ---- peaks --------------------------------------------------------------------------------- */

static uint64_t peak_bytes(const struct box_site *site, uint64_t sequence)
{
	return sequence <= site->peak_sequence
		? site->peaks[sequence % BOX_SITE_PEAKS_MAX].bytes
		: site->live.bytes;
}

START_TEST(test_what_was_alive_at_the_peak_stays_told)
{
	static struct batch high = {.bytes = 100000, .count = OBJECTS}, low = {.bytes = 5000, .count = 100};
	uint64_t bytes = (uint64_t)high.bytes * OBJECTS;

	box_make();
	sample_set_rate(1);
	allocate(3, &high);
	uint64_t sequence = publish_peak_count();
	ck_assert_uint_gt(sequence, 0);
	batch_free(&high);
	allocate(9, &low);
	ck_assert_uint_eq(publish_peak_count(), sequence);
	/* Noted when the heap had grown by a sixteenth: so much more it may have been. */
	const struct box_site *site = site_at_depth(3);
	ck_assert_uint_eq(site->live.bytes, 0);
	ck_assert_uint_le(peak_bytes(site, sequence), bytes);
	ck_assert_uint_gt(peak_bytes(site, sequence), bytes - bytes / 8);
	ck_assert_uint_eq(peak_bytes(site_at_depth(9), sequence), 0);
	batch_free(&low);
}
END_TEST

/* ---- the box ------------------------------------------------------------------------------- */

static void box_is_as_told(void)
{
	struct box_file file;

	box_file_open(&file, box_path());
	const struct box_sampling *sampling = box_file_payload(&file, BOX_SECTION_SAMPLING, 0);
	ck_assert_uint_eq(sampling->site_count, sites_count());
	ck_assert_uint_eq(sampling->frame_count, frames_count());
	ck_assert_uint_gt(sampling->module_count, 0);
	for (uint32_t i = 0; i < sites_count(); i++)
		ck_assert_mem_eq(box_file_payload(&file, BOX_SECTION_SITES, i), sites_at(i),
			sizeof(struct box_site));
	const struct box_section *frames = box_file_section(&file, BOX_SECTION_FRAMES);
	for (uint32_t i = 1; i < frames_count(); i++)
		ck_assert_mem_eq(file.memory + frames->offset + i * sizeof(struct box_frame),
			frames_at(i), sizeof(struct box_frame));
	for (uint32_t i = 1; i < frames_count(); i++)
		ck_assert_uint_eq(frames_at(i)->check,
			box_frame_check(frames_at(i)->place, frames_at(i)->caller, i));
	box_file_close(&file);
}

START_TEST(test_the_box_has_it)   /* _i: 1: it is made late */
{
	static struct batch batches[SITES];

	if (_i == 0)
		box_make();
	sample_set_rate(1000);
	for (int i = 0; i < SITES; i++) {
		batches[i] = (struct batch){.bytes = sizes[i % SIZES], .count = 30};
		allocate(i, &batches[i]);
	}
	for (int i = 0; i < SITES; i += 3)
		batch_free(&batches[i]);
	if (_i == 1) {
		box_make();
		sites_publish();
	}
	ck_assert_uint_gt(sites_count(), SITES / 2);
	box_is_as_told();
	for (int i = 0; i < SITES; i++)
		if (i % 3 != 0)
			batch_free(&batches[i]);
	box_is_as_told();
}
END_TEST

/* ---- more than there is room for ------------------------------------------------------------- */

static NOINLINE void by_bits(uint32_t bits, int left);

static NOINLINE void by_bits_otherwise(uint32_t bits, int left)
{
	by_bits(bits, left);
	__asm__ volatile("" ::: "memory");
}

/* Of each bit one caller or another. */
static NOINLINE void by_bits(uint32_t bits, int left)
{
	if (left == 0)
		object_free_for_slow(alloc_surely(100), 0, NULL);
	else if ((bits & 1) != 0)
		by_bits(bits >> 1, left - 1);
	else
		by_bits_otherwise(bits >> 1, left - 1);
	__asm__ volatile("" ::: "memory");
}

START_TEST(test_more_sites_than_there_is_room_for_are_lost)
{
	sample_set_rate(1);
	box_make();
	for (uint32_t bits = 0; bits < 1u << DEPTH_OF_MANY; bits++)
		by_bits(bits, DEPTH_OF_MANY);
	struct box_file file;
	box_file_open(&file, box_path());
	const struct box_sampling *sampling = box_file_payload(&file, BOX_SECTION_SAMPLING, 0);
	ck_assert_uint_eq(sampling->site_count, BOX_SITES_MAX);
	ck_assert_uint_gt(sampling->lost_count, 0);
	ck_assert_uint_le(sampling->sample_count, 1u << DEPTH_OF_MANY);
	/* A torture build's OS refuses a sample its span now and then. */
	ck_assert_uint_ge(sampling->sample_count, (1u << DEPTH_OF_MANY) - (CONFIG_TORTURE ? 1000 : 0));
	uint64_t counted = 0;
	for (uint32_t i = 0; i < sites_count(); i++)
		counted += sites_at(i)->total.samples;
	ck_assert_uint_eq(sampling->lost_count + counted, sampling->sample_count);
	box_file_close(&file);
	ck_assert_uint_eq(live_sum().samples, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/sites", begin, end);

	tcase_add_test(tests, test_estimates_are_within_three_standard_errors);
	tcase_add_loop_test(tests, test_all_ends_leave_nothing, 0, SIZES);
	tcase_add_test(tests, test_a_resized_object_counts_as_what_it_asks_for);
	tcase_add_test(tests, test_what_was_alive_at_the_peak_stays_told);
	tcase_add_loop_test(tests, test_the_box_has_it, 0, 2);
	tcase_add_test(tests, test_more_sites_than_there_is_room_for_are_lost);
	return suite_end();
}
