/*
 * check_sites_json.c - tools/sites_json.c: the call sites of a dump.
 *
 * Proves: what the library writes is read, each number in its place; a dump without them,
 * in text or of another library, says so; what is no table of rows is refused; a row that is
 * wrong in any way is counted, and counts as nothing.
 */
#include "tools/sites_json.h"

#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/dump_read.h"
#include "tools/tags.h"

/* Before its call sites. */
static const char dump_head[] =
	"{\"mstat_dump\":1,\"exe\":\"/usr/bin/prog\",\"totals\":{},\"classes\":[],\"threads\":[]";

static const char module_row[] =
	"{\"start\":4194304,\"end\":4198400,\"bias\":4096,\"gone\":1,\"build_id\":\"00ff\","
	"\"path\":\"/usr/lib/libx.so\"}";
static const char program_row[] =
	"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":\"\",\"path\":\"\"}";
static const char site_row[] =
	"{\"frame\":2,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}";

static struct sites sites;
static struct books books;
static struct failure failure;

static void teardown(void)
{
	sites_free(&sites);
	books_free(&books);
}

static bool read_dump(const char *dump)
{
	char *copy = strdup(dump);

	teardown();
	failure = (struct failure){0};
	bool done = dump_read(&books, &sites, copy, strlen(dump), "DUMP", &failure);
	free(copy);
	return done;
}

static void refused(const char *dump, enum failure_status status, const char *sentence)
{
	ck_assert(!read_dump(dump));
	ck_assert_int_eq(failure.status, status);
	ck_assert_str_eq(failure.text, sentence);
}

/* A dump of these rows; two modules. */
static bool read_rows(const char *modules, const char *frames, const char *list)
{
	char dump[8192];

	snprintf(dump, sizeof(dump), "%s,\"call_sites\":{\"sample_bytes\":524288,"
		"\"samples\":9,\"lost\":2,\"modules\":[%s,%s],\"frames\":[%s],\"sites\":[%s]}}",
		dump_head, program_row, modules, frames, list);
	return read_dump(dump);
}

START_TEST(test_what_the_library_writes_is_read)
{
	ck_assert(read_rows(module_row, "[4100,0,0],[4200,1,1],[5,-1,-1]", site_row));
	ck_assert_uint_eq(sites.damaged_parts, 0);
	ck_assert_uint_eq(sites.rate_bytes, 524288);
	ck_assert_uint_eq(sites.sample_count, 9);
	ck_assert_uint_eq(sites.lost_count, 2);
	ck_assert_uint_eq(sites.module_count, 2);
	ck_assert_str_eq(sites.modules[0].path, "/usr/bin/prog");
	ck_assert_str_eq(sites.modules[1].path, "/usr/lib/libx.so");
	ck_assert_uint_eq(sites.modules[1].bias, 4096);
	ck_assert_uint_eq(sites.modules[1].build_id_bytes, 2);
	ck_assert_uint_eq(sites.modules[1].build_id[1], 0xff);
	ck_assert(sites.modules[1].is_gone && !sites.modules[0].is_gone);
	ck_assert_uint_eq(sites.count, 1);
	ck_assert_uint_eq(sites.list[0].frame, 2);
	ck_assert_uint_eq(sites.list[0].live.samples, 1);
	ck_assert_double_eq(sites.list[0].live.objects, 2);
	ck_assert_double_eq(sites.list[0].live.objects_error, 3);
	ck_assert_double_eq(sites.list[0].live.bytes, 4);
	ck_assert_double_eq(sites.list[0].live.bytes_error, 5);
	ck_assert_uint_eq(sites.list[0].total.samples, 6);
	ck_assert_double_eq(sites.list[0].peak.bytes, 14);
}
END_TEST

START_TEST(test_frames_are_numbered_from_one)
{
	ck_assert(read_rows(module_row, "[4100,0,0],[4200,1,1],[5,-1,-1]", ""));
	ck_assert_uint_eq(sites.frame_count, 4);
	ck_assert_uint_eq(sites.frames[0].module, SITES_NO_MODULE);
	ck_assert_uint_eq(sites.frames[1].address, 4100);
	ck_assert_uint_eq(sites.frames[2].module, 1);
	ck_assert_uint_eq(sites.frames[2].caller, 1);
	ck_assert(!sites.frames[2].is_cut);
	ck_assert_uint_eq(sites.frames[3].module, SITES_NO_MODULE);
	ck_assert(sites.frames[3].is_cut && sites.frames[3].caller == 0);
}
END_TEST

/* Frame 1 is the scope of the tag of that number. */
static bool read_tags(const char *tags, int number)
{
	char dump[2048];

	snprintf(dump, sizeof(dump), "%s,\"call_sites\":{\"sample_bytes\":524288,"
		"\"samples\":9,\"lost\":2,\"modules\":[],\"frames\":[[%d,-2,0],[5,-1,1]],"
		"\"tags\":%s,\"sites\":[%s]}}", dump_head, number, tags, site_row);
	return read_dump(dump);
}

START_TEST(test_tags_are_read)
{
	ck_assert(read_tags("[{\"name\":\"a\\nb\",\"counts\":[1,9,900,4,400,7]}]", 0));
	ck_assert_uint_eq(sites.damaged_parts, 0);
	ck_assert_uint_eq(sites.tag_count, 1);
	ck_assert_str_eq(sites.tags[0].text, "[a?b]");
	ck_assert_uint_eq(tag_live_objects(&sites.tags[0]), 5);
	ck_assert_uint_eq(tag_live_bytes(&sites.tags[0]), 500);
	ck_assert_uint_eq(sites.tags[0].missed_objects, 7);
	ck_assert_uint_eq(sites.frames[1].tag, 1);
	ck_assert_str_eq(sites_frame_module(&sites, 1), "[a?b]");
	struct site_sum sum;
	ck_assert(tags_sum(&sites, &sum));
	ck_assert_double_eq(sum.bytes, 4);
}
END_TEST

START_TEST(test_wrong_tags_are_counted)   /* _i: of the list */
{
	static const char *const tags[] = {"[]", "[3]", "[{\"name\":\"a\",\"counts\":[1]}]",
		"[{\"name\":3,\"counts\":[1,2,3,4,5,6]}]",
		"[{\"name\":\"a\",\"counts\":[1,-2,3,4,5,6]}]"};

	ck_assert(read_tags(tags[_i], 0));
	ck_assert_uint_eq(sites.damaged_parts, 1);
	ck_assert_uint_eq(sites.frames[1].tag, _i != 0);
	ck_assert(read_tags("[{\"name\":\"a\",\"counts\":[1,9,900,4,400,7]}]", 1 + _i));
	ck_assert_uint_eq(sites.damaged_parts, 1);
	ck_assert_uint_eq(sites.frames[1].tag, 0);
	ck_assert(!read_tags("{}", 0));
}
END_TEST

START_TEST(test_a_dump_without_call_sites_says_so)
{
	char dump[256];

	refused("mstat dump 1\nalloc 5\nend\n", FAILURE_CANNOT,
		"DUMP is a dump in text, which has no call sites: dump_format:json writes them");
	snprintf(dump, sizeof(dump), "%s}", dump_head);
	refused(dump, FAILURE_CANNOT,
		"the dump DUMP has no call sites: another version of libmstat wrote it");
}
END_TEST

START_TEST(test_what_is_no_table_is_refused)   /* _i: of the list */
{
	static const char *const members[] = {"3", "[]", "{}", "null",
		"{\"sample_bytes\":1,\"samples\":1,\"lost\":0,\"modules\":{},\"frames\":[],\"sites\":[]}",
		"{\"sample_bytes\":1,\"samples\":1,\"lost\":0,\"modules\":[],\"frames\":3,\"sites\":[]}",
		"{\"sample_bytes\":1,\"samples\":1,\"lost\":0,\"modules\":[],\"frames\":[]}",
		"{\"sample_bytes\":-1,\"samples\":1,\"lost\":0,\"modules\":[],\"frames\":[],\"sites\":[]}",
		"{\"sample_bytes\":1,\"samples\":\"1\",\"lost\":0,\"modules\":[],\"frames\":[],\"sites\":[]}",
		"{\"sample_bytes\":1,\"samples\":1,\"lost\":0.5,\"modules\":[],\"frames\":[],\"sites\":[]}"};
	char dump[512];

	snprintf(dump, sizeof(dump), "%s,\"call_sites\":%s}", dump_head, members[_i]);
	refused(dump, FAILURE_DAMAGED, "the dump DUMP is corrupt: its call sites");
}
END_TEST

START_TEST(test_more_rows_than_there_can_be_are_refused)
{
	size_t room = 8 * BOX_SITES_MAX + 1024;
	char *dump = malloc(room), *at = dump;

	at += sprintf(at, "%s,\"call_sites\":{\"sample_bytes\":1,\"samples\":1,\"lost\":0,"
		"\"modules\":[],\"frames\":[],\"sites\":[", dump_head);
	for (int i = 0; i <= BOX_SITES_MAX; i++)
		at += sprintf(at, "%s1", i > 0 ? "," : "");
	strcpy(at, "]}}");
	refused(dump, FAILURE_DAMAGED, "the dump DUMP is corrupt: its call sites");
	free(dump);
}
END_TEST

START_TEST(test_a_wrong_frame_is_counted_and_is_nobody)   /* _i: of the list */
{
	static const char *const rows[] = {"[-1,0,0]", "[281474976710656,0,0]", "[1,2,0]",
		"[1,-2,0]", "[1,0,2]", "[1,0,3]", "[1,0,-2]", "[1,0]", "[1,0,0,0]", "[1.5,0,0]",
		"[\"1\",0,0]", "[1,null,0]", "3", "null", "{}", "[]", "[1,0,9223372036854775807]",
		"[1,9223372036854775807,0]", "[-9223372036854775808,0,0]"};
	char frames[128];

	snprintf(frames, sizeof(frames), "[4100,0,0],%s,[4300,0,2]", rows[_i]);
	ck_assert(read_rows(module_row, frames, site_row));
	ck_assert_uint_eq(sites.damaged_parts, 1);
	ck_assert_uint_eq(sites.frames[2].address, 0);
	ck_assert_uint_eq(sites.frames[2].module, SITES_NO_MODULE);
	ck_assert_uint_eq(sites.frames[2].caller, 0);
	ck_assert_uint_eq(sites.frames[3].caller, 2);
}
END_TEST

START_TEST(test_a_wrong_site_is_counted_and_left_out)   /* _i: of the list */
{
	static const char *const rows[] = {
		"{\"frame\":4,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"frame\":-1,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"frame\":2,\"live\":[1,2,3,4],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"frame\":2,\"live\":[1,2,3,4,-5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"frame\":2,\"live\":[1,2,3,4,1e300],\"total\":[6,7,8,9,10],\"peak\":[1,1,0,1,1]}",
		"{\"frame\":2,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,10]}",
		"{\"frame\":2,\"live\":3,\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"frame\":2,\"live\":[[],2,3,4,5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}",
		"{\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,10],\"peak\":[11,12,0,14,15]}", "7", "[]",
		"null"};
	char list[512];

	snprintf(list, sizeof(list), "%s,%s", rows[_i], site_row);
	ck_assert(read_rows(module_row, "[4100,0,0],[4200,1,1],[4300,0,2]", list));
	ck_assert_uint_eq(sites.damaged_parts, 1);
	ck_assert_uint_eq(sites.count, 1);
	ck_assert_uint_eq(sites.list[0].frame, 2);
	ck_assert_uint_eq(sites.list[0].live.samples, 1);
}
END_TEST

START_TEST(test_a_wrong_module_is_counted_and_keeps_its_number)   /* _i: of the list */
{
	static const char *const rows[] = {
		"{\"start\":-1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":\"\",\"path\":\"x\"}",
		"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":\"0\",\"path\":\"x\"}",
		"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":\"0g\",\"path\":\"x\"}",
		"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":5,\"path\":\"x\"}",
		"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"build_id\":\"\",\"path\":null}",
		"{\"start\":1,\"end\":2,\"bias\":0,\"gone\":\"no\",\"build_id\":\"\",\"path\":\"x\"}",
		"{\"start\":1}", "3", "[]"};

	ck_assert(read_rows(rows[_i], "[4100,1,0]", ""));
	ck_assert_uint_eq(sites.damaged_parts, 1);
	ck_assert_uint_eq(sites.module_count, 2);
	ck_assert_uint_eq(sites.frames[1].module, 1);
	ck_assert_uint_eq(sites.modules[1].end, 0);
	ck_assert_str_eq(sites.modules[1].path, "");
}
END_TEST

START_TEST(test_a_build_id_that_is_too_long_is_damage)
{
	char row[256];

	snprintf(row, sizeof(row), "{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"path\":\"x\","
		"\"build_id\":\"%0*d\"}", 2 * BOX_BUILD_ID_BYTES, 0);
	ck_assert(read_rows(row, "", ""));
	ck_assert_uint_eq(sites.damaged_parts, 0);
	snprintf(row, sizeof(row), "{\"start\":1,\"end\":2,\"bias\":0,\"gone\":0,\"path\":\"x\","
		"\"build_id\":\"%0*d\"}", 2 * BOX_BUILD_ID_BYTES + 2, 0);
	ck_assert(read_rows(row, "", ""));
	ck_assert_uint_eq(sites.damaged_parts, 1);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/sites_json", NULL, teardown);

	tcase_add_test(tests, test_what_the_library_writes_is_read);
	tcase_add_test(tests, test_frames_are_numbered_from_one);
	tcase_add_test(tests, test_tags_are_read);
	tcase_add_loop_test(tests, test_wrong_tags_are_counted, 0, 5);
	tcase_add_test(tests, test_a_dump_without_call_sites_says_so);
	tcase_add_loop_test(tests, test_what_is_no_table_is_refused, 0, 10);
	tcase_add_test(tests, test_more_rows_than_there_can_be_are_refused);
	tcase_add_loop_test(tests, test_a_wrong_frame_is_counted_and_is_nobody, 0, 19);
	tcase_add_loop_test(tests, test_a_wrong_site_is_counted_and_left_out, 0, 12);
	tcase_add_loop_test(tests, test_a_wrong_module_is_counted_and_keeps_its_number, 0, 9);
	tcase_add_test(tests, test_a_build_id_that_is_too_long_is_damage);
	return suite_end();
}
