/*
 * check_format.c - base/format.c.
 *
 * Proves: numbers at their edges; nothing is lost through a small buffer, and what
 * does not fit is cut and said so; JSON stays JSON whatever bytes a name holds.
 */
#include "base/format.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/suite.h"

static char buffer[4096];
static struct format out;

static void begin(void)
{
	format_init(&out, buffer, sizeof(buffer), -1);
}

static const char *text(void)
{
	format_terminate(&out);
	return buffer;
}

START_TEST(test_numbers_at_their_edges)
{
	format_unsigned(&out, 0);
	format_char(&out, ' ');
	format_unsigned(&out, UINT64_MAX);
	format_char(&out, ' ');
	format_signed(&out, INT64_MIN);
	format_char(&out, ' ');
	format_signed(&out, INT64_MAX);
	format_char(&out, ' ');
	format_signed(&out, -1);
	format_char(&out, ' ');
	format_hex(&out, 0);
	format_char(&out, ' ');
	format_hex(&out, UINT64_MAX);
	ck_assert_str_eq(text(), "0 18446744073709551615 -9223372036854775808 "
		"9223372036854775807 -1 0x0 0xffffffffffffffff");
}
END_TEST

START_TEST(test_any_number_is_as_printf_writes_it)
{
	char want[64];

	for (int i = 0; i < 2000; i++) {
		uint64_t value = random_number() >> random_below(64);
		begin();
		format_unsigned(&out, value);
		format_signed(&out, (int64_t)value);
		format_hex(&out, value);
		snprintf(want, sizeof(want), "%lu%ld0x%lx", value, (int64_t)value, value);
		if (strcmp(text(), want) != 0)
			ck_abort_msg("%s, not %s", buffer, want);
	}
}
END_TEST

START_TEST(test_what_does_not_fit_is_cut_and_said_so)     /* _i: room in bytes */
{
	char small[12];

	memset(small, '#', sizeof(small));
	format_init(&out, small, (size_t)_i, -1);
	format_text(&out, "1234567");
	ck_assert_int_eq(out.failed, _i < 7);
	format_terminate(&out);
	ck_assert_int_eq(out.failed, _i < 8);
	ck_assert_uint_eq(strlen(small), _i < 8 ? (size_t)_i - 1 : 7);
	ck_assert_int_eq(strncmp(small, "1234567", strlen(small)), 0);
	for (size_t i = (size_t)_i; i < sizeof(small); i++)
		ck_assert_int_eq(small[i], '#');
}
END_TEST

START_TEST(test_nothing_is_lost_through_a_small_buffer)
{
	char small[7], want[8000], got[8000];
	size_t bytes = 0;
	int fd = memfd_create("format", 0);

	ck_assert_int_ge(fd, 0);
	format_init(&out, small, sizeof(small), fd);
	for (uint64_t i = 0; i < 1000; i++) {
		format_unsigned(&out, i * i);
		format_char(&out, '\n');
		bytes += (size_t)sprintf(want + bytes, "%lu\n", i * i);
	}
	ck_assert(format_flush(&out));
	ck_assert_int_eq(pread(fd, got, sizeof(got), 0), (ssize_t)bytes);
	ck_assert_mem_eq(got, want, bytes);
	close(fd);
}
END_TEST

START_TEST(test_a_write_that_fails_is_remembered)
{
	char small[7];
	int fd = open("/dev/full", O_WRONLY);

	ck_assert_int_ge(fd, 0);
	format_init(&out, small, sizeof(small), fd);
	format_text(&out, "more than fits");
	ck_assert(!format_flush(&out));
	ck_assert_int_eq(out.error, ENOSPC);
	ck_assert(out.failed);
	close(fd);
}
END_TEST

/* The string as jansson reads it back. */
static const char *parsed(void)
{
	static char value[1024];
	json_error_t error;
	json_t *json = json_loads(text(), JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	ck_assert_msg(json != NULL, "%s: %s", buffer, error.text);
	ck_assert(json_is_string(json));
	snprintf(value, sizeof(value), "%s", json_string_value(json));
	json_decref(json);
	return value;
}

START_TEST(test_json_gives_back_what_is_utf8)
{
	static const char *const texts[] = {"", "plain", "a \"quoted\" \\ one", "tab\tline\nbell\a\x1f",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\x7f", "\xef\xbf\xbf\xf4\x8f\xbf\xbf"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin();
		format_json_string(&out, texts[i], 100);
		ck_assert_str_eq(parsed(), texts[i]);
	}
}
END_TEST

START_TEST(test_json_replaces_what_is_not)
{
	static const char *const texts[] = {"\xff", "\x80", "\xc3", "\xc0\xaf", "\xe2\x82",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe0\x80\xaf", "a\xf0\x9f\x98"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin();
		format_json_string(&out, texts[i], 100);
		ck_assert_ptr_nonnull(strstr(parsed(), "\xef\xbf\xbd"));
	}
}
END_TEST

START_TEST(test_json_is_valid_whatever_the_bytes)
{
	char bytes[64];

	for (int i = 0; i < 5000; i++) {
		for (size_t at = 0; at < sizeof(bytes); at++)
			bytes[at] = (char)random_number();
		begin();
		format_json_string(&out, bytes, random_below(sizeof(bytes) + 1));
		ck_assert(!out.failed);
		json_t *json = json_loads(text(), JSON_DECODE_ANY, NULL);
		if (json == NULL)
			ck_abort_msg("not JSON: %s", buffer);
		json_decref(json);
	}
}
END_TEST

START_TEST(test_json_reads_no_byte_too_many)
{
	/* The last byte of a page, nothing behind it. */
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	pages[4093] = 'a';
	pages[4094] = 'b';
	pages[4095] = (char)0xe2;
	format_json_string(&out, pages + 4093, 3);
	ck_assert_str_eq(parsed(), "ab\xef\xbf\xbd");
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/format", begin, NULL);

	tcase_add_test(tests, test_numbers_at_their_edges);
	tcase_add_test(tests, test_any_number_is_as_printf_writes_it);
	tcase_add_loop_test(tests, test_what_does_not_fit_is_cut_and_said_so, 1, 12);
	tcase_add_test(tests, test_nothing_is_lost_through_a_small_buffer);
	tcase_add_test(tests, test_a_write_that_fails_is_remembered);
	tcase_add_test(tests, test_json_gives_back_what_is_utf8);
	tcase_add_test(tests, test_json_replaces_what_is_not);
	tcase_add_test(tests, test_json_is_valid_whatever_the_bytes);
	tcase_add_test(tests, test_json_reads_no_byte_too_many);
	return suite_end();
}
