/*
 * check_ledger.c - tools/ledger.c, tools/resident.c and tools/mappings.c: lines
 * that add up.
 *
 * Proves: each = is the sum of the signed lines above it, whatever the figures;
 * each mapping is counted once and in its place; what the books and the kernel
 * do not agree on is the remainder.
 */
#include "stats/fields.h"
#include "tools/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static struct books books;
static struct mappings mappings;
static struct resident resident;
static struct ledger ledger;

/* A heap at 0x10000000, its tables below, the box elsewhere, a thread's stack. */
static const char smaps[] =
	"0f000000-0f080000 rw-p 00000000 00:00 0 \n"
	"Size:                512 kB\nRss:                 128 kB\nSwap:                  0 kB\n"
	"VmFlags: rd wr mr mw me ac sd\n"
	"0f080000-10000000 ---p 00000000 00:00 0 \n"
	"Rss:                   0 kB\n"
	"10000000-10200000 rw-p 00000000 00:00 0 \n"
	"Rss:                1024 kB\nSwap:                 64 kB\n"
	"555555554000-555555556000 r-xp 00000000 fe:00 1234                       /usr/bin/a program\n"
	"Rss:                   8 kB\n"
	"555555556000-555555558000 rw-p 00002000 fe:00 1234                       /usr/bin/a program\n"
	"Rss:                   8 kB\n"
	"555555558000-55555555a000 rw-p 00000000 00:00 0 \n"
	"Rss:                   4 kB\n"
	"555555560000-555555580000 rw-p 00000000 00:00 0                          [heap]\n"
	"Rss:                  12 kB\n"
	"7f0000000000-7f0000800000 rw-p 00000000 00:00 0 \n"
	"Rss:                  16 kB\n"
	"7f0001000000-7f0001002000 rw-s 00000000 00:19 77                         /dev/shm/mstat-0/42-123.box (deleted)\n"
	"Rss:                  20 kB\n"
	"7f0001010000-7f0001012000 rw-s 00000000 00:01 78                         /memfd:x (deleted)\n"
	"Rss:                  24 kB\n"
	"7f0001020000-7f0001030000 rw-p 00000000 00:00 0                          [anon:arena]\n"
	"Rss:                  28 kB\nSwap:                  4 kB\n"
	"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
	"Rss:                  32 kB\n"
	"7ffffffff000-800000000000 r-xp 00000000 00:00 0                          [vdso]\n"
	"Rss:                   4 kB\n";

static void read_mappings(const char *text)
{
	char path[] = "/tmp/check_ledger.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	bool done = mappings_parse(path, &mappings);
	unlink(path);
	ck_assert(done);
}

static void setup(void)
{
	static struct books_thread thread = {.is_live = true, .stack_address = 0x7f00007ff000};
	struct mstat_snapshot *t = &books.totals;

	memset(&books, 0, sizeof(books));
	books.threads = &thread;
	books.thread_count = 1;
	books.heap_address = 0x10000000;
	books.heap_span_bytes = 2 * MIB;
	books.metadata_address = 0x0f000000;
	books.metadata_span_bytes = 0x1000000;
	t->alloc = 500 * KIB;
	t->magazine_bytes = 20 * KIB;
	t->span_free_bytes = 180 * KIB;
	t->heap_alloc = 520 * KIB;
	t->heap_inuse = 700 * KIB;
	t->heap_sys = 2 * MIB;
	t->heap_idle = t->heap_sys - t->heap_inuse;
	t->idle_kept_bytes = 300 * KIB;
	t->heap_released = 200 * KIB;
	t->never_used_bytes = t->heap_idle - t->idle_kept_bytes - t->heap_released;
	t->metadata_bytes = 512 * KIB;
	read_mappings(smaps);
	resident_sum(&mappings, &books, &resident);
}

static void teardown(void)
{
	mappings_free(&mappings);
}

static int64_t bytes_of(const char *key)
{
	for (size_t i = 0; i < ledger.count; i++)
		if (strcmp(ledger.lines[i].key, key) == 0)
			return ledger.lines[i].bytes;
	ck_abort_msg("no line %s", key);
}

static void expect_sums(void)
{
	uint64_t sum = 0;

	ck_assert_uint_le(ledger.count, LEDGER_LINES_MAX);
	for (size_t i = 0; i < ledger.count; i++) {
		const struct ledger_line *line = &ledger.lines[i];
		if (line->sign == '=')
			ck_assert_int_eq(line->bytes, (int64_t)sum);
		else if (line->sign == '-')
			sum -= (uint64_t)line->bytes;
		else if (line->sign != '.')
			sum += (uint64_t)line->bytes;
	}
}

START_TEST(test_each_mapping_is_counted_in_its_place)
{
	ck_assert_uint_eq(resident.heap_mapped_bytes, 2 * MIB + 512 * KIB);
	ck_assert_uint_eq(resident.heap_bytes, 1152 * KIB);
	ck_assert_uint_eq(resident.heap_swap_bytes, 64 * KIB);
	ck_assert_uint_eq(resident.program_bytes, (8 + 8 + 4 + 4) * KIB);
	ck_assert_uint_eq(resident.brk_bytes, 12 * KIB);
	ck_assert_uint_eq(resident.stack_bytes, (16 + 32) * KIB);
	ck_assert_uint_eq(resident.box_bytes, 20 * KIB);
	ck_assert_uint_eq(resident.shared_bytes, 24 * KIB);
	ck_assert_uint_eq(resident.anonymous_bytes, 28 * KIB);
	ck_assert_uint_eq(resident.swap_bytes, 68 * KIB);
	ck_assert_uint_eq(resident.rss_bytes, (1152 + 24 + 12 + 48 + 20 + 24 + 28) * KIB);
}
END_TEST

START_TEST(test_books_that_agree_leave_no_remainder)
{
	ledger_make(&ledger, &books, &resident);
	expect_sums();
	ck_assert_int_eq(bytes_of("heap_resident"), 1152 * KIB);
	ck_assert_int_eq(bytes_of("untouched"), (2560 - 1152 - 64 - 200) * KIB);
	ck_assert_int_eq(bytes_of("remainder"), 0);
	ck_assert_int_eq(bytes_of("rss"), (int64_t)resident.rss_bytes);
}
END_TEST

START_TEST(test_books_that_are_wrong_leave_their_error_as_the_remainder)
{
	books.totals.alloc += 40 * KIB;
	ledger_make(&ledger, &books, &resident);
	expect_sums();
	ck_assert_int_eq(bytes_of("remainder"), -40 * KIB);
	ck_assert_int_eq(bytes_of("rss"), (int64_t)resident.rss_bytes);
}
END_TEST

START_TEST(test_more_given_back_than_is_missing_is_a_remainder_too)
{
	books.totals.heap_released = 2 * MIB;
	ledger_make(&ledger, &books, &resident);
	expect_sums();
	ck_assert_int_eq(bytes_of("untouched"), 0);
	ck_assert_int_eq(bytes_of("remainder"), 2 * MIB - (2560 - 1152 - 64) * KIB);
}
END_TEST

START_TEST(test_the_books_alone_add_up_to_the_mapped_heap)
{
	ledger_make(&ledger, &books, NULL);
	expect_sums();
	ck_assert_int_eq(bytes_of("heap_mapped"), 2560 * KIB);
}
END_TEST

START_TEST(test_any_figures_add_up)   /* _i: another seed */
{
	random_start((uint64_t)_i);
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		stats_field_write(&books.totals, field, random_number());
	resident.heap_bytes = random_number();
	resident.rss_bytes = random_number();
	ledger_make(&ledger, &books, _i % 2 == 0 ? &resident : NULL);
	expect_sums();
}
END_TEST

START_TEST(test_a_removed_box_is_still_the_box)
{
	const struct mapping *box = mappings_find_box(&mappings);

	ck_assert_ptr_nonnull(box);
	ck_assert_uint_eq(box->inode, 77);
	ck_assert(mappings_have_file(&mappings, box->device, 77, "/elsewhere/42-123.box"));
	ck_assert(mappings_have_file(&mappings, 0, 77, "/elsewhere/42-123.box"));
	ck_assert(!mappings_have_file(&mappings, 0, 77, "/elsewhere/42-124.box"));
	ck_assert(!mappings_have_file(&mappings, box->device, 76, "/dev/shm/mstat-0/42-123.box"));
	ck_assert(mappings_have_name(&mappings, "a program"));
	ck_assert(!mappings_have_name(&mappings, "libmstat.so"));
}
END_TEST

START_TEST(test_a_process_without_memory_is_told_from_none)
{
	struct mappings none;

	ck_assert(!mappings_parse("/dev/null", &none));
	ck_assert_int_eq(errno, ESRCH);
	ck_assert(!mappings_parse("/nowhere", &none));
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(test_our_own_memory_adds_up)
{
	struct books none = {0};

	ck_assert(resident_read(getpid(), &none, &resident));
	uint64_t sum = resident.heap_bytes + resident.box_bytes + resident.program_bytes +
		resident.stack_bytes + resident.brk_bytes + resident.anonymous_bytes +
		resident.shared_bytes;
	/* A few pages come while we look. */
	ck_assert_uint_le(sum > resident.rss_bytes ? sum - resident.rss_bytes
						    : resident.rss_bytes - sum, MIB);
	ck_assert_uint_gt(resident.program_bytes, 0);
	ck_assert_uint_gt(resident.stack_bytes, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/ledger", setup, teardown);

	tcase_add_test(tests, test_each_mapping_is_counted_in_its_place);
	tcase_add_test(tests, test_books_that_agree_leave_no_remainder);
	tcase_add_test(tests, test_books_that_are_wrong_leave_their_error_as_the_remainder);
	tcase_add_test(tests, test_more_given_back_than_is_missing_is_a_remainder_too);
	tcase_add_test(tests, test_the_books_alone_add_up_to_the_mapped_heap);
	tcase_add_loop_test(tests, test_any_figures_add_up, 0, 20);
	tcase_add_test(tests, test_a_removed_box_is_still_the_box);
	tcase_add_test(tests, test_a_process_without_memory_is_told_from_none);
	tcase_add_test(tests, test_our_own_memory_adds_up);
	return suite_end();
}
