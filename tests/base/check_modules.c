/*
 * check_modules.c - base/modules.c.
 *
 * Proves: an address is named by its file and the offset from where the file's
 * first part is mapped, as the kernel's own list says; what is in no file stays a
 * number; names of any length do no harm.
 */
#include "base/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"

static char description[8192];

static const char *describe(const void *address)
{
	struct format out;

	format_init(&out, description, sizeof(description), -1);
	modules_describe(&out, (uintptr_t)address);
	format_terminate(&out);
	return description;
}

static char number[32];

static const char *as_number(const void *address)
{
	snprintf(number, sizeof(number), "0x%lx", (uintptr_t)address);
	return number;
}

static int find_base(struct dl_phdr_info *info, size_t bytes, void *argument)
{
	uintptr_t *base = argument;

	(void)bytes;
	*base = info->dlpi_addr;
	return 1; /* the first is the program */
}

START_TEST(test_an_address_of_ours_is_our_file_and_its_offset)
{
	char want[PATH_MAX + 32], exe[PATH_MAX] = "";
	uintptr_t base = 0;

	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	dl_iterate_phdr(find_base, &base);
	snprintf(want, sizeof(want), "%s+0x%lx", exe, (uintptr_t)describe - base);
	ck_assert_str_eq(describe((const void *)(uintptr_t)describe), want);
}
END_TEST

START_TEST(test_a_librarys_address_is_its_file)
{
	ck_assert_ptr_nonnull(strstr(describe((const void *)(uintptr_t)gnu_get_libc_version), "/libc.so.6+0x"));
}
END_TEST

START_TEST(test_what_is_in_no_file_stays_a_number)
{
	char here;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_str_eq(describe(&here), as_number(&here));
	ck_assert_str_eq(describe(page), as_number(page));
	ck_assert_str_eq(describe(NULL), "0x0");
	ck_assert_str_eq(describe((void *)UINTPTR_MAX), as_number((void *)UINTPTR_MAX));
}
END_TEST

/* A file of so long a path, mapped. */
static char *map_file(size_t path_bytes, char path[PATH_MAX])
{
	char name[256];
	size_t at;

	strcpy(path, "/tmp/check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	memset(name, 'n', sizeof(name));
	ck_assert_int_eq(chdir(path), 0);
	while ((at = strlen(path)) + 201 < path_bytes) {
		name[200] = '\0';
		ck_assert_int_eq(mkdir(name, 0700), 0);
		ck_assert_int_eq(chdir(name), 0);
		sprintf(path + at, "/%s", name);
	}
	name[200] = 'n';
	name[path_bytes - at - 1] = '\0';
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	sprintf(path + at, "/%s", name);
	ck_assert_int_eq(ftruncate(fd, 3 * 4096), 0);
	char *mapped = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(mapped, MAP_FAILED);
	close(fd);
	/* Three mappings of one file, as a loader makes. */
	ck_assert_int_eq(mprotect(mapped + 4096, 4096, PROT_READ), 0);
	return mapped;
}

static void file_remove(const char *path)
{
	char command[64];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %.17s", path);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_the_offset_is_from_the_files_first_part)
{
	char path[PATH_MAX], want[PATH_MAX + 32];
	const char *mapped = map_file(100, path);

	for (size_t at = 0; at < 3 * 4096; at += 4096) {
		snprintf(want, sizeof(want), "%s+0x%zx", path, at + 5);
		ck_assert_str_eq(describe(mapped + at + 5), want);
	}
	file_remove(path);
}
END_TEST

/* A path that is too long to print is not another file's. */
START_TEST(test_a_path_of_any_length_does_no_harm)
{
	static const size_t lengths[] = {600, 630, 639, 640, 641, 700, 1100, 1200, 1300, 2600, 4000};
	char path[PATH_MAX];
	const char *mapped = map_file(lengths[_i], path);
	const char *said = describe(mapped + 5);

	if (strcmp(said, as_number(mapped + 5)) != 0) {
		ck_assert_uint_gt(strlen(said), strlen(path));
		ck_assert_int_eq(strncmp(said, path, strlen(path)), 0);
	}
	/* Those behind it in the list are found nevertheless. */
	ck_assert_ptr_nonnull(strstr(describe((const void *)(uintptr_t)gnu_get_libc_version), "/libc.so.6+0x"));
	file_remove(path);
}
END_TEST

START_TEST(test_errno_is_left_alone)
{
	errno = 77;
	describe(&number);
	ck_assert_int_eq(errno, 77);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/modules", NULL, NULL);

	tcase_add_test(tests, test_an_address_of_ours_is_our_file_and_its_offset);
	tcase_add_test(tests, test_a_librarys_address_is_its_file);
	tcase_add_test(tests, test_what_is_in_no_file_stays_a_number);
	tcase_add_test(tests, test_the_offset_is_from_the_files_first_part);
	tcase_add_loop_test(tests, test_a_path_of_any_length_does_no_harm, 0, 11);
	tcase_add_test(tests, test_errno_is_left_alone);
	return suite_end();
}
