/*
 * check_prof_tree.c - tools/stacks.c, stack_names.c, stack_tree.c, prof_tree.c, prof_rows.c.
 *
 * Proves: each place's sum is its own and its children's; a recursive function's cumulative
 * sum counts a stack once; errors add up as the roots of their squares; rows add up to the
 * whole by any key; stacks that are not known or cut say so; a box of endless chains makes
 * a tree no larger than twice its frames; names are cleaned, cut and never empty.
 */
#include "tests/tools/sites_sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/prof_rows.h"
#include "tools/tags.h"

static struct sites sites, others;
static struct prof prof;
static struct stack_tree tree;
static struct prof_rows rows;

static void setup(void)
{
	sites_sample_init(&sites);
	sites_sample_init(&others);
}

static void teardown(void)
{
	prof_rows_free(&rows);
	stack_tree_free(&tree);
	sites_sample_prof_free(&prof);
	sites_sample_free(&sites);
	sites_sample_free(&others);
}

static void make(const struct sites *before, enum stack_by by)
{
	sites_sample_prof(&prof, before, &sites);
	ck_assert(prof_tree_make(&tree, &prof, by));
	ck_assert(prof_rows_make(&rows, &tree));
}

static const struct prof_row *row_of(const char *text)
{
	for (size_t i = 0; i < rows.count; i++)
		if (strcmp(rows.list[i].name->text, text) == 0)
			return &rows.list[i];
	ck_abort_msg("no row %s", text);
}

static void expect_sums(void)
{
	double flat = 0;

	for (uint32_t i = 0; i < tree.count; i++) {
		double whole = tree.nodes[i].own.after.bytes;
		for (uint32_t child = tree.nodes[i].first; child != 0; child = tree.nodes[child].next)
			whole += tree.nodes[child].whole.after.bytes;
		ck_assert_double_eq_tol(whole, tree.nodes[i].whole.after.bytes, 1e-6 * whole);
		ck_assert(i == 0 || tree.nodes[i].parent < i);
	}
	for (size_t i = 0; i < rows.count; i++)
		flat += rows.list[i].flat.after.bytes;
	ck_assert_double_eq_tol(flat, tree.nodes[0].whole.after.bytes, 1e-6 * flat);
}

/* main calls a and b, each of which calls leaf. */
static void add_diamond(struct sites *to, double through_a, double through_b)
{
	uint32_t top = sites_sample_frame(to, 0, 0, "main");
	uint32_t a = sites_sample_frame(to, top, 0, "a"), b = sites_sample_frame(to, top, 0, "b");

	sites_sample_site(to, sites_sample_frame(to, a, 1, "leaf"), through_a);
	sites_sample_site(to, sites_sample_frame(to, b, 1, "leaf"), through_b);
}

START_TEST(test_flat_is_what_a_function_asked_for_and_cum_what_it_called)
{
	add_diamond(&sites, 3000, 4000);
	make(NULL, STACK_BY_FUNCTION);
	expect_sums();
	ck_assert_uint_eq(tree.count, 6);
	ck_assert_double_eq(row_of("leaf")->flat.after.bytes, 7000);
	ck_assert_uint_eq(row_of("leaf")->flat.after.samples, 20);
	ck_assert_double_eq(row_of("a")->flat.after.bytes, 0);
	ck_assert_double_eq(row_of("a")->cum.after.bytes, 3000);
	ck_assert_double_eq(row_of("main")->cum.after.bytes, 7000);
	ck_assert_str_eq(rows.list[0].name->text, "leaf");
	ck_assert_str_eq(rows.list[0].name->module, "libx.so");
	ck_assert_str_eq(rows.list[1].name->text, "main");
}
END_TEST

START_TEST(test_errors_add_up_as_roots_of_squares)
{
	add_diamond(&sites, 3000, 4000);
	add_diamond(&others, 1200, 0);
	make(&others, STACK_BY_FUNCTION);
	ck_assert_double_eq_tol(row_of("leaf")->flat.after.bytes_error, 500, 1e-9);
	ck_assert_double_eq_tol(row_of("main")->cum.after.bytes_error, 500, 1e-9);
	ck_assert_double_eq_tol(stack_sum_error(&row_of("leaf")->flat), hypot(500, 120), 1e-9);
	ck_assert_double_eq(stack_sum_change(&row_of("a")->cum), 1800);
}
END_TEST

START_TEST(test_recursion_counts_once)
{
	uint32_t top = sites_sample_frame(&sites, 0, 0, "main"), at = top;

	for (int i = 0; i < 10; i++) {
		at = sites_sample_frame(&sites, at, 0, "walk");
		at = sites_sample_frame(&sites, at, 0, "visit");
		sites_sample_site(&sites, at, 100);
	}
	make(NULL, STACK_BY_FUNCTION);
	expect_sums();
	ck_assert_double_eq(row_of("main")->cum.after.bytes, 1000);
	ck_assert_double_eq(row_of("walk")->cum.after.bytes, 1000);
	ck_assert_double_eq(row_of("visit")->cum.after.bytes, 1000);
	ck_assert_double_eq(row_of("visit")->flat.after.bytes, 1000);
	ck_assert_uint_eq(row_of("walk")->cum.after.samples, 100);
}
END_TEST

START_TEST(test_a_change_has_both_sides_at_one_place)
{
	add_diamond(&others, 3000, 4000);
	add_diamond(&sites, 5000, 1000);
	make(&others, STACK_BY_FUNCTION);
	ck_assert_uint_eq(tree.count, 6);
	ck_assert_double_eq(stack_sum_change(&row_of("a")->cum), 2000);
	ck_assert_double_eq(stack_sum_change(&row_of("b")->cum), -3000);
	ck_assert_double_eq(stack_sum_change(&row_of("leaf")->flat), -1000);
}
END_TEST

/* Frame 1 at file.c:10, with helper() inlined from file.h:20 into main(). */
static void add_inlined(void)
{
	static const struct symbol list[] = {
		{.function = "helper", .file = "/src/file.h", .line = 20, .start_line = 18,
			.is_known = true},
		{.function = "main", .file = "/src/file.c", .line = 10, .start_line = 2,
			.is_known = true}};
	uint32_t frame = sites_sample_frame(&sites, 0, 0, "main");

	sites_sample_symbols[frame] = (struct symbol_list){list, 2};
	sites_sample_site(&sites, frame, 1000);
}

START_TEST(test_an_inlined_function_is_called_by_what_it_is_in)
{
	add_inlined();
	make(NULL, STACK_BY_FUNCTION);
	ck_assert_uint_eq(tree.count, 3);
	ck_assert_double_eq(row_of("helper")->flat.after.bytes, 1000);
	ck_assert_double_eq(row_of("main")->flat.after.bytes, 0);
	ck_assert_double_eq(row_of("main")->cum.after.bytes, 1000);
	ck_assert_str_eq(row_of("helper")->name->place, "/src/file.h:18");
}
END_TEST

START_TEST(test_each_key_has_its_names)
{
	static const char *const names[] = {[STACK_BY_FILE] = "/src/file.h",
		[STACK_BY_LINE] = "/src/file.h:20", [STACK_BY_DSO] = "prog", [STACK_BY_CALL] = "helper"};
	static const char *const unknown[] = {[STACK_BY_FILE] = "libx.so",
		[STACK_BY_LINE] = "0x123", [STACK_BY_DSO] = "libx.so", [STACK_BY_CALL] = "0x123"};

	add_inlined();
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 1, NULL), 10);
	make(NULL, (enum stack_by)_i);
	expect_sums();
	ck_assert_double_eq(row_of(names[_i])->flat.after.bytes, 1000);
	ck_assert_double_eq(row_of(unknown[_i])->flat.after.bytes, 10);
	if (_i == STACK_BY_DSO)
		ck_assert_double_eq(row_of("prog")->cum.after.bytes, 1000);
}
END_TEST

/* main calls leaf in the scope of tag 1, and that of tag 2 within it, and in none. */
static void add_tags(void)
{
	uint32_t outer = sites_sample_frame(&sites, 0, SITES_NO_MODULE, "[outer]");
	uint32_t inner = sites_sample_frame(&sites, outer, SITES_NO_MODULE, "[inner]");

	sites.tags = calloc(2, sizeof(*sites.tags));
	sites.tag_count = 2;
	site_tag_name(&sites.tags[0], "outer", 5);
	site_tag_name(&sites.tags[1], "inner", 5);
	sites.frames[outer].tag = 1;
	sites.frames[inner].tag = 2;
	sites_sample_site(&sites, sites_sample_frame(&sites, outer, 0, "leaf"), 1000);
	sites_sample_site(&sites, sites_sample_frame(&sites, inner, 0, "leaf"), 200);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, "leaf"), 30);
}

START_TEST(test_tags_alone)
{
	struct site_sum sums[2];

	add_tags();
	make(NULL, STACK_BY_TAG);
	expect_sums();
	ck_assert_uint_eq(rows.count, 3);
	ck_assert_double_eq(row_of("[outer]")->flat.after.bytes, 1000);
	ck_assert_double_eq(row_of("[outer]")->cum.after.bytes, 1200);
	ck_assert_double_eq(row_of("[inner]")->flat.after.bytes, 200);
	ck_assert_double_eq(row_of(STACK_NO_TAG)->flat.after.bytes, 30);
	ck_assert(tags_sum(&sites, sums));
	ck_assert_double_eq(sums[0].bytes, 1000);
	ck_assert_double_eq(sums[1].bytes, 200);
}
END_TEST

START_TEST(test_tags_are_rows_of_their_own_by_any_key)
{
	add_tags();
	make(NULL, STACK_BY_DSO);
	expect_sums();
	ck_assert_double_eq(row_of("prog")->flat.after.bytes, 1230);
	ck_assert_double_eq(row_of("[outer]")->flat.after.bytes, 0);
	ck_assert_double_eq(row_of("[outer]")->cum.after.bytes, 1200);
}
END_TEST

START_TEST(test_what_is_not_known_says_so)
{
	uint32_t cut = sites_sample_frame(&sites, 0, 0, "inner");

	sites.frames[cut].is_cut = true;
	sites_sample_site(&sites, cut, 100);
	sites_sample_site(&sites, 0, 50);
	make(NULL, STACK_BY_FUNCTION);
	ck_assert_double_eq(row_of(STACK_UNKNOWN)->flat.after.bytes, 50);
	ck_assert_double_eq(row_of(STACK_CUT)->flat.after.bytes, 0);
	ck_assert_double_eq(row_of(STACK_CUT)->cum.after.bytes, 100);
	ck_assert_double_eq(row_of("inner")->flat.after.bytes, 100);
}
END_TEST

START_TEST(test_nothing_makes_an_empty_tree_and_a_sentence)
{
	char text[256];

	sites.sample_count = 0;
	make(NULL, STACK_BY_FUNCTION);
	ck_assert_uint_eq(tree.count, 1);
	ck_assert_uint_eq(rows.count, 0);
	ck_assert_str_eq(prof_nothing(&prof, text, sizeof(text)),
		"No samples yet: the process has allocated less than about 512.0 KiB.");
	sites.rate_bytes = 0;
	ck_assert_ptr_nonnull(strstr(prof_nothing(&prof, text, sizeof(text)), "sampling is off"));
	sites.sample_count = 7;
	ck_assert_str_eq(prof_nothing(&prof, text, sizeof(text)), "None of the samples is alive.");
	prof.value = SITE_PEAK;
	ck_assert_str_eq(prof_nothing(&prof, text, sizeof(text)),
		"No peak of the heap has been noted yet.");
}
END_TEST

/* One chain through all frames, with a site at every eighth. */
START_TEST(test_endless_chains_stay_small)
{
	uint32_t at = 0;
	static char names[1000][8];

	for (int i = 0; i < 1000; i++)
		snprintf(names[i], sizeof(names[i]), "f%d", i);
	while (sites.frame_count < MADE_FRAMES_MAX) {
		at = sites_sample_frame(&sites, at, 0, names[sites.frame_count % 1000]);
		if (at % 8 == 0)
			sites_sample_site(&sites, at, 8);
	}
	make(NULL, STACK_BY_FUNCTION);
	expect_sums();
	ck_assert_uint_le(tree.count, 2 * MADE_FRAMES_MAX);
	ck_assert_double_eq(tree.nodes[0].whole.after.bytes, (double)sites.count * 8);
	ck_assert_double_gt(row_of(STACK_CUT)->cum.after.bytes, 0);
}
END_TEST

START_TEST(test_a_stack_that_is_cut_keeps_its_inner_half_at_least)
{
	struct stack stack;
	uint32_t at = 0;

	for (int i = 0; i < 3 * STACK_FRAMES_MAX; i++)
		at = sites_sample_frame(&sites, at, 0, "f");
	make(NULL, STACK_BY_FUNCTION);
	for (uint32_t frame = 1; frame < sites.frame_count; frame++) {
		stack_read(&prof.sides[STACK_AFTER].stacks, frame, &stack);
		ck_assert_uint_le(stack.count, STACK_FRAMES_MAX);
		ck_assert(stack.is_cut ? stack.count >= STACK_FRAMES_MAX / 2 : stack.count == frame);
		ck_assert_uint_eq(stack.frames[0], frame);
	}
}
END_TEST

START_TEST(test_hostile_names_are_cleaned_and_cut)
{
	static char endless[100000];

	memset(endless, 'x', sizeof(endless) - 1);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, "\033[31m\n<&>\xff"), 1);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, ""), 2);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, SITES_NO_MODULE, endless), 3);
	make(NULL, STACK_BY_FUNCTION);
	ck_assert_double_eq(row_of("?[31m?<&>?")->flat.after.bytes, 1);
	ck_assert_double_eq(row_of("[no name]")->flat.after.bytes, 2);
	ck_assert_uint_eq(strlen(rows.list[0].name->text), STACK_NAME_BYTES - 1);
	ck_assert_str_eq(rows.list[0].name->module, "[none]");
}
END_TEST

START_TEST(test_sums_beyond_any_process_are_cut)
{
	ck_assert_int_eq(prof_whole(1e300), 9223372036854774784);
	ck_assert_int_eq(prof_whole(-1e300), -9223372036854774784);
	ck_assert_int_eq(prof_whole(NAN), 0);
	ck_assert_int_eq(prof_whole(2.5), 3);
	sites_sample_site(&sites, 0, 1e19);
	sites_sample_site(&sites, 0, 1e19);
	make(NULL, STACK_BY_FUNCTION);
	expect_sums();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/prof_tree", setup, teardown);

	tcase_add_test(tests, test_flat_is_what_a_function_asked_for_and_cum_what_it_called);
	tcase_add_test(tests, test_errors_add_up_as_roots_of_squares);
	tcase_add_test(tests, test_recursion_counts_once);
	tcase_add_test(tests, test_a_change_has_both_sides_at_one_place);
	tcase_add_test(tests, test_an_inlined_function_is_called_by_what_it_is_in);
	tcase_add_loop_test(tests, test_each_key_has_its_names, STACK_BY_FILE, STACK_BY_CALL + 1);
	tcase_add_test(tests, test_tags_alone);
	tcase_add_test(tests, test_tags_are_rows_of_their_own_by_any_key);
	tcase_add_test(tests, test_what_is_not_known_says_so);
	tcase_add_test(tests, test_nothing_makes_an_empty_tree_and_a_sentence);
	tcase_add_test(tests, test_endless_chains_stay_small);
	tcase_add_test(tests, test_a_stack_that_is_cut_keeps_its_inner_half_at_least);
	tcase_add_test(tests, test_hostile_names_are_cleaned_and_cut);
	tcase_add_test(tests, test_sums_beyond_any_process_are_cut);
	return suite_end();
}
