/*
 * check_cgroup.c - tools/cgroup.c: the tightest limit above a process.
 *
 * Proves: the least limit among a group and those above it is found, in both
 * versions' files; "max", a huge number and no file are no limit; who was killed since is
 * told of the same group alone.
 */
#include "tools/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"

static char top[] = "/tmp/check_cgroup.XXXXXX";
static char inner[64];
static struct cgroup_memory memory;

static void put(const char *folder, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(inner, sizeof(inner), "%s/inner", top);
	ck_assert_int_eq(mkdir(inner, 0700), 0);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_the_tightest_of_the_groups_above_counts)
{
	put(inner, "memory.max", "2000000\n");
	put(inner, "memory.current", "5\n");
	put(top, "memory.max", "1000000\n");
	put(top, "memory.current", "700000\n");
	ck_assert(cgroup_tightest(top, inner, true, &memory));
	ck_assert_uint_eq(memory.limit_bytes, 1000000);
	ck_assert_uint_eq(memory.used_bytes, 700000);
	ck_assert_str_eq(memory.path, top);
}
END_TEST

START_TEST(test_max_is_no_limit)
{
	put(inner, "memory.max", "max\n");
	ck_assert(!cgroup_tightest(top, inner, true, &memory));
	put(top, "memory.max", "3000000\n");
	ck_assert(cgroup_tightest(top, inner, true, &memory));
	ck_assert_uint_eq(memory.limit_bytes, 3000000);
}
END_TEST

START_TEST(test_a_huge_number_is_no_limit_in_version_1)
{
	put(inner, "memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert(!cgroup_tightest(top, inner, false, &memory));
	put(inner, "memory.limit_in_bytes", "4194304\n");
	put(inner, "memory.usage_in_bytes", "4096\n");
	ck_assert(cgroup_tightest(top, inner, false, &memory));
	ck_assert_uint_eq(memory.limit_bytes, 4194304);
	ck_assert_uint_eq(memory.used_bytes, 4096);
}
END_TEST

START_TEST(test_nothing_above_the_mount_is_looked_at)
{
	put(top, "memory.max", "1000\n");
	ck_assert(!cgroup_tightest(inner, inner, true, &memory));
}
END_TEST

static struct box_cgroup box_of(const char *folder, uint64_t flags, uint64_t kills)
{
	struct stat status;

	ck_assert_int_eq(stat(folder, &status), 0);
	return (struct box_cgroup){.realtime_ns = 1, .flags = flags | BOX_CGROUP_COUNTS,
		.inode = status.st_ino, .oom_kill_count = kills};
}

START_TEST(test_kills_are_counted_from_the_boxs_number_on)   /* _i: version 1, 2 */
{
	struct box_cgroup then = box_of(inner, _i == 0 ? 0 : BOX_CGROUP_V2, 2);
	uint64_t kills = 99;

	ck_assert(!cgroup_kills_since(&then, inner, &kills));
	if (_i == 0)
		put(inner, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
	else
		put(inner, "memory.events", "low 0\noom 9\noom_kill 5\noom_group_kill 0\n");
	ck_assert(cgroup_kills_since(&then, inner, &kills));
	ck_assert_uint_eq(kills, 3);
	then.oom_kill_count = 5;
	ck_assert(cgroup_kills_since(&then, inner, &kills));
	ck_assert_uint_eq(kills, 0);
}
END_TEST

START_TEST(test_of_another_group_no_kills_are_told)
{
	struct box_cgroup then = box_of(inner, BOX_CGROUP_V2, 2);
	uint64_t kills;

	put(inner, "memory.events", "oom_kill 5\n");
	put(top, "memory.events", "oom_kill 5\n");
	ck_assert(!cgroup_kills_since(&then, top, &kills));
	ck_assert(!cgroup_kills_since(&then, "/nowhere", &kills));
	then.oom_kill_count = 6;
	ck_assert(!cgroup_kills_since(&then, inner, &kills));
	then.oom_kill_count = 2;
	then.flags = BOX_CGROUP_V2;
	ck_assert(!cgroup_kills_since(&then, inner, &kills));
	then.flags = BOX_CGROUP_V2 | BOX_CGROUP_COUNTS;
	then.inode = 0;
	ck_assert(!cgroup_kills_since(&then, inner, &kills));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/cgroup", setup, teardown);

	tcase_add_test(tests, test_the_tightest_of_the_groups_above_counts);
	tcase_add_test(tests, test_max_is_no_limit);
	tcase_add_test(tests, test_a_huge_number_is_no_limit_in_version_1);
	tcase_add_test(tests, test_nothing_above_the_mount_is_looked_at);
	tcase_add_loop_test(tests, test_kills_are_counted_from_the_boxs_number_on, 0, 2);
	tcase_add_test(tests, test_of_another_group_no_kills_are_told);
	return suite_end();
}
