/*
 * check_prof_files.c - tools/folded.c, tools/flame.c and tools/pprof.c: the forms that other
 * programs read.
 *
 * Proves: folded lines are the outermost first and hold no ';' of a name; an SVG's tags are
 * closed, whatever the names; no box leaves the picture, and children lie within their
 * caller; what is narrow is told as a remainder; a profile, decoded again, has every id
 * that it refers to, addresses within the calls, and values in Go's order, below zero of
 * what was before.
 */
#include "tests/tools/sites_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/suite.h"
#include "tools/flame.h"
#include "tools/folded.h"
#include "tools/pprof.h"
#include "tools/profile.pb-c.h"

static struct sites sites, others;
static struct prof prof;
static struct stack_tree tree;
static char *text;
static size_t text_bytes;
static Pprof__Profile *profile;

static const char hostile[] = "\033]0;<script>&\"'>]]>\xff\xef\xbf\xbe;\n";

static void setup(void)
{
	sites_sample_init(&sites);
	sites_sample_init(&others);
}

static void teardown(void)
{
	if (profile != NULL)
		pprof__profile__free_unpacked(profile, NULL);
	free(text);
	stack_tree_free(&tree);
	sites_sample_prof_free(&prof);
	sites_sample_free(&sites);
	sites_sample_free(&others);
}

static void make(const struct sites *before)
{
	sites_sample_prof(&prof, before, &sites);
	ck_assert(prof_tree_make(&tree, &prof, STACK_BY_FUNCTION));
}

static void add_diamond(struct sites *to, double through_a, double through_b)
{
	uint32_t top = sites_sample_frame(to, 0, 0, "main");
	uint32_t a = sites_sample_frame(to, top, 0, "a"), b = sites_sample_frame(to, top, 0, "b");

	sites_sample_site(to, sites_sample_frame(to, a, 1, "leaf"), through_a);
	sites_sample_site(to, sites_sample_frame(to, b, 1, "leaf"), through_b);
}

/* ---- folded ---------------------------------------------------------------- */

static void write_folded(void)
{
	FILE *out = open_memstream(&text, &text_bytes);

	folded_write(&tree, out);
	fclose(out);
}

START_TEST(test_folded_lines_go_inwards)
{
	add_diamond(&sites, 3000, 4000);
	sites.frames[1].is_cut = true;
	sites_sample_site(&sites, 0, 5);
	make(NULL);
	write_folded();
	ck_assert_str_eq(text, "[cut];main;a;leaf 3000\n[cut];main;b;leaf 4000\n[unknown] 5\n");
}
END_TEST

START_TEST(test_a_name_cannot_end_its_field)
{
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, hostile), 12);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, ""), 13);
	make(NULL);
	write_folded();
	ck_assert_str_eq(text, "?]0:<script>&\"'>]]>?\xef\xbf\xbe:? 12\n[no name] 13\n");
}
END_TEST

START_TEST(test_folded_lines_of_a_change_are_what_grew)
{
	add_diamond(&others, 3000, 4000);
	add_diamond(&sites, 3500, 1000);
	make(&others);
	write_folded();
	ck_assert_str_eq(text, "main;a;leaf 500\n");
}
END_TEST

/* ---- flame ----------------------------------------------------------------- */

static void write_flame(void)
{
	FILE *out = open_memstream(&text, &text_bytes);

	ck_assert(flame_write(&prof, &tree, out));
	fclose(out);
}

/* Entities are the five known ones; bytes are what XML may contain. */
static const char *text_skip(const char *at)
{
	for (; *at != '\0' && *at != '<'; at++) {
		ck_assert((unsigned char)*at >= ' ' || *at == '\n');
		ck_assert(*at != '>' && memcmp(at, "\xef\xbf\xbe", 3) != 0);
		if (*at == '&')
			ck_assert(strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0 ||
				strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&quot;", 6) == 0);
	}
	return at;
}

/* Each tag is closed in its turn. */
static void expect_well_formed(void)
{
	const char *stack[16], *at = strstr(text, "<svg");
	size_t depth = 0;

	while ((at = text_skip(at))[0] == '<') {
		if (strncmp(at, "<![CDATA[", 9) == 0) {
			at = strstr(at, "]]>") + 3;
			continue;
		}
		const char *end = strchr(at, '>'), *name = at + (at[1] == '/' ? 2 : 1);
		size_t bytes = strcspn(name, " >/");
		ck_assert_ptr_nonnull(end);
		if (at[1] == '/') {
			ck_assert_uint_gt(depth, 0);
			ck_assert_int_eq(strncmp(stack[--depth], name, bytes), 0);
		} else if (end[-1] != '/') {
			ck_assert_uint_lt(depth, 16);
			stack[depth++] = name;
		}
		at = end + 1;
	}
	ck_assert_uint_eq(depth, 0);
}

static size_t count_of(const char *needle)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
		count++;
	return count;
}

/* Where the box stands that has this title. */
static void box_of(const char *title, double *x, double *y, double *width)
{
	char needle[128];

	snprintf(needle, sizeof(needle), "<title>%s\n", title);
	const char *at = strstr(text, needle);
	ck_assert_msg(at != NULL, "no box %s", title);
	at = strstr(at, "<svg class=\"box\"");
	ck_assert_int_eq(sscanf(at, "<svg class=\"box\" x=\"%lf\" y=\"%lf\" width=\"%lf\"", x, y, width), 3);
	ck_assert(*x >= 10 && *x + *width <= 1190.01);
}

START_TEST(test_children_stand_below_their_caller_as_wide_as_they_are)
{
	double x, y, width, a_x, a_y, a_width, b_x, b_y, b_width;

	add_diamond(&sites, 1000, 3000);
	make(NULL);
	write_flame();
	expect_well_formed();
	box_of("main", &x, &y, &width);
	box_of("b", &b_x, &b_y, &b_width);
	box_of("a", &a_x, &a_y, &a_width);
	ck_assert_double_eq_tol(b_width, 0.75 * 1180, 1);
	ck_assert_double_eq_tol(a_width, 0.25 * 1180, 1);
	ck_assert_double_eq(b_x, x); /* the widest first */
	ck_assert_double_eq_tol(a_x, x + 0.75 * 1180, 1);
	ck_assert_double_eq(a_y, b_y);
	ck_assert_double_gt(a_y, y);
	ck_assert_ptr_nonnull(strstr(text, "<title>leaf\nlibx.so\n2.9 KiB, 75.0 % (± 300 B), 30 objects, "
					   "10 samples</title>"));
}
END_TEST

START_TEST(test_what_is_narrow_stands_together)
{
	uint32_t top = sites_sample_frame(&sites, 0, 0, "main");
	static char names[100][8];

	sites_sample_site(&sites, sites_sample_frame(&sites, top, 0, "big"), 1e6);
	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "s%d", i);
		sites_sample_site(&sites, sites_sample_frame(&sites, top, 0, names[i]), 100);
	}
	make(NULL);
	write_flame();
	expect_well_formed();
	ck_assert_uint_eq(count_of("class=\"box\""), 4);
	ck_assert_ptr_nonnull(strstr(text, "<title>[100 smaller]\n9.8 KiB, 1.0 %, 1,000 samples</title>"));
	ck_assert_ptr_null(strstr(text, "not drawn"));
}
END_TEST

START_TEST(test_what_is_too_narrow_even_together_is_told_below)
{
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, "big"), 1e6);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, "small"), 100);
	make(NULL);
	write_flame();
	expect_well_formed();
	ck_assert_uint_eq(count_of("class=\"box\""), 2);
	ck_assert_ptr_nonnull(strstr(text, "not drawn: 100 B (0.0 %) in boxes of less than 0.1 %"));
}
END_TEST

START_TEST(test_hostile_names_are_text_alone)
{
	static char endless[100000];

	memset(endless, '<', sizeof(endless) - 1);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, hostile), 1000);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, endless), 1000);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, 0, ""), 1000);
	sites_sample_site(&sites, 0, 1000);
	strcpy(sites.modules[0].path, "/lib/<b>&.so");
	make(NULL);
	prof.sides[STACK_AFTER].title = "</title><script>alert(1)</script>";
	write_flame();
	expect_well_formed();
	ck_assert_uint_eq(count_of("<script>"), 1);
	ck_assert_ptr_nonnull(strstr(text, "[unknown]"));
	ck_assert_ptr_null(strstr(flame_script, "]]>"));
}
END_TEST

START_TEST(test_pictures_of_nothing_and_of_what_shrank)
{
	add_diamond(&others, 1000, 3000);
	make(_i == 0 ? NULL : &others);
	write_flame();
	expect_well_formed();
	ck_assert_uint_eq(count_of("class=\"box\""), 1);
	ck_assert_ptr_nonnull(strstr(text, _i == 0 ? "There are no samples." : "Nothing grew."));
}
END_TEST

START_TEST(test_deep_stacks_are_drawn)
{
	uint32_t at = 0;

	for (int i = 0; i < 3000; i++)
		at = sites_sample_frame(&sites, at, 0, i % 2 == 0 ? "even" : "odd");
	sites_sample_site(&sites, at, 1000);
	make(NULL);
	write_flame();
	expect_well_formed();
	ck_assert_uint_le(count_of("class=\"box\""), STACK_FRAMES_MAX + 2);
	ck_assert_ptr_nonnull(strstr(text, "<title>[cut]\n"));
}
END_TEST

/* ---- pprof ----------------------------------------------------------------- */

static void write_pprof(void)
{
	unsigned char *bytes, *plain = malloc(16 << 20);
	size_t count;
	z_stream stream = {0};

	ck_assert(pprof_encode(&prof, &bytes, &count));
	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = bytes;
	stream.avail_in = (uInt)count;
	stream.next_out = plain;
	stream.avail_out = 16 << 20;
	ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	profile = pprof__profile__unpack(NULL, stream.total_out, plain);
	ck_assert_ptr_nonnull(profile);
	inflateEnd(&stream);
	free(plain);
	free(bytes);
}

static const char *string_at(int64_t number)
{
	ck_assert(number >= 0 && (uint64_t)number < profile->n_string_table);
	return profile->string_table[number];
}

static const Pprof__Location *location_at(uint64_t id)
{
	for (size_t i = 0; i < profile->n_location; i++)
		if (profile->location[i]->id == id)
			return profile->location[i];
	ck_abort_msg("no location %llu", (unsigned long long)id);
}

static const Pprof__Function *function_at(uint64_t id)
{
	for (size_t i = 0; i < profile->n_function; i++)
		if (profile->function[i]->id == id)
			return profile->function[i];
	ck_abort_msg("no function %llu", (unsigned long long)id);
}

static const Pprof__Mapping *mapping_at(uint64_t id)
{
	for (size_t i = 0; i < profile->n_mapping; i++)
		if (profile->mapping[i]->id == id)
			return profile->mapping[i];
	ck_abort_msg("no mapping %llu", (unsigned long long)id);
}

/* The names of a sample's stack, inwards out, with commas. */
static void stack_names(const Pprof__Sample *sample, char *out)
{
	out[0] = '\0';
	for (size_t i = 0; i < sample->n_location_id; i++) {
		const Pprof__Location *location = location_at(sample->location_id[i]);
		for (size_t line = 0; line < location->n_line; line++) {
			const Pprof__Function *function = function_at(location->line[line]->function_id);
			strcat(out, out[0] != '\0' ? "," : "");
			strcat(out, string_at(function->name));
			string_at(function->filename);
			string_at(function->system_name);
		}
		if (location->mapping_id != 0) {
			const Pprof__Mapping *mapping = mapping_at(location->mapping_id);
			ck_assert_uint_ge(location->address, mapping->memory_start);
			ck_assert_uint_lt(location->address, mapping->memory_limit);
		}
	}
}

START_TEST(test_a_profile_has_what_the_sites_have)
{
	static const char *const types[] = {"alloc_objects", "count", "alloc_space", "bytes",
		"inuse_objects", "count", "inuse_space", "bytes"};
	char names[256];

	add_diamond(&sites, 3000, 4000);
	sites_sample_modules[1] = MODULE_SYMBOLS;
	make(NULL);
	write_pprof();
	ck_assert_str_eq(string_at(0), "");
	ck_assert_uint_eq(profile->n_sample_type, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(string_at(profile->sample_type[i]->type), types[2 * i]);
		ck_assert_str_eq(string_at(profile->sample_type[i]->unit), types[2 * i + 1]);
	}
	ck_assert_str_eq(string_at(profile->default_sample_type), "inuse_space");
	ck_assert_str_eq(string_at(profile->period_type->type), "space");
	ck_assert_int_eq(profile->period, 512 << 10);
	ck_assert_int_eq(profile->time_nanos, 1767225600000000000);
	ck_assert_uint_eq(profile->n_sample, 2);
	stack_names(profile->sample[0], names);
	ck_assert_str_eq(names, "leaf,a,main");
	ck_assert_int_eq(profile->sample[0]->value[0], 60);
	ck_assert_int_eq(profile->sample[0]->value[1], 6000);
	ck_assert_int_eq(profile->sample[0]->value[2], 30);
	ck_assert_int_eq(profile->sample[0]->value[3], 3000);
	ck_assert_uint_eq(location_at(profile->sample[0]->location_id[0])->address,
		sites.frames[4].address - 1);
	ck_assert_uint_eq(profile->n_mapping, 2);
	ck_assert_str_eq(string_at(profile->mapping[0]->filename), "/usr/bin/prog");
	ck_assert_str_eq(string_at(profile->mapping[0]->build_id),
		"4040404040404040404040404040404040404040");
	ck_assert(profile->mapping[0]->has_line_numbers && profile->mapping[0]->has_functions);
	ck_assert(profile->mapping[1]->has_functions && !profile->mapping[1]->has_line_numbers);
}
END_TEST

START_TEST(test_a_profile_of_a_change_takes_what_was_away)
{
	char names[256];

	add_diamond(&others, 100, 200);
	add_diamond(&sites, 300, 400);
	make(&others);
	write_pprof();
	ck_assert_uint_eq(profile->n_sample, 4);
	ck_assert_int_eq(profile->sample[0]->value[3], -100);
	ck_assert_int_eq(profile->sample[2]->value[3], 300);
	ck_assert_uint_eq(profile->n_mapping, 4);
	ck_assert_uint_eq(profile->n_function, 4); /* the same functions */
	for (size_t i = 0; i < 4; i++)
		stack_names(profile->sample[i], names);
	ck_assert_str_eq(names, "leaf,b,main");
}
END_TEST

START_TEST(test_inlined_functions_are_lines_of_one_location)
{
	static const struct symbol list[] = {
		{.function = "helper", .file = "/f.h", .line = 20, .start_line = 18, .is_known = true},
		{.function = "main", .file = "/f.c", .line = 10, .start_line = 2, .is_known = true}};
	uint32_t frame = sites_sample_frame(&sites, 0, 0, "main");

	sites_sample_symbols[frame] = (struct symbol_list){list, 2};
	sites_sample_site(&sites, frame, 1000);
	make(NULL);
	write_pprof();
	ck_assert_uint_eq(profile->n_location, 1);
	ck_assert_uint_eq(profile->n_mapping, 1); /* the other was not used */
	ck_assert_uint_eq(profile->location[0]->n_line, 2);
	ck_assert_int_eq(profile->location[0]->line[0]->line, 20);
	ck_assert_int_eq(profile->location[0]->line[1]->line, 10);
	const Pprof__Function *function = function_at(profile->location[0]->line[0]->function_id);
	ck_assert_str_eq(string_at(function->name), "helper");
	ck_assert_int_eq(function->start_line, 18);
}
END_TEST

START_TEST(test_what_is_not_known_has_a_name_too)
{
	char names[256];
	uint32_t frame = sites_sample_frame(&sites, 0, 1, NULL);

	sites.frames[frame].is_cut = true;
	sites_sample_site(&sites, frame, 1000);
	sites_sample_site(&sites, 0, 1000);
	sites_sample_site(&sites, sites_sample_frame(&sites, 0, SITES_NO_MODULE, hostile), 1);
	make(NULL);
	write_pprof();
	stack_names(profile->sample[0], names);
	ck_assert_str_eq(names, "0x123,[cut]");
	stack_names(profile->sample[1], names);
	ck_assert_str_eq(names, "[unknown]");
	stack_names(profile->sample[2], names);
	ck_assert_uint_eq(location_at(profile->sample[2]->location_id[0])->mapping_id, 0);
}
END_TEST

START_TEST(test_a_profile_of_nothing_is_one)
{
	make(NULL);
	prof.value = SITE_TOTAL;
	write_pprof();
	ck_assert_uint_eq(profile->n_sample, 0);
	ck_assert_str_eq(string_at(profile->default_sample_type), "alloc_space");
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/prof_files", setup, teardown);

	tcase_add_test(tests, test_folded_lines_go_inwards);
	tcase_add_test(tests, test_a_name_cannot_end_its_field);
	tcase_add_test(tests, test_folded_lines_of_a_change_are_what_grew);
	tcase_add_test(tests, test_children_stand_below_their_caller_as_wide_as_they_are);
	tcase_add_test(tests, test_what_is_narrow_stands_together);
	tcase_add_test(tests, test_what_is_too_narrow_even_together_is_told_below);
	tcase_add_test(tests, test_hostile_names_are_text_alone);
	tcase_add_loop_test(tests, test_pictures_of_nothing_and_of_what_shrank, 0, 2);
	tcase_add_test(tests, test_deep_stacks_are_drawn);
	tcase_add_test(tests, test_a_profile_has_what_the_sites_have);
	tcase_add_test(tests, test_a_profile_of_a_change_takes_what_was_away);
	tcase_add_test(tests, test_inlined_functions_are_lines_of_one_location);
	tcase_add_test(tests, test_what_is_not_known_has_a_name_too);
	tcase_add_test(tests, test_a_profile_of_nothing_is_one);
	return suite_end();
}
