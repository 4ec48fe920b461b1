/*
 * check_dump.c - stats/dump.c.
 *
 * Proves: patterns expand, and what does not fit is refused; a dump overwrites no
 * link, pipe, folder or device; one dump runs at a time and none that was asked
 * for is lost; what came of it stands in the box.
 */
#include "stats/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stats/box.h"
#include "tests/stats/box_file.h"
#include "tests/stats/source_made.h"
#include "tests/suite.h"

static char path[PATH_MAX];
static char text[64 << 10];

static void begin(void)
{
	box_dir_make();
	box_identify(0, NULL);
	source_make();
}

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", box_dir, name);
	return path;
}

static const char *read_back(const char *name)
{
	FILE *file = fopen(name, "r");

	ck_assert_msg(file != NULL, "no %s", name);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

START_TEST(test_patterns_expand)
{
	char got[256], want[256];

	ck_assert(dump_expand(got, sizeof(got), "/a/%p-%e-%t-%n.%%p", 7, 1234567890));
	snprintf(want, sizeof(want), "/a/%d-check_dump-1234567890-7.%%p", getpid());
	ck_assert_str_eq(got, want);
	ck_assert(dump_expand(got, sizeof(got), "plain", 0, 0));
	ck_assert_str_eq(got, "plain");
	ck_assert(dump_expand(got, sizeof(got), "%x%", 0, 0)); /* what is no pattern stays */
	ck_assert_str_eq(got, "%x%");
	ck_assert(dump_expand(got, sizeof(got), "%%%n%%%", 1, 0));
	ck_assert_str_eq(got, "%1%%");
}
END_TEST

START_TEST(test_what_does_not_fit_is_refused)
{
	char got[8];

	ck_assert(dump_expand(got, sizeof(got), "1234567", 0, 0));
	ck_assert(!dump_expand(got, sizeof(got), "12345678", 0, 0));
	ck_assert(!dump_expand(got, sizeof(got), "123456%t", 0, 12));
}
END_TEST

START_TEST(test_a_file_of_ours_is_overwritten)
{
	struct stat status;
	FILE *file = fopen(in_dir("old"), "w");

	fputs("something old", file);
	fclose(file);
	int fd = dump_open(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
}
END_TEST

START_TEST(test_a_new_file_is_ours_alone)
{
	struct stat status;

	umask(0);
	int fd = dump_open(in_dir("new"));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	close(fd);
}
END_TEST

static void refused(int error)
{
	errno = 0;
	ck_assert_int_eq(dump_open(path), -1);
	ck_assert_int_eq(errno, error);
}

START_TEST(test_a_link_is_refused_and_its_target_untouched)
{
	char target[PATH_MAX];
	struct stat status;

	strcpy(target, in_dir("target"));
	FILE *file = fopen(target, "w");
	fputs("precious", file);
	fclose(file);
	ck_assert_int_eq(symlink(target, in_dir("link")), 0);
	refused(ELOOP);
	ck_assert_int_eq(stat(target, &status), 0);
	ck_assert_int_eq(status.st_size, 8);
}
END_TEST

START_TEST(test_a_pipe_is_refused_whether_somebody_reads_or_not)
{
	ck_assert_int_eq(mkfifo(in_dir("pipe"), 0600), 0);
	refused(ENXIO);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(reader, 0);
	refused(EPERM);
	close(reader);
}
END_TEST

START_TEST(test_folders_and_devices_are_refused)
{
	ck_assert_int_eq(mkdir(in_dir("folder"), 0700), 0);
	refused(EISDIR);
	strcpy(path, "/dev/null");
	refused(EPERM);
	in_dir("no/such/folder");
	refused(ENOENT);
	path[0] = '\0';
	refused(ENOENT);
}
END_TEST

START_TEST(test_a_limit_of_file_size_is_a_refusal_and_no_signal)
{
	struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};

	setrlimit(RLIMIT_FSIZE, &limit);
	in_dir("dump");
	refused(EFBIG);
}
END_TEST

START_TEST(test_one_dump_runs_at_a_time_and_the_next_is_remembered)
{
	ck_assert(dump_begin());
	ck_assert(!dump_begin());
	ck_assert(!dump_begin()); /* two that came meanwhile are one more */
	ck_assert(!dump_end());
	ck_assert(dump_end());
	ck_assert(dump_begin());
	ck_assert(dump_end());
	ck_assert(dump_try());
	ck_assert(!dump_try()); /* whoever asks for his own gets none, and nobody another */
	ck_assert(dump_end());
}
END_TEST

START_TEST(test_a_child_forgets_its_parents_dump)
{
	ck_assert(dump_begin());
	dump_forget();
	ck_assert(dump_begin());
	ck_assert(dump_end());
}
END_TEST

static int dumps, inside, overlaps;

static void *ask(void *argument)
{
	for (int i = 0; i < 20000; i++) {
		if (!dump_begin())
			continue;
		do {
			overlaps += __atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED) != 0;
			__atomic_fetch_add(&dumps, 1, __ATOMIC_RELAXED);
			__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED);
		} while (!dump_end());
	}
	return argument;
}

START_TEST(test_dumps_never_overlap)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(overlaps, 0);
	ck_assert_int_gt(dumps, 0);
	ck_assert(dump_begin()); /* the last one out left it free */
}
END_TEST

START_TEST(test_a_dump_goes_where_it_is_told_and_says_so)
{
	struct dump_settings settings = {.path = in_dir("dump-%n"), .json = false};
	struct box_file file;
	char want[PATH_MAX + 64], notice[PATH_MAX + 64] = "";
	int ends[2];

	box_make();
	ck_assert_int_eq(pipe(ends), 0);
	dump_write(&source_made, &settings, 99, ends[1]);
	snprintf(want, sizeof(want), "libmstat: dump written to %s/dump-1\n", box_dir);
	ck_assert_int_gt(read(ends[0], notice, sizeof(notice) - 1), 0);
	ck_assert_str_eq(notice, want);
	ck_assert_ptr_nonnull(strstr(read_back(in_dir("dump-1")), "\nend\n"));

	box_file_open(&file, box_path());
	const struct box_dump *dump = box_file_payload(&file, BOX_SECTION_DUMP, 0);
	ck_assert_uint_eq(dump->dump_count, 1);
	ck_assert_uint_eq(dump->request, 99);
	ck_assert_int_eq(dump->error, 0);
	ck_assert_str_eq(dump->path, path);
	ck_assert_uint_gt(dump->realtime_ns, 0);
}
END_TEST

START_TEST(test_a_dump_without_a_place_goes_beside_the_box)
{
	struct dump_settings settings = {.path = "", .json = true};

	box_make();
	dump_write(&source_made, &settings, 0, -1);
	snprintf(path, sizeof(path), "%s/%d-1.json", box_folder(), getpid());
	ck_assert_int_eq(read_back(path)[0], '{');
}
END_TEST

START_TEST(test_a_dump_that_fails_says_why)
{
	struct dump_settings settings = {.path = in_dir("no/folder"), .json = false};
	char notice[PATH_MAX + 64] = "";
	struct box_file file;
	int ends[2];

	box_make();
	ck_assert_int_eq(pipe(ends), 0);
	dump_write(&source_made, &settings, 5, ends[1]);
	ck_assert_int_gt(read(ends[0], notice, sizeof(notice) - 1), 0);
	ck_assert_ptr_nonnull(strstr(notice, "libmstat: no dump in "));
	ck_assert_ptr_nonnull(strstr(notice, "ENOENT"));
	box_file_open(&file, box_path());
	const struct box_dump *dump = box_file_payload(&file, BOX_SECTION_DUMP, 0);
	ck_assert_int_eq(dump->error, ENOENT);
	ck_assert_uint_eq(dump->dump_count, 1);
}
END_TEST

START_TEST(test_a_full_disk_is_said)
{
	int error = 0, fd = open("/dev/full", O_WRONLY);

	ck_assert(!dump_write_fd(&source_made, fd, false, &error));
	ck_assert_int_eq(error, ENOSPC);
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("stats/dump", begin, box_dir_remove);

	tcase_add_test(tests, test_patterns_expand);
	tcase_add_test(tests, test_what_does_not_fit_is_refused);
	tcase_add_test(tests, test_a_file_of_ours_is_overwritten);
	tcase_add_test(tests, test_a_new_file_is_ours_alone);
	tcase_add_test(tests, test_a_link_is_refused_and_its_target_untouched);
	tcase_add_test(tests, test_a_pipe_is_refused_whether_somebody_reads_or_not);
	tcase_add_test(tests, test_folders_and_devices_are_refused);
	tcase_add_test(tests, test_a_limit_of_file_size_is_a_refusal_and_no_signal);
	tcase_add_test(tests, test_one_dump_runs_at_a_time_and_the_next_is_remembered);
	tcase_add_test(tests, test_a_child_forgets_its_parents_dump);
	tcase_add_test(tests, test_dumps_never_overlap);
	tcase_add_test(tests, test_a_dump_goes_where_it_is_told_and_says_so);
	tcase_add_test(tests, test_a_dump_without_a_place_goes_beside_the_box);
	tcase_add_test(tests, test_a_dump_that_fails_says_why);
	tcase_add_test(tests, test_a_full_disk_is_said);
	return suite_end();
}
