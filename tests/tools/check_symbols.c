/*
 * check_symbols.c - tools/symbols.c and what it is made of, on this program itself.
 *
 * Proves: inlined functions come first, each with the line of its own call; C++ is as it
 * was written; nothing is told of a file that may be another; no file of any kind is
 * waited for, and none that is damaged ends the program.
 */
#include "tools/symbols.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/symbol_sample.h"
#include "tools/demangle.h"
#include "tools/file.h"

static struct site_module modules[2];
static struct site_frame frames[4];
static struct sites sites;
static struct symbols_settings settings;
static struct symbols *symbols;
static char folder[32];

/* Frame 1 is the sample's, of module 0, which is this program. */
static void setup(void)
{
	strcpy(folder, "/tmp/check_symbols.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	frames[0].module = SITES_NO_MODULE;
	frames[1] = (struct site_frame){.address = sample_outer()};
	ck_assert(sample_module(frames[1].address, &modules[0]));
	ck_assert_uint_gt(modules[0].build_id_bytes, 0);
	sites = (struct sites){.frames = frames, .frame_count = 4, .modules = modules,
		.module_count = 2};
	settings = (struct symbols_settings){0};
}

static void teardown(void)
{
	char command[PATH_MAX];

	symbols_close(symbols);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static struct symbol_list told(uint32_t frame)
{
	if (symbols == NULL)
		symbols = symbols_open(&sites, &settings);
	ck_assert_ptr_nonnull(symbols);
	return symbols_of(symbols, frame);
}

static enum module_file state(void)
{
	told(1);
	return symbols_module(symbols, 0);
}

/* Frame 1 has no name, and its place is this file's. */
static void is_untold(const char *file)
{
	char place[PATH_MAX];
	struct symbol_list list = told(1);

	snprintf(place, sizeof(place), "%s+0x%llx", file,
		(unsigned long long)(frames[1].address - modules[0].bias));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.list[0].function, place);
	ck_assert(!list.list[0].is_known);
	ck_assert_ptr_null(list.list[0].file);
	ck_assert_uint_eq(list.list[0].line, 0);
}

static void path_set(const char *path)
{
	snprintf(modules[0].path, sizeof(modules[0].path), "%s", path);
}

static const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void file_write(const char *path, const char *bytes, size_t count)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
	ck_assert_int_eq(fclose(file), 0);
}

static bool ends_with(const char *text, const char *end)
{
	size_t bytes = strlen(text), end_bytes = strlen(end);

	return bytes >= end_bytes && strcmp(text + bytes - end_bytes, end) == 0;
}

static void is_symbol(const struct symbol *symbol, const char *function, const char *file)
{
	ck_assert(symbol->is_known);
	ck_assert_str_eq(symbol->function, function);
	ck_assert_ptr_nonnull(symbol->file);
	ck_assert_msg(ends_with(symbol->file, file), "%s is not %s", symbol->file, file);
}

START_TEST(test_the_innermost_inlined_function_comes_first)
{
	struct symbol_list list = told(1);

	ck_assert_int_eq(state(), MODULE_LINES);
	ck_assert_uint_eq(list.count, 2);
	is_symbol(&list.list[0], "sample_inner", "/symbol_sample.c");
	ck_assert_uint_eq(list.list[0].line, sample_inner_line);
	ck_assert_uint_eq(list.list[0].start_line, sample_inner_start);
	is_symbol(&list.list[1], "sample_outer", "/symbol_sample.c");
	ck_assert_uint_eq(list.list[1].line, sample_outer_line);
	ck_assert_uint_eq(list.list[1].start_line, sample_outer_start);
}
END_TEST

START_TEST(test_a_name_of_cxx_is_as_it_was_written)
{
	frames[1].address = sample_taken();
	is_symbol(&told(1).list[0], "sample::holder<int>::taken(std::pair<int, char const*>)",
		"/symbol_sample_cxx.cc");
}
END_TEST

START_TEST(test_a_library_has_at_least_the_names_that_others_call)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

	ck_assert_ptr_nonnull(libc);
	frames[1].address = (uintptr_t)dlsym(libc, "qsort_r") + 1;
	ck_assert(sample_module(frames[1].address, &modules[0]));
	ck_assert(told(1).list[0].is_known);
	ck_assert_ptr_nonnull(strstr(told(1).list[0].function, "qsort_r"));
	dlclose(libc);
}
END_TEST

START_TEST(test_what_was_found_is_kept)
{
	const struct symbol *first = told(1).list;

	frames[2] = frames[1];
	ck_assert_ptr_eq(told(1).list, first);
	ck_assert_ptr_eq(told(2).list[0].function, first[0].function);
}
END_TEST

START_TEST(test_another_reading_keeps_what_was_found)
{
	static struct site_frame more[6];
	static struct site_module more_modules[3];
	struct sites next = {.frames = more, .frame_count = 6, .modules = more_modules,
		.module_count = 3};
	const struct symbol *found = told(1).list;

	memcpy(more, frames, sizeof(frames));
	memcpy(more_modules, modules, sizeof(modules));
	more[5] = frames[1];
	ck_assert(symbols_follow(symbols, &next));
	memset(&modules, 0, sizeof(modules)); /* the former may go */
	memset(&frames, 0, sizeof(frames));
	ck_assert_ptr_eq(symbols_of(symbols, 1).list, found);
	ck_assert_str_eq(symbols_of(symbols, 5).list[0].function, found->function);
}
END_TEST

START_TEST(test_a_frame_or_module_that_is_another_is_looked_up_anew)
{
	ck_assert(told(1).list[0].is_known);
	frames[1].module = SITES_NO_MODULE;
	ck_assert(symbols_follow(symbols, &sites));
	ck_assert(!symbols_of(symbols, 1).list[0].is_known);
	frames[1].module = 0;
	path_set("/nowhere");
	ck_assert(symbols_follow(symbols, &sites));
	is_untold("nowhere");
	ck_assert_int_eq(state(), MODULE_MISSING);
}
END_TEST

START_TEST(test_an_address_outside_is_a_place)
{
	uint64_t addresses[] = {0, 1, modules[0].start + 1, modules[0].end + 4096, UINT64_MAX};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		frames[1].address = addresses[i];
		ck_assert(!told(1).list[0].is_known);
		symbols_close(symbols);
		symbols = NULL;
	}
}
END_TEST

START_TEST(test_another_file_at_the_path_tells_nothing)
{
	modules[0].build_id[0] ^= 1;
	path_set("/proc/self/exe");
	is_untold("exe");
	ck_assert_int_eq(state(), MODULE_OTHER);
}
END_TEST

START_TEST(test_without_a_build_id_a_file_that_has_one_is_another)
{
	modules[0].build_id_bytes = 0;
	ck_assert(!told(1).list[0].is_known);
	ck_assert_int_eq(state(), MODULE_OTHER);
}
END_TEST

START_TEST(test_a_file_that_is_not_there)
{
	static const char *const paths[] = {"/nowhere/libfoo.so", "libfoo.so", "libfoo.so (deleted)",
		"/nowhere/libfoo.so (deleted)", "/dev/null/libfoo.so"};

	path_set(paths[_i]);
	modules[0].build_id[0] ^= 1;
	is_untold(strchr(paths[_i], '(') == NULL ? "libfoo.so" : "libfoo.so (deleted)");
	ck_assert_int_eq(state(), MODULE_MISSING);
}
END_TEST

START_TEST(test_a_path_that_is_not_absolute_is_not_followed)
{
	path_set(in_folder("sample"));
	ck_assert_int_eq(symlink("/proc/self/exe", modules[0].path), 0);
	ck_assert_int_eq(chdir(folder), 0);
	path_set("sample");
	is_untold("sample");
	ck_assert_int_eq(state(), MODULE_MISSING);
}
END_TEST

START_TEST(test_a_deleted_file_may_be_there_again)
{
	strcat(modules[0].path, " (deleted)");
	ck_assert_str_eq(told(1).list[0].function, "sample_inner");
	ck_assert_int_eq(state(), MODULE_LINES);
}
END_TEST

START_TEST(test_the_vdso_is_no_file)
{
	if (!sample_module(0, &modules[0]))
		return; /* some emulators have none */
	frames[1].address = modules[0].start + 16;
	is_untold("[vdso]");
	ck_assert_int_eq(state(), MODULE_MISSING);
}
END_TEST

START_TEST(test_what_is_no_regular_file_is_not_waited_for)
{
	static const char *const paths[] = {"/dev/zero", "/dev/null", "/proc/self/maps", "/tmp"};

	path_set(in_folder("fifo"));
	ck_assert_int_eq(mkfifo(modules[0].path, 0600), 0);
	if (_i < 4)
		path_set(paths[_i]);
	is_untold(strrchr(modules[0].path, '/') + 1);
	ck_assert_int_eq(state(), MODULE_UNREADABLE);
}
END_TEST

START_TEST(test_the_root_comes_first_and_then_the_path_itself)
{
	char link[PATH_MAX];

	snprintf(link, sizeof(link), "%s", in_folder("sample"));
	ck_assert_int_eq(symlink("/proc/self/exe", link), 0);
	settings.root = folder;
	if (_i == 1) { /* what stands below the root is another */
		unlink(link);
		file_write(link, "\177ELF", 4);
		symlink("/proc/self/exe", in_folder("other"));
	}
	path_set(_i == 0 ? "/sample" : in_folder("other"));
	ck_assert_str_eq(told(1).list[0].function, "sample_inner");
	ck_assert_int_eq(state(), MODULE_LINES);
}
END_TEST

START_TEST(test_modules_that_were_one_after_the_other_at_one_place)
{
	modules[1] = modules[0];
	modules[1].is_gone = true;
	strcpy(modules[1].path, "/nowhere/libgone.so");
	modules[1].build_id[0] ^= 1;
	frames[2] = frames[1];
	frames[2].module = 1;
	ck_assert_str_eq(told(1).list[0].function, "sample_inner");
	ck_assert(!told(2).list[0].is_known);
	ck_assert_int_eq(strncmp(told(2).list[0].function, "libgone.so+0x", 13), 0);
}
END_TEST

/* A copy of this program with `damages` bytes that are not its own, cut at `count`. */
static void damaged_tell(const struct file *self, size_t damages, size_t count)
{
	char *copy = malloc(self->count);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, self->bytes, self->count);
	for (size_t i = 0; i < damages; i++)
		copy[random_below(i % 2 == 0 ? self->count : 4096)] = (char)random_number();
	path_set(in_folder("damaged"));
	file_write(modules[0].path, copy, count);
	free(copy);
	for (uint32_t i = 1; i < 4; i++) {
		frames[i].address = modules[0].bias + random_below(self->count);
		told(i);
	}
	frames[1].address = sample_outer();
	symbols_close(symbols);
	symbols = NULL;
	told(1);
	symbols_close(symbols);
	symbols = NULL;
}

/* It ends here, or not at all. */
START_TEST(test_a_damaged_file_is_no_harm)
{
	struct failure failure;
	struct file self;

	ck_assert(file_read(modules[0].path, &self, &failure));
	for (size_t i = 0; i < 16; i++)
		damaged_tell(&self, (size_t)1 << i, self.count);
	for (size_t i = 0; i < 16; i++)
		damaged_tell(&self, 0, random_below(self.count));
	file_free(&self);
}
END_TEST

static const char *compiled(uint64_t address)
{
	frames[3] = (struct site_frame){.address = address + 1, .module = SITES_NO_MODULE};
	symbols_close(symbols);
	symbols = NULL;
	return told(3).list[0].function;
}

START_TEST(test_compiled_code_has_the_names_that_the_process_wrote)
{
	static const char map[] = "5000 10 late\n"
				  "1000 100 first one\n"
				  "0x2000 0x10 with a prefix\r\n"
				  "1080 10 inside\n"
				  "1000 8 moved\n"
				  "3000 20 a\033[31mb\n"
				  "4000 20 _ZN6sample4nameEv\n"
				  "6000 20 cut";

	settings.perf_map = in_folder("perf");
	file_write(settings.perf_map, map, strlen(map));
	ck_assert_str_eq(compiled(0x1000), "moved");
	ck_assert_str_eq(compiled(0x1008), "first one");
	ck_assert_str_eq(compiled(0x1085), "inside");
	ck_assert_str_eq(compiled(0x10ff), "first one");
	ck_assert_str_eq(compiled(0x200f), "with a prefix");
	ck_assert_str_eq(compiled(0x3000), "a?[31mb");
	ck_assert_str_eq(compiled(0x4000), "sample::name()");
	ck_assert_str_eq(compiled(0x5000), "late");
	ck_assert(told(3).list[0].is_known);
	ck_assert_str_eq(compiled(0x1100), "0x1101");
	ck_assert_str_eq(compiled(0x6000), "0x6001");
	ck_assert(!told(3).list[0].is_known);
}
END_TEST

START_TEST(test_lines_that_are_none_are_left_out)
{
	static const char map[] = "\n \n1000\n1000 \n1000 10\n1000 10 \n 1000 10 blank\n-1000 10 less\n"
				  "10000000000001000 10 more\nffffffffffffff00 200 around\n"
				  "1000 0 none\n1000 g name\n\0\n0x 10 digits\n1000 10 right\n";

	settings.perf_map = in_folder("perf");
	file_write(settings.perf_map, map, sizeof(map) - 1);
	ck_assert_str_eq(compiled(0x1000), "right");
	ck_assert_str_eq(compiled(0), "0x1");
	ck_assert_str_eq(compiled(0xffffffffffffff10), "0xffffffffffffff11");
}
END_TEST

START_TEST(test_any_file_may_stand_where_the_map_should_be)
{
	static char noise[1 << 16];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = "0123456789abcdef \n\0x\377"[random_below(21)];
	settings.perf_map = in_folder("perf");
	ck_assert_str_eq(compiled(0x1000), "0x1001");
	file_write(settings.perf_map, noise, sizeof(noise));
	compiled(0x1000);
	unlink(settings.perf_map);
	ck_assert_int_eq(mkfifo(settings.perf_map, 0600), 0);
	ck_assert_str_eq(compiled(0x1000), "0x1001");
	settings.perf_map = "/proc/self/mem";
	ck_assert_str_eq(compiled(0x1000), "0x1001");
}
END_TEST

START_TEST(test_a_name_that_stands_for_gigabytes_is_left_as_it_is)
{
	char name[512] = "_Z1f1PIiiE"; /* f(P<int, int>, P<that, that>, ...) */

	for (int c = '0'; c <= '9'; c++)
		sprintf(name + strlen(name), "S_IS%c_S%c_E", c, c);
	for (int c = 'A'; c <= 'T'; c++)
		sprintf(name + strlen(name), "S_IS%c_S%c_E", c, c);
	ck_assert_ptr_null(demangle(name));
	ck_assert_ptr_null(demangle("main"));
	char *text = demangle("_Z1fSt4pairIiS_IiiEE");
	ck_assert_str_eq(text, "f(std::pair<int, std::pair<int, int> >)");
	free(text);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/symbols", setup, teardown);

	tcase_add_test(tests, test_the_innermost_inlined_function_comes_first);
	tcase_add_test(tests, test_a_name_of_cxx_is_as_it_was_written);
	tcase_add_test(tests, test_a_library_has_at_least_the_names_that_others_call);
	tcase_add_test(tests, test_what_was_found_is_kept);
	tcase_add_test(tests, test_another_reading_keeps_what_was_found);
	tcase_add_test(tests, test_a_frame_or_module_that_is_another_is_looked_up_anew);
	tcase_add_test(tests, test_an_address_outside_is_a_place);
	tcase_add_test(tests, test_another_file_at_the_path_tells_nothing);
	tcase_add_test(tests, test_without_a_build_id_a_file_that_has_one_is_another);
	tcase_add_loop_test(tests, test_a_file_that_is_not_there, 0, 5);
	tcase_add_test(tests, test_a_path_that_is_not_absolute_is_not_followed);
	tcase_add_test(tests, test_a_deleted_file_may_be_there_again);
	tcase_add_test(tests, test_the_vdso_is_no_file);
	tcase_add_loop_test(tests, test_what_is_no_regular_file_is_not_waited_for, 0, 5);
	tcase_add_loop_test(tests, test_the_root_comes_first_and_then_the_path_itself, 0, 2);
	tcase_add_test(tests, test_modules_that_were_one_after_the_other_at_one_place);
	tcase_add_test(tests, test_a_damaged_file_is_no_harm);
	tcase_add_test(tests, test_compiled_code_has_the_names_that_the_process_wrote);
	tcase_add_test(tests, test_lines_that_are_none_are_left_out);
	tcase_add_test(tests, test_any_file_may_stand_where_the_map_should_be);
	tcase_add_test(tests, test_a_name_that_stands_for_gigabytes_is_left_as_it_is);
	return suite_end();
}
