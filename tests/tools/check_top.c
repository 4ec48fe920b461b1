/*
 * check_top.c - what `mstat top` shows, without a terminal: tools/rate.c, tools/page.c,
 * tools/top_list.c and tools/top_pages.c.
 *
 * Proves: a rate is of one process and of the time that really passed; rows stand in the
 * order that was asked for; a process that ended says so and keeps its figures; nothing of
 * it is wider than 80 columns but what is cut.
 */
#include "tools/rate.h"
#include "tools/text.h"
#include "tools/top_list.h"
#include "tools/top_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/sites_sample.h"

enum { SECOND = 1000000000, KIB = 1024, MIB = 1024 * 1024, WIDTH = 80 };

static struct report now, before;
static struct books_thread now_threads[3], before_threads[2];
static struct top_process process;
static struct page page;
static struct top_list list;

/* ---- what is shown --------------------------------------------------------- */

static void books_fill(struct books *books, uint64_t live_objects, uint64_t nmalloc)
{
	books->class_count = 3;
	books->classes[1] = (struct books_class){.size_bytes = 64, .live_objects = live_objects,
		.nmalloc = nmalloc, .nfree = nmalloc - live_objects, .span_count = 4,
		.span_bytes = 4 * 32768, .span_free_objects = 100};
	books->totals.alloc = live_objects * 64;
	books->totals.nmalloc = nmalloc;
	books->totals.nfree = nmalloc - live_objects;
	books->totals.heap_inuse = 4 * 32768;
	books->start_realtime_ns = UINT64_C(1767225600000000000);
	strcpy(books->command, "/usr/bin/sample --with arguments");
}

static void threads_fill(void)
{
	before_threads[0] = (struct books_thread){.tid = 7, .is_live = true, .nmalloc = 1000,
		.total_alloc = 64000, .name = "feeder"};
	now_threads[0] = (struct books_thread){.tid = 9, .is_live = true, .nmalloc = 5,
		.alloc = -64, .name = "young"};
	now_threads[1] = (struct books_thread){.tid = 7, .is_live = true, .nmalloc = 3000,
		.total_alloc = 192000, .alloc = 4096, .name = "feeder"};
	now_threads[2] = (struct books_thread){.tid = 8, .alloc = 100000, .name = "gone"};
	now.target.books.threads = now_threads;
	now.target.books.thread_count = 3;
	before.target.books.threads = before_threads;
	before.target.books.thread_count = 1;
}

/* Two seconds apart. */
static void setup(void)
{
	memset(&now, 0, sizeof(now));
	memset(&before, 0, sizeof(before));
	books_fill(&before.target.books, 1000, 10000);
	books_fill(&now.target.books, 1500, 30000);
	threads_fill();
	strcpy(now.target.title, "sample (4711)");
	now.target.process.pid = 4711;
	now.target.process.thread_count = 2;
	ledger_make(&now.ledger, &now.target.books, NULL);
	sites_sample_init(&now.target.sites);
	process = (struct top_process){.identity = {4711, 100, 1}, .now = &now, .before = &before,
		.now_ns = (uint64_t)12 * SECOND, .before_ns = (uint64_t)10 * SECOND,
		.rss_bytes = 3 * MIB};
	page_begin(&page, WIDTH);
}

static void teardown(void)
{
	symbols_close(process.symbols);
	sites_sample_free(&now.target.sites);
	page_free(&page);
	top_list_free(&list);
}

static const char *line_with(const char *text)
{
	for (size_t i = 0; i < page.count; i++)
		if (strstr(page.list[i].text, text) != NULL)
			return page.list[i].text;
	return NULL;
}

static void expect_line(const char *text)
{
	if (line_with(text) != NULL)
		return;
	for (size_t i = 0; i < page.count; i++)
		printf("# %s\n", page.list[i].text);
	ck_abort_msg("no line has: %s", text);
}

static void expect_it_fits(void)
{
	for (size_t i = 0; i < page.count; i++)
		ck_assert_msg(text_columns(page.list[i].text) <= WIDTH, "too wide: %s",
			page.list[i].text);
}

static void make(enum top_page which)
{
	page_free(&page);
	page_begin(&page, WIDTH);
	top_head_add(&page, &process);
	top_tabs_add(&page, which);
	top_page_add(&page, which, &process);
	expect_it_fits();
}

/* ---- rates ----------------------------------------------------------------- */

START_TEST(test_a_rate_is_of_the_time_that_passed)
{
	const struct rate_moment first = {(uint64_t)10 * SECOND, 5000, 100};
	const struct rate_moment second = {(uint64_t)10 * SECOND + SECOND / 2, 6000, 600};
	struct rate rate = rate_between(&first, &second);

	ck_assert(rate.is_known);
	ck_assert_int_eq(rate.live_bytes, 2000);
	ck_assert_uint_eq(rate.allocations, 1000);
}
END_TEST

START_TEST(test_live_bytes_shrink_and_counts_do_not)
{
	const struct rate_moment first = {SECOND, 5000, 100};
	const struct rate_moment second = {(uint64_t)3 * SECOND, 1000, 90};
	struct rate rate = rate_between(&first, &second);

	ck_assert_int_eq(rate.live_bytes, -2000);
	ck_assert_uint_eq(rate.allocations, 0);
}
END_TEST

START_TEST(test_without_time_between_there_is_no_rate)
{
	const struct rate_moment none = {0}, first = {SECOND, 1, 1}, same = {SECOND, 2, 2};

	ck_assert(!rate_between(&none, &first).is_known);
	ck_assert(!rate_between(&first, &same).is_known);
	ck_assert(!rate_between(&first, &none).is_known);
}
END_TEST

START_TEST(test_hostile_figures_are_cut)
{
	ck_assert_uint_eq(rate_of_count(0, UINT64_MAX, 1), 9223372036854774784u);
	ck_assert_int_eq(rate_of_change(UINT64_MAX, 0, 1), -9223372036854774784);
	ck_assert_uint_eq(rate_of_count(0, 5, 0), 0);
}
END_TEST

/* ---- the list -------------------------------------------------------------- */

static struct top_row *row_make(struct top_list *to, pid_t pid, uint64_t live_bytes)
{
	to->list = realloc(to->list, (to->count + 1) * sizeof(*to->list));
	struct top_row *row = &to->list[to->count++];
	*row = (struct top_row){.identity = {pid, 100, 1}, .user = "root", .thread_count = 3,
		.live_bytes = live_bytes, .moment = {SECOND, live_bytes, 0}};
	snprintf(row->command, sizeof(row->command), "/usr/bin/p%d --x", (int)pid);
	return row;
}

START_TEST(test_a_rate_is_of_one_process_and_one_program)
{
	struct top_list old = {0};

	for (pid_t pid = 1; pid <= 3; pid++) {
		row_make(&old, pid, 1000);
		row_make(&list, pid, 3000)->moment.monotonic_ns = (uint64_t)2 * SECOND;
	}
	list.list[1].identity.start_ticks = 200; /* the number was given to another */
	list.list[2].identity.box_ns = 2;        /* it executed another program */
	top_list_compare(&list, &old);
	ck_assert(list.list[0].rate.is_known);
	ck_assert_int_eq(list.list[0].rate.live_bytes, 2000);
	ck_assert(!list.list[1].rate.is_known);
	ck_assert(!list.list[2].rate.is_known);
	top_list_free(&old);
}
END_TEST

START_TEST(test_a_figure_that_was_not_read_again_keeps_its_rate)
{
	struct top_list old = {0};

	row_make(&old, 1, 1000);
	row_make(&list, 1, 1000)->rate = (struct rate){true, 77, 5};
	top_list_compare(&list, &old);
	ck_assert_int_eq(list.list[0].rate.live_bytes, 77);
	top_list_free(&old);
}
END_TEST

static void expect_order(enum top_order order, pid_t first, pid_t second, pid_t third)
{
	const pid_t want[] = {first, second, third};

	list.order = order;
	top_list_sort(&list);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(list.list[i].identity.pid, want[i]);
}

START_TEST(test_rows_stand_by_any_key)
{
	struct top_row *row;

	row = row_make(&list, 1, 500);
	row->rss_bytes = 10;
	row->rate = (struct rate){true, -5, 100};
	row = row_make(&list, 2, 500);
	row->rss_bytes = 30;
	row->rate = (struct rate){true, 5, 100};
	row = row_make(&list, 3, 900);
	row->rss_bytes = 20;
	row->rate = (struct rate){true, 0, 300};
	expect_order(TOP_BY_LIVE, 3, 1, 2); /* of equal ones the lower number first */
	expect_order(TOP_BY_GROWTH, 2, 3, 1);
	expect_order(TOP_BY_RSS, 2, 3, 1);
	expect_order(TOP_BY_ALLOCATIONS, 3, 1, 2);
	expect_order(TOP_BY_PID, 1, 2, 3);
}
END_TEST

START_TEST(test_the_list_fits_and_begins_with_the_programs_name)
{
	struct top_row *row = row_make(&list, 4194304, (uint64_t)1023 * MIB * KIB);

	row->rss_bytes = row->inuse_bytes = row->live_bytes;
	row->thread_count = 1024;
	row->rate = (struct rate){true, -(int64_t)row->live_bytes, 9999999};
	strcpy(row->command, "/opt/a/long/path/to/server --port=80 /and /more /of /it");
	row_make(&list, 17, 42);
	top_list_page(&list, "title", &page);
	ck_assert_uint_eq(page.count, 4);
	ck_assert_uint_eq(page.fixed_count, 2);
	ck_assert_str_eq(page.list[0].text, "title");
	expect_it_fits();
	expect_line("4194304  1023.0G  1023.0G  1023.0G  -1023.0G  9,999,999  1,024  serv");
	expect_line("     17       0B       0B      42B         -          -      3  p17 --x");
}
END_TEST

START_TEST(test_users_are_told_where_there_are_several)
{
	row_make(&list, 1, 1);
	row_make(&list, 2, 1);
	top_list_page(&list, "", &page);
	ck_assert_ptr_null(line_with("root"));
	list.list[1].uid = 1000;
	strcpy(list.list[1].user, "somebody");
	page_free(&page);
	page_begin(&page, WIDTH);
	top_list_page(&list, "", &page);
	expect_line("somebody");
}
END_TEST

START_TEST(test_an_empty_list_says_so)
{
	top_list_page(&list, "", &page);
	expect_line("No process that can be seen runs under libmstat.");
}
END_TEST

START_TEST(test_we_do_not_run_under_the_library)
{
	top_list_refresh(&list);
	for (size_t i = 0; i < list.count; i++)
		ck_assert_int_ne(list.list[i].identity.pid, getpid());
	top_list_refresh(&list);
}
END_TEST

/* ---- a process ------------------------------------------------------------- */

START_TEST(test_the_head_has_the_sums_and_their_rates)
{
	make(TOP_LEDGER);
	expect_line("sample (4711)  2 threads, up since ");
	expect_line("command   /usr/bin/sample --with arguments");
	expect_line("RSS 3.0M  in use 128.0K  live 93.8K  live/s +15.6K  allocs/s 10,000");
	expect_line("[ledger]  classes   threads   sites");
	ck_assert_uint_eq(page.fixed_count, 4);
}
END_TEST

START_TEST(test_the_first_look_has_no_rates)
{
	process.before = NULL;
	make(TOP_CLASSES);
	expect_line("live/s -  allocs/s -");
	expect_line("     64       1,500    93.8K         -          -");
	make(TOP_THREADS);
	expect_line("feeder");
}
END_TEST

START_TEST(test_a_process_that_ended_says_so_and_keeps_its_figures)
{
	static const char *const words[] = {[TOP_UNREAD] = "sample (4711)  cannot be read since ",
		[TOP_ENDED] = "PID 4711 ended at ",
		[TOP_EXECUTED] = "PID 4711 executed another program"};

	process.fate = (enum top_fate)_i;
	process.fate_realtime_ns = UINT64_C(1767225600000000000);
	failure_set(&process.failure, FAILURE_CANNOT, "no permission");
	make(TOP_LEDGER);
	ck_assert_int_eq(page.list[0].style, PAGE_WARNING);
	ck_assert_ptr_nonnull(strstr(page.list[0].text, words[_i]));
	ck_assert_ptr_nonnull(strstr(page.list[0].text, "last figures"));
	expect_line("live 93.8K");
	if (_i == TOP_UNREAD)
		expect_line("because   no permission");
}
END_TEST

START_TEST(test_the_ledger_is_that_of_show)
{
	make(TOP_LEDGER);
	expect_line("  live objects                93.8 KiB  1,500 objects");
	expect_line("= heap, address space ");
	now.resident_error = 13;
	make(TOP_LEDGER);
	expect_line("How much of it is resident cannot be told: ");
}
END_TEST

START_TEST(test_classes_have_rates_of_their_own)
{
	make(TOP_CLASSES);
	ck_assert_uint_eq(page.fixed_count, 5);
	expect_line("     64       1,500    93.8K    +15.6K     10,000         0B    34.2K  "
		    " 73.2 %");
	now.target.books.totals.large_nmalloc = 10;
	now.target.books.totals.large_alloc = 4 * MIB;
	now.target.books.large_objects = 2;
	make(TOP_CLASSES);
	expect_line("  large           2     4.0M     +2.0M          5");
}
END_TEST

START_TEST(test_a_threads_rate_is_by_its_number)
{
	make(TOP_THREADS);
	expect_line("      7     4.0K     187.5K     62.5K      1,000          ?  live   feeder");
	expect_line("      9     -64B         0B         -          -          ?  live   young");
	/* The living first, then by what they hold. */
	ck_assert_ptr_nonnull(strstr(page.list[5].text, "feeder"));
	ck_assert_ptr_nonnull(strstr(page.list[7].text, "gone"));
}
END_TEST

START_TEST(test_sites_are_functions_the_largest_first)
{
	struct sites *sites = &now.target.sites;
	uint32_t main_frame = sites_sample_frame(sites, 0, 0, "main");

	sites_sample_site(sites, sites_sample_frame(sites, main_frame, 1, "grow"), MIB);
	sites_sample_site(sites, main_frame, 3 * MIB);
	make(TOP_SITES);
	ck_assert_uint_eq(page.fixed_count, 5);
	ck_assert_str_eq(page.list[5].text,
		"   3.0M   307.2K  75.0 %     4.0M  100.0 %  main  prog");
	expect_line("   1.0M   102.4K  25.0 %     1.0M   25.0 %  grow  libx.so");
}
END_TEST

START_TEST(test_without_samples_it_says_why)
{
	now.target.sites.sample_count = 0;
	now.target.sites.rate_bytes = 0;
	make(TOP_SITES);
	expect_line("No samples: sampling is off.");
}
END_TEST

/* ---- pages ----------------------------------------------------------------- */

START_TEST(test_long_lines_are_cut_by_characters)
{
	page.columns = 12;
	page_add_cut(&page, "label ", "\303\244\303\244\303\244\303\244\303\244\303\244\303\244");
	ck_assert_str_eq(page.list[0].text, "label \303\244\303\244\303\244...");
	page.columns = 1;
	page_add_cut(&page, "label ", "text that is long");
	ck_assert_str_eq(page.list[1].text, "label ...");
}
END_TEST

START_TEST(test_a_sentence_goes_on_in_the_next_line)
{
	page.columns = 10;
	page_add_sentence(&page, "one two three immeasurable");
	ck_assert_uint_eq(page.count, 3);
	ck_assert_str_eq(page.list[0].text, "one two");
	ck_assert_str_eq(page.list[1].text, "three");
	ck_assert_str_eq(page.list[2].text, "immeasurable");
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/top", setup, teardown);

	tcase_add_test(tests, test_a_rate_is_of_the_time_that_passed);
	tcase_add_test(tests, test_live_bytes_shrink_and_counts_do_not);
	tcase_add_test(tests, test_without_time_between_there_is_no_rate);
	tcase_add_test(tests, test_hostile_figures_are_cut);
	tcase_add_test(tests, test_a_rate_is_of_one_process_and_one_program);
	tcase_add_test(tests, test_a_figure_that_was_not_read_again_keeps_its_rate);
	tcase_add_test(tests, test_rows_stand_by_any_key);
	tcase_add_test(tests, test_the_list_fits_and_begins_with_the_programs_name);
	tcase_add_test(tests, test_users_are_told_where_there_are_several);
	tcase_add_test(tests, test_an_empty_list_says_so);
	tcase_add_test(tests, test_we_do_not_run_under_the_library);
	tcase_add_test(tests, test_the_head_has_the_sums_and_their_rates);
	tcase_add_test(tests, test_the_first_look_has_no_rates);
	tcase_add_loop_test(tests, test_a_process_that_ended_says_so_and_keeps_its_figures,
		TOP_UNREAD, TOP_EXECUTED + 1);
	tcase_add_test(tests, test_the_ledger_is_that_of_show);
	tcase_add_test(tests, test_classes_have_rates_of_their_own);
	tcase_add_test(tests, test_a_threads_rate_is_by_its_number);
	tcase_add_test(tests, test_sites_are_functions_the_largest_first);
	tcase_add_test(tests, test_without_samples_it_says_why);
	tcase_add_test(tests, test_long_lines_are_cut_by_characters);
	tcase_add_test(tests, test_a_sentence_goes_on_in_the_next_line);
	return suite_end();
}
