/*
 * check_death.c - tools/death.c: how a process ended, of sample boxes and logs.
 *
 * Proves: each source gives its clue, and no other is claimed; what may be is no cause; of
 * another boot neither the kernel's log nor a counter is believed.
 */
#include "tools/death.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/box_sample.h"

static char log_path[] = "/tmp/check_death.XXXXXX";
static struct sample sample;
static struct target target;
static struct death death;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A process of this boot, that began ten seconds ago. */
static void setup(void)
{
	uint64_t ago_ns = UINT64_C(10000000000);

	close(mkstemp(log_path));
	sample_init(&sample);
	sample.identity.boot_id[0] = '\0';
	sample.identity.made_boottime_ns = clock_ns(CLOCK_BOOTTIME) - ago_ns;
	sample.identity.start_realtime_ns = clock_ns(CLOCK_REALTIME) - ago_ns;
}

static void teardown(void)
{
	unlink(log_path);
	target_close(&target);
}

/* Writes the kernel's log, of now. */
static void put_log(const char *text)
{
	FILE *file = fopen(log_path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "6,1,1,-;begins\n3,2,%llu,-;%s\n",
		(unsigned long long)clock_ns(CLOCK_MONOTONIC) / 1000, text);
	fclose(file);
}

static void look(void)
{
	struct box_image image;
	struct failure failure;
	size_t count;
	char *bytes = sample_image(&sample, &count);

	ck_assert(box_image_open(&image, bytes, count, "BOX", &failure));
	ck_assert(box_content_read(&target.content, &image, "BOX", &failure));
	ck_assert(box_content_books(&target.content, &target.books));
	target.life = LIFE_ENDED;
	death_find(&death, &target, log_path);
	free(bytes);
}

static void event_put(int64_t kind, const char *text)
{
	sample.events[0] = (struct box_event){.sequence = 1, .kind = kind, .realtime_ns = 5};
	strcpy(sample.events[0].text, text);
}

START_TEST(test_without_a_clue_nothing_is_claimed)
{
	put_log("Out of memory: Killed process 4712 (sample) total-vm:1kB");
	look();
	ck_assert(!death.is_known && death.is_this_boot && death.kernel_is_read);
	ck_assert(death.kernel_reaches_back);
	ck_assert_uint_eq(death.clue_count, 0);
	ck_assert(!death.has_kills);
}
END_TEST

START_TEST(test_the_librarys_last_fatal_event_is_a_cause)
{
	event_put(BOX_EVENT_FATAL, "free(): 0x10 twice");
	look();
	ck_assert(death.is_known);
	ck_assert_uint_eq(death.clue_count, 1);
	ck_assert_int_eq(death.clues[0].source, DEATH_BY_EVENTS);
	ck_assert_str_eq(death.clues[0].kind, "fatal");
	ck_assert_str_eq(death.clues[0].evidence, "free(): 0x10 twice");
	ck_assert_uint_eq(death.clues[0].realtime_ns, 5);
}
END_TEST

START_TEST(test_memory_that_was_refused_is_no_cause)
{
	event_put(BOX_EVENT_OUT_OF_MEMORY, "no memory for 4096 bytes");
	sample.totals.out_of_memory_count = 3;
	look();
	ck_assert(!death.is_known);
	ck_assert_uint_eq(death.clue_count, 1);
	ck_assert_str_eq(death.clues[0].kind, "refused");
	ck_assert(!death.clues[0].is_cause);
	ck_assert_str_eq(death.clues[0].evidence, "no memory for 4096 bytes");
}
END_TEST

START_TEST(test_the_kernels_word_is_a_cause)
{
	put_log("Memory cgroup out of memory: Killed process 4711 (sample) total-vm:1kB");
	look();
	ck_assert(death.is_known);
	ck_assert_uint_eq(death.clue_count, 1);
	ck_assert_int_eq(death.clues[0].source, DEATH_BY_KERNEL);
	ck_assert_str_eq(death.clues[0].kind, "oom_cgroup");
	uint64_t now = clock_ns(CLOCK_REALTIME), then = death.clues[0].realtime_ns;
	ck_assert(then <= now && now - then < UINT64_C(60000000000));
}
END_TEST

START_TEST(test_of_another_name_it_only_may_be)
{
	put_log("Out of memory: Killed process 4711 (other) total-vm:1kB");
	look();
	ck_assert(!death.is_known);
	ck_assert_uint_eq(death.clue_count, 1);
	ck_assert(!death.clues[0].is_cause);
}
END_TEST

START_TEST(test_of_another_boot_the_log_is_not_believed)   /* _i: by id, by clocks */
{
	put_log("Out of memory: Killed process 4711 (sample) total-vm:1kB");
	if (_i == 0)
		strcpy(sample.identity.boot_id, "00000000-0000-0000-0000-000000000000");
	else if (_i == 1)
		sample.identity.start_realtime_ns -= UINT64_C(86400000000000);
	else
		sample.identity.made_boottime_ns += UINT64_C(86400000000000);
	look();
	ck_assert(!death.is_known && !death.is_this_boot && !death.kernel_is_read);
	ck_assert_uint_eq(death.clue_count, 1);
	ck_assert_int_eq(death.clues[0].source, DEATH_BY_BOOT);
}
END_TEST

START_TEST(test_a_log_that_cannot_be_read_is_no_clue)
{
	unlink(log_path);
	look();
	ck_assert(!death.is_known && !death.kernel_is_read && death.kernel_error != 0);
	ck_assert_uint_eq(death.clue_count, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/death", setup, teardown);

	tcase_add_test(tests, test_without_a_clue_nothing_is_claimed);
	tcase_add_test(tests, test_the_librarys_last_fatal_event_is_a_cause);
	tcase_add_test(tests, test_memory_that_was_refused_is_no_cause);
	tcase_add_test(tests, test_the_kernels_word_is_a_cause);
	tcase_add_test(tests, test_of_another_name_it_only_may_be);
	tcase_add_loop_test(tests, test_of_another_boot_the_log_is_not_believed, 0, 3);
	tcase_add_test(tests, test_a_log_that_cannot_be_read_is_no_clue);
	return suite_end();
}
