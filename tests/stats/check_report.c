/*
 * check_report.c - stats/report.c and stats/fields.c.
 *
 * Proves: both forms of a dump say each figure of their source under its name, and
 * the same; text ends in "end", JSON parses, whatever a program or a thread is
 * called; every total is in the list of fields.
 */
#include "stats/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/fields.h"
#include "tests/stats/source_made.h"
#include "tests/suite.h"

static char text[64 << 10];
static struct report_subject subject = {.pid = 4711, .start_ticks = 123456, .exe = "/bin/prog"};

typedef void report_fn(struct format *out, const struct source *source,
	const struct report_subject *about);

static void report(report_fn *write)
{
	struct format out;

	format_init(&out, text, sizeof(text), -1);
	write(&out, &source_made, &subject);
	format_terminate(&out);
	ck_assert(!out.failed);
}

/* What stands behind NAME in a line that begins with it. */
static uint64_t text_value(const char *name)
{
	char start[64];
	const char *line;

	snprintf(start, sizeof(start), "\n%s ", name);
	line = strstr(text, start);
	ck_assert_msg(line != NULL, "no line for %s", name);
	return strtoull(line + strlen(start), NULL, 10);
}

static uint64_t total(const struct stats_field *field)
{
	return *(const uint64_t *)((const char *)&made_snapshot + field->offset);
}

START_TEST(test_every_total_is_a_field)
{
	size_t at = offsetof(struct mstat_snapshot, alloc);

	for (const struct stats_field *field = stats_fields; field->name != NULL; field++) {
		if (at == offsetof(struct mstat_snapshot, by_size))
			at += sizeof(((struct mstat_snapshot *)NULL)->by_size);
		ck_assert_uint_eq(field->offset, at);
		at += sizeof(uint64_t);
	}
	ck_assert_uint_eq(at, offsetof(struct mstat_snapshot, by_fine_size));
}
END_TEST

START_TEST(test_text_begins_and_ends_as_its_readers_expect)
{
	report(report_text);
	ck_assert_int_eq(strncmp(text, "mstat dump 1\n", 13), 0);
	ck_assert_str_eq(text + strlen(text) - 5, "\nend\n");
	ck_assert_uint_eq(text_value("pid"), 4711);
	ck_assert_uint_eq(text_value("start_ticks"), 123456);
	ck_assert_ptr_nonnull(strstr(text, "\nexe /bin/prog\n"));
}
END_TEST

START_TEST(test_text_says_every_total)
{
	report(report_text);
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		ck_assert_uint_eq(text_value(field->name), total(field));
}
END_TEST

static int lines_that_begin(const char *start)
{
	int count = 0;

	for (const char *line = text; line != NULL; line = strchr(line, '\n'), line += line != NULL)
		count += strncmp(line, start, strlen(start)) == 0;
	return count;
}

START_TEST(test_text_has_a_line_a_row)
{
	char want[512];

	report(report_text);
	ck_assert_int_eq(lines_that_begin("class "), MADE_CLASSES - 1);
	ck_assert_int_eq(lines_that_begin("thread "), MADE_THREADS - 1);
	for (int i = 1; i < MADE_CLASSES; i++) {
		const struct source_class *row = &made_classes[i];
		snprintf(want, sizeof(want),
			"\nclass size_bytes %lu nmalloc %lu nfree %lu live_objects %lu "
			"magazine_objects %lu span_free_objects %lu span_count %lu span_bytes %lu "
			"sampled_objects %lu sampled_bytes %lu\n",
			row->object_bytes, row->nmalloc, row->nfree, row->live_objects,
			row->magazine_objects, row->span_free_objects, row->span_count,
			row->span_bytes, row->sampled_objects, row->sampled_bytes);
		ck_assert_msg(strstr(text, want) != NULL, "not there: %s", want);
	}
	for (int i = 0; i < MADE_THREADS; i++) {
		const struct mstat_thread_snapshot *figures = &made_threads[i].figures;
		snprintf(want, sizeof(want),
			"\nthread tid %d state %s alloc %ld total_alloc %lu nmalloc %lu nfree %lu "
			"magazine_bytes %lu name thread\n",
			1000 + i, i == 1 ? "ended" : "live", figures->alloc, figures->total_alloc,
			figures->nmalloc, figures->nfree, figures->magazine_bytes);
		ck_assert_int_eq(strstr(text, want) != NULL, i != 2);
	}
}
END_TEST

static json_t *json_parsed(void)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json != NULL, "%d:%d: %s", error.line, error.column, error.text);
	return json;
}

static int64_t json_value(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_integer(value), "no integer %s", name);
	return json_integer_value(value);
}

START_TEST(test_json_says_the_same)
{
	report(report_json);
	json_t *json = json_parsed();
	const json_t *totals = json_object_get(json, "totals");
	const json_t *classes = json_object_get(json, "classes");
	const json_t *threads = json_object_get(json, "threads");

	ck_assert_int_eq(json_value(json, "mstat_dump"), 1);
	ck_assert_int_eq(json_value(json, "pid"), 4711);
	ck_assert_int_eq(json_value(json, "start_ticks"), 123456);
	ck_assert_str_eq(json_string_value(json_object_get(json, "exe")), "/bin/prog");
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		ck_assert_int_eq(json_value(totals, field->name), (int64_t)total(field));
	ck_assert_uint_eq(json_array_size(classes), MADE_CLASSES - 1);
	for (size_t i = 1; i < MADE_CLASSES; i++) {
		const json_t *row = json_array_get(classes, i - 1);
		ck_assert_int_eq(json_value(row, "size_bytes"), (int64_t)made_classes[i].object_bytes);
		ck_assert_int_eq(json_value(row, "sampled_bytes"), (int64_t)made_classes[i].sampled_bytes);
		ck_assert_uint_eq(json_object_size(row), 10);
	}
	ck_assert_uint_eq(json_array_size(threads), MADE_THREADS - 1);
	const json_t *row = json_array_get(threads, 1);
	ck_assert_int_eq(json_value(row, "tid"), 1001);
	ck_assert_int_eq(json_value(row, "alloc"), made_threads[1].figures.alloc);
	ck_assert_str_eq(json_string_value(json_object_get(row, "state")), "ended");
	json_decref(json);
}
END_TEST

static const char *const hostile[] = {"", "\"}],", "back\\slash", "new\nline\nend\n", "\x01\x02\x7f",
	"\xff\xfe", "\xc3\xa4\xf0\x9f\x98\x80", "%s%n", "cut \xe2\x82"};

START_TEST(test_names_break_neither_form)                 /* _i: every hostile name */
{
	subject.exe = hostile[_i];
	strncpy(made_threads[0].name, hostile[_i], sizeof(made_threads[0].name) - 1);
	report(report_text);
	ck_assert_int_eq(lines_that_begin("end\n"), 1);
	ck_assert_int_eq(lines_that_begin("thread "), MADE_THREADS - 1);
	report(report_json);
	json_decref(json_parsed());
}
END_TEST

/* The kernel's 15 bytes, and no terminator to rely on. */
START_TEST(test_a_thread_name_without_an_end_is_no_harm)
{
	memset(made_threads[0].name, 'n', sizeof(made_threads[0].name));
	report(report_json);
	json_t *json = json_parsed();
	const json_t *row = json_array_get(json_object_get(json, "threads"), 0);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(row, "name"))),
		sizeof(made_threads[0].name));
	json_decref(json);
}
END_TEST

START_TEST(test_the_summary_is_aligned_and_adds_up)
{
	char number[32];

	report(report_summary);
	ck_assert_ptr_nonnull(strstr(text, "mstat: /bin/prog (pid 4711) at exit\n"));
	snprintf(number, sizeof(number), " %lu bytes\n", made_snapshot.heap_sys);
	ck_assert_ptr_nonnull(strstr(text, number));
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		ck_assert_int_eq(strncmp(line, "mstat: ", 7), 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("stats/report", source_make, NULL);

	tcase_add_test(tests, test_every_total_is_a_field);
	tcase_add_test(tests, test_text_begins_and_ends_as_its_readers_expect);
	tcase_add_test(tests, test_text_says_every_total);
	tcase_add_test(tests, test_text_has_a_line_a_row);
	tcase_add_test(tests, test_json_says_the_same);
	tcase_add_loop_test(tests, test_names_break_neither_form, 0,
		(int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_test(tests, test_a_thread_name_without_an_end_is_no_harm);
	tcase_add_test(tests, test_the_summary_is_aligned_and_adds_up);
	return suite_end();
}
