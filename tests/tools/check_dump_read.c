/*
 * check_dump_read.c - tools/dump_read.c and both forms of a dump.
 *
 * Proves: text and JSON give the same books; a dump that was cut anywhere is
 * refused; unknown names are skipped, nonsense is refused with its line; names
 * in any encoding pass.
 */
#include "tools/dump_read.h"

#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static const char text_dump[] =
	"mstat dump 1\n"
	"version 0.1.0\n"
	"pid 4711\n"
	"start_ticks 123456\n"
	"exe /usr/bin/a program\n"
	"realtime_ns 1767229200000000000\n"
	"alloc 4096\n"
	"nmalloc 9\n"
	"of_a_later_version 5\n"
	"heap_objects 23\n"
	"class size_bytes 16 nmalloc 5 nfree 2 live_objects 3 magazine_objects 7 "
	"span_free_objects 2038 span_count 1 span_bytes 32768 sampled_objects 2 sampled_bytes 20\n"
	"class size_bytes 32 nmalloc 4 nfree 0 live_objects 4 magazine_objects 8 "
	"span_free_objects 1012 span_count 1 span_bytes 32768 sampled_objects 0 sampled_bytes 0 new 1\n"
	"thread tid 4711 state live alloc 176 total_alloc 208 nmalloc 9 nfree 2 "
	"magazine_bytes 368 name main thread\n"
	"thread tid 4712 state ended alloc -16 total_alloc 0 nmalloc 0 nfree 1 "
	"magazine_bytes 0 name \n"
	"end\n";

static const char json_dump[] =
	"{\"mstat_dump\":1,\"version\":\"0.1.0\",\"pid\":4711,\"start_ticks\":123456,"
	"\"exe\":\"/usr/bin/a program\",\"realtime_ns\":1767229200000000000,\n"
	"\"totals\":{\"alloc\":4096,\"nmalloc\":9,\"of_a_later_version\":5,\"heap_objects\":23},\n"
	"\"classes\":[\n"
	"{\"size_bytes\":16,\"nmalloc\":5,\"nfree\":2,\"live_objects\":3,\"magazine_objects\":7,"
	"\"span_free_objects\":2038,\"span_count\":1,\"span_bytes\":32768,\"sampled_objects\":2,"
	"\"sampled_bytes\":20},\n"
	"{\"size_bytes\":32,\"nmalloc\":4,\"nfree\":0,\"live_objects\":4,\"magazine_objects\":8,"
	"\"span_free_objects\":1012,\"span_count\":1,\"span_bytes\":32768,\"sampled_objects\":0,"
	"\"sampled_bytes\":0}],\n"
	"\"threads\":[\n"
	"{\"tid\":4711,\"alloc\":176,\"total_alloc\":208,\"nmalloc\":9,\"nfree\":2,"
	"\"magazine_bytes\":368,\"state\":\"live\",\"name\":\"main thread\"},\n"
	"{\"tid\":4712,\"alloc\":-16,\"total_alloc\":0,\"nmalloc\":0,\"nfree\":1,"
	"\"magazine_bytes\":0,\"state\":\"ended\",\"name\":\"\"}]}\n";

static struct books books;
static struct failure failure;

static void teardown(void)
{
	books_free(&books);
}

static bool read_bytes(const char *dump, size_t count)
{
	char *copy = malloc(count + 1);

	memcpy(copy, dump, count);
	copy[count] = '\0';
	failure = (struct failure){0};
	books_free(&books);
	bool done = dump_read(&books, NULL, copy, count, "DUMP", &failure);
	free(copy);
	return done;
}

static bool read_dump(const char *dump)
{
	return read_bytes(dump, strlen(dump));
}

static void refused(const char *dump, const char *sentence)
{
	ck_assert(!read_dump(dump));
	ck_assert_int_eq(failure.status, FAILURE_DAMAGED);
	ck_assert_str_eq(failure.text, sentence);
}

START_TEST(test_both_forms_give_the_same_books)   /* _i: text, JSON */
{
	ck_assert(read_dump(_i == 0 ? text_dump : json_dump));
	ck_assert_str_eq(books.version, "0.1.0");
	ck_assert_str_eq(books.exe, "/usr/bin/a program");
	ck_assert_int_eq(books.pid, 4711);
	ck_assert_uint_eq(books.start_ticks, 123456);
	ck_assert_uint_eq(books.realtime_ns, UINT64_C(1767229200000000000));
	ck_assert_uint_eq(books.totals.alloc, 4096);
	ck_assert_uint_eq(books.totals.nmalloc, 9);
	ck_assert_uint_eq(books.class_count, 3);
	ck_assert_uint_eq(books.classes[1].size_bytes, 16);
	ck_assert_uint_eq(books.classes[1].sampled_bytes, 20);
	ck_assert_uint_eq(books.classes[2].magazine_objects, 8);
	ck_assert_uint_eq(books.large_objects, 23 - 3 - 7 - 4 - 8);
	ck_assert_uint_eq(books.thread_count, 2);
	ck_assert_str_eq(books.threads[0].name, "main thread");
	ck_assert(books.threads[0].is_live && books.threads[0].has_magazines);
	ck_assert_uint_eq(books.threads[0].magazine_bytes, 368);
	ck_assert_int_eq(books.threads[1].alloc, -16);
	ck_assert(!books.threads[1].is_live);
}
END_TEST

START_TEST(test_a_dump_that_was_cut_anywhere_is_refused)   /* _i: text, JSON */
{
	const char *dump = _i == 0 ? text_dump : json_dump;

	/* Without its last line break it is whole. */
	for (size_t count = 0; count + 1 < strlen(dump); count++) {
		ck_assert_msg(!read_bytes(dump, count), "%zu bytes", count);
		ck_assert_int_eq(failure.status, FAILURE_DAMAGED);
	}
	read_bytes(dump, strlen(dump) / 2);
	ck_assert_ptr_nonnull(strstr(failure.text, "the dump DUMP is truncated"));
}
END_TEST

START_TEST(test_another_version_is_named)
{
	refused("mstat dump 2\nend\n",
		"the dump DUMP has format version 2, this mstat reads version 1");
	refused("{\"mstat_dump\":3}",
		"the dump DUMP has format version 3, this mstat reads version 1");
}
END_TEST

START_TEST(test_a_line_of_nonsense_is_named)
{
	refused("mstat dump 1\npid x\nend\n", "the dump DUMP is corrupt: line 2");
	refused("mstat dump 1\npid 1\n\nend\n", "the dump DUMP is corrupt: line 3");
	refused("mstat dump 1\nalloc 99999999999999999999\nend\n",
		"the dump DUMP is corrupt: line 2");
	refused("mstat dump 1\nclass size_bytes\nend\n", "the dump DUMP is corrupt: line 2");
	refused("mstat dump 1\nthread tid 1 alloc\nend\n", "the dump DUMP is corrupt: line 2");
	refused("mstat dump 1\nalloc +5\nend\n", "the dump DUMP is corrupt: line 2");
}
END_TEST

START_TEST(test_json_of_something_else_is_refused)
{
	refused("{\"a\":1}", "DUMP is JSON, but no dump: it has no \"mstat_dump\"");
	refused("{\"mstat_dump\":1}", "the dump DUMP is corrupt: its totals, classes or threads");
	refused("{\"mstat_dump\":1,\"totals\":{},\"classes\":{},\"threads\":[]}",
		"the dump DUMP is corrupt: its totals, classes or threads");
	refused("{\"mstat_dump\":1,\"totals\":{},\"classes\":[3],\"threads\":[]}",
		"the dump DUMP is corrupt: its totals, classes or threads");
	ck_assert(!read_dump("{,}"));
}
END_TEST

START_TEST(test_more_classes_than_there_can_be_are_refused)
{
	char dump[8192] = "mstat dump 1\n";

	for (int i = 0; i < BOX_CLASSES_MAX; i++)
		strcat(dump, "class size_bytes 16\n");
	strcat(dump, "end\n");
	ck_assert(!read_dump(dump));
	ck_assert_str_eq(failure.text, "the dump DUMP is corrupt: line 113");
}
END_TEST

START_TEST(test_names_in_any_encoding_pass)
{
	ck_assert(read_dump("mstat dump 1\nexe /opt/caf\351\033[0m\nend\n"));
	ck_assert_str_eq(books.exe, "/opt/caf??[0m");
	ck_assert(read_dump("{\"mstat_dump\":1,\"exe\":\"/opt/caf\351\",\"totals\":{},"
			    "\"classes\":[],\"threads\":[]}"));
	ck_assert_str_eq(books.exe, "/opt/caf?");
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/dump_read", NULL, teardown);

	tcase_add_loop_test(tests, test_both_forms_give_the_same_books, 0, 2);
	tcase_add_loop_test(tests, test_a_dump_that_was_cut_anywhere_is_refused, 0, 2);
	tcase_add_test(tests, test_another_version_is_named);
	tcase_add_test(tests, test_a_line_of_nonsense_is_named);
	tcase_add_test(tests, test_json_of_something_else_is_refused);
	tcase_add_test(tests, test_more_classes_than_there_can_be_are_refused);
	tcase_add_test(tests, test_names_in_any_encoding_pass);
	return suite_end();
}
