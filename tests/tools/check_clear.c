/*
 * check_clear.c - tools/clear.c and tools/boxes.c: which files may go.
 *
 * Proves: only a dead process's box is due, at once if all are asked for, else
 * after seven days; only names that libmstat gives are looked at; a file that
 * took a removed one's name stays.
 */
#include "tools/clear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/box_name.h"

static const time_t now = 1800000000;

static bool is_due(enum box_life life, time_t age, bool all)
{
	struct box_entry entry = {.life = life, .touched = now - age,
		.path = (char[]){"/dev/shm/mstat-0/1-2.box"}};

	return clear_is_due(&entry, all, now);
}

START_TEST(test_only_what_is_dead_is_ever_due)
{
	for (int all = 0; all < 2; all++) {
		ck_assert(!is_due(LIFE_LIVE, 400 * 86400, all));
		ck_assert(!is_due(LIFE_UNSEEN, 400 * 86400, all));
		ck_assert(is_due(LIFE_ENDED, 8 * 86400, all));
		ck_assert(is_due(LIFE_EXECUTED, 8 * 86400, all));
	}
}
END_TEST

START_TEST(test_seven_days_are_kept_unless_all_are_to_go)
{
	ck_assert(!is_due(LIFE_ENDED, 6 * 86400, false));
	ck_assert(is_due(LIFE_ENDED, 6 * 86400, true));
	ck_assert(!is_due(LIFE_ENDED, -86400, false)); /* a clock that was set back */
}
END_TEST

START_TEST(test_what_another_mount_namespace_has_is_its_own_affair)
{
	struct box_entry entry = {.life = LIFE_ENDED,
		.path = (char[]){"/proc/7/root/dev/shm/mstat-0/1-2.box"}};

	ck_assert(!clear_is_due(&entry, true, now));
}
END_TEST

START_TEST(test_names_are_numbers_of_a_process)
{
	static const char *const right[] = {"4711.box", "4711-123456.box"};
	static const char *const wrong[] = {"", "1-2", "-1.box", "0.box", "1-.box", "-1-2.box",
		"0-2.box", "1-2.box.bak", "1.box ", "x1-2.box", "1-2.dump", ".box", "1-2-3.box"};
	int64_t pid;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		ck_assert(box_name_parse(right[i], &pid));
		ck_assert_int_eq(pid, 4711);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!box_name_parse(wrong[i], &pid), "%s", wrong[i]);
}
END_TEST

START_TEST(test_a_file_that_took_the_name_since_stays)
{
	char path[] = "/tmp/check_clear.XXXXXX";
	struct stat status;
	struct boxes boxes = {.list = calloc(1, sizeof(struct box_entry)), .count = 1};

	close(mkstemp(path));
	ck_assert_int_eq(stat(path, &status), 0);
	boxes.list[0] = (struct box_entry){.path = strdup(path), .life = LIFE_ENDED,
		.device = status.st_dev, .inode = status.st_ino + 1};
	ck_assert_uint_eq(clear_boxes(&boxes, true), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_uint_eq(boxes.count, 1);
	boxes.list[0].inode = status.st_ino;
	ck_assert_uint_eq(clear_boxes(&boxes, true), 1);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_uint_eq(boxes.count, 0);
	boxes_free(&boxes);
}
END_TEST

START_TEST(test_old_dumps_go_and_other_files_stay)
{
	static const char *const names[] = {"999999999-1.dump", "999999999-2.json", "notes.dump",
		"1-1.dump.gz"};
	char folder[] = "/tmp/check_clear.XXXXXX", path[64];
	struct places places = {0};

	ck_assert_ptr_nonnull(mkdtemp(folder));
	places.folders = (char *[]){folder};
	places.count = 1;
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		fclose(fopen(path, "w"));
	}
	ck_assert_uint_eq(clear_dumps(&places, false, NULL, 0), 0); /* they are new */
	ck_assert_uint_le(clear_dumps(&places, true, NULL, 0), 2);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (i >= 2)
			ck_assert_int_eq(access(path, F_OK), 0);
		unlink(path);
	}
	rmdir(folder);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/clear", NULL, NULL);

	tcase_add_test(tests, test_only_what_is_dead_is_ever_due);
	tcase_add_test(tests, test_seven_days_are_kept_unless_all_are_to_go);
	tcase_add_test(tests, test_what_another_mount_namespace_has_is_its_own_affair);
	tcase_add_test(tests, test_names_are_numbers_of_a_process);
	tcase_add_test(tests, test_a_file_that_took_the_name_since_stays);
	tcase_add_test(tests, test_old_dumps_go_and_other_files_stay);
	return suite_end();
}
