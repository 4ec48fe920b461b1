/*
 * check_box.c - stats/box.c and stats/box_place.c.
 *
 * Proves: the layout is sound; a part's copies alternate, so that a writer killed
 * between any two stores leaves one whole; the file is made where nobody else can
 * reach it or not at all; it is removed by its own process and by no other.
 */
#include "stats/box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heap/size_class.h"
#include "tests/stats/box_file.h"
#include "tests/suite.h"

enum { KILLS = 200, ROWS = 40 };

static struct box_file file;

static void open_own(void)
{
	box_file_open(&file, box_path());
}

START_TEST(test_sections_do_not_overlap)
{
	const struct box_header *header;

	box_make();
	open_own();
	header = (const struct box_header *)file.memory;
	for (uint32_t i = 0; i < header->section_count; i++) {
		const struct box_section *a = &header->sections[i];
		uint64_t end = a->offset + (uint64_t)a->part_count * a->part_bytes;
		ck_assert_uint_ge(a->offset, sizeof(*header));
		ck_assert_uint_eq(a->offset % 64, 0);
		ck_assert_uint_eq(a->part_bytes % (box_section_is_once(a->kind) ? 16 : 64), 0);
		for (uint32_t j = 0; j < header->section_count; j++)
			ck_assert(i == j || header->sections[j].part_count == 0 ||
				header->sections[j].offset >= end ||
				header->sections[j].offset < a->offset);
	}
}
END_TEST

START_TEST(test_what_every_process_writes_is_one_page)
{
	box_make();
	open_own();
	const struct box_section *identity = box_file_section(&file, BOX_SECTION_IDENTITY);
	/* Of the identity one copy. */
	ck_assert_uint_le(identity->offset + box_copy_bytes(identity->payload_bytes), 4096);
	ck_assert_uint_lt(box_file_section(&file, BOX_SECTION_TOTALS)->offset, identity->offset);
	ck_assert_uint_lt(box_file_section(&file, BOX_SECTION_SIGNAL)->offset, identity->offset);
}
END_TEST

START_TEST(test_it_names_its_process)
{
	const struct box_identity *identity;
	char exe[BOX_EXE_BYTES] = "";

	box_make();
	open_own();
	identity = box_file_payload(&file, BOX_SECTION_IDENTITY, 0);
	ck_assert_ptr_nonnull(identity);
	ck_assert_int_eq(identity->pid, getpid());
	ck_assert_int_eq(identity->uid, geteuid());
	/* It was made since the process began, which is told in ticks of 10 ms. */
	ck_assert_uint_gt(box_start_ticks(), 0);
	ck_assert_uint_ge(identity->made_boottime_ns, box_start_ticks() * 10000000);
	ck_assert_uint_eq(identity->class_count, SIZED_CLASS_COUNT);
	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	ck_assert_str_eq(identity->exe, exe);
	ck_assert_uint_gt(identity->cmdline_bytes, 0);
	ck_assert_int_eq(identity->cmdline[identity->cmdline_bytes - 1], '\0');
}
END_TEST

START_TEST(test_copies_alternate_and_the_older_one_stays_whole)
{
	uint64_t generation = 0;

	box_make();
	open_own();
	for (uint64_t i = 1; i <= 50; i++) {
		struct box_row row = {.nmalloc = i, .live_objects = -(int64_t)i};
		const struct box_row *read;
		box_write(BOX_SECTION_ROWS, 7, &row, &generation);
		ck_assert_uint_eq(generation, i);
		read = box_file_payload(&file, BOX_SECTION_ROWS, 7);
		ck_assert_ptr_nonnull(read);
		ck_assert_uint_eq(read->nmalloc, i);
		ck_assert_int_eq(read->live_objects, -(int64_t)i);
		int newer = box_file_copy(&file, BOX_SECTION_ROWS, 7, 0)->generation == i ? 0 : 1;
		ck_assert_uint_eq(box_file_copy(&file, BOX_SECTION_ROWS, 7, newer)->generation, i);
		ck_assert_uint_eq(box_file_copy(&file, BOX_SECTION_ROWS, 7, !newer)->generation, i - 1);
		ck_assert(i == 1 || box_file_copy_is_whole(&file, BOX_SECTION_ROWS, 7, !newer));
	}
	/* Neighbours were never written. */
	ck_assert_ptr_null(box_file_payload(&file, BOX_SECTION_ROWS, 6));
	ck_assert_ptr_null(box_file_payload(&file, BOX_SECTION_ROWS, 8));
}
END_TEST

/* What a writer that is about to be killed shares with us. */
struct progress {
	uint64_t written; /* rows 0 ... ROWS - 1 in turn: writes that are finished */
	char path[BOX_PATH_BYTES];
};

static _Noreturn void write_for_ever(struct progress *progress)
{
	static uint64_t generations[ROWS];

	box_make();
	strcpy(progress->path, box_path());
	for (uint64_t i = 0;; i++) {
		struct box_row row = {.nmalloc = i, .live_objects = (int64_t)~i};
		box_write(BOX_SECTION_ROWS, (uint32_t)(i % ROWS), &row, &generations[i % ROWS]);
		__atomic_store_n(&progress->written, i + 1, __ATOMIC_RELEASE);
	}
}

static void rows_check(uint64_t written)
{
	for (uint32_t index = 0; index < ROWS; index++) {
		const struct box_row *row = box_file_payload(&file, BOX_SECTION_ROWS, index);
		/* The last that was finished, or the one that was being written. */
		uint64_t last = written > index ? (written - 1 - index) / ROWS * ROWS + index : 0;
		if (row == NULL) {
			ck_assert_uint_le(written, index);
			continue;
		}
		ck_assert_int_eq(row->live_objects, (int64_t)~row->nmalloc);
		ck_assert_uint_ge(row->nmalloc, last);
		ck_assert_uint_le(row->nmalloc, written);
	}
}

START_TEST(test_a_writer_killed_anywhere_leaves_each_part_whole)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(progress, MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		uint64_t wait_for = random_size(5000);
		progress->written = 0;
		pid_t child = fork();
		if (child == 0)
			write_for_ever(progress);
		while (__atomic_load_n(&progress->written, __ATOMIC_ACQUIRE) < wait_for)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		box_file_open(&file, progress->path);
		rows_check(progress->written);
		box_file_close(&file);
		unlink(progress->path);
	}
}
END_TEST

START_TEST(test_any_torn_copy_is_known)
{
	uint64_t generation = 0;
	struct box_row row = {.nmalloc = 1, .live_objects = 1};
	char *memory;
	const struct box_copy *copy;

	box_make();
	box_write(BOX_SECTION_ROWS, 0, &row, &generation);
	open_own();
	copy = box_file_copy(&file, BOX_SECTION_ROWS, 0, (int)(generation & 1));
	ck_assert(box_file_copy_is_whole(&file, BOX_SECTION_ROWS, 0, (int)(generation & 1)));
	/* Every bit of it, generation and checksum included, in a copy of the file. */
	size_t at = (size_t)((const char *)copy - file.memory), bytes = sizeof(*copy) + sizeof(row);
	memory = mmap(NULL, file.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(memory, file.memory, file.bytes);
	struct box_file torn = {.memory = memory, .bytes = file.bytes};
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		memory[at + bit / 8] ^= (char)(1 << bit % 8);
		ck_assert(!box_file_copy_is_whole(&torn, BOX_SECTION_ROWS, 0, (int)(generation & 1)));
		memory[at + bit / 8] ^= (char)(1 << bit % 8);
	}
}
END_TEST

START_TEST(test_without_a_file_writing_does_nothing)
{
	uint64_t generation = 0;
	struct box_row row = {0};

	ck_assert(!box_exists());
	ck_assert_str_eq(box_path(), "");
	ck_assert_str_eq(box_folder(), "");
	box_write(BOX_SECTION_ROWS, 0, &row, &generation);
	box_log(BOX_EVENT_FATAL, "nowhere");
	box_remove();
	ck_assert(!box_slot_prepare(1));
}
END_TEST

static int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

START_TEST(test_it_is_ours_alone_and_leaves_no_descriptor)
{
	struct stat status;
	int before = descriptors();

	umask(0);
	box_make();
	ck_assert_int_eq(descriptors(), before);
	ck_assert_int_eq(stat(box_path(), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(box_folder(), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0700);
}
END_TEST

START_TEST(test_its_own_process_removes_it_and_no_other)
{
	char path[BOX_PATH_BYTES + 64];
	int status;

	box_make();
	strcpy(path, box_path());
	pid_t child = fork();
	if (child == 0) {
		box_remove(); /* not ours to remove */
		box_leave();
		_exit(box_exists() || access(path, F_OK) != 0);
	}
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	box_remove();
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(test_a_child_makes_its_own)
{
	int status;

	box_make();
	pid_t child = fork();
	if (child == 0) {
		char parents[BOX_PATH_BYTES + 64];
		strcpy(parents, box_path());
		box_leave();
		box_make();
		_exit(strcmp(parents, box_path()) == 0 || access(box_path(), F_OK) != 0);
	}
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	open_own();
	const struct box_identity *identity = box_file_payload(&file, BOX_SECTION_IDENTITY, 0);
	ck_assert_int_eq(identity->pid, getpid());
}
END_TEST

/* What exec() takes: the mapping, not the file. */
static void box_unmap(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_MAX];
	char *from = NULL, *to = NULL;

	ck_assert_ptr_nonnull(maps);
	while (from == NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, box_path()) != NULL)
			ck_assert_int_eq(sscanf(line, "%p-%p", (void **)&from, (void **)&to), 2);
	fclose(maps);
	ck_assert_ptr_nonnull(from);
	box_leave();
	ck_assert_int_eq(munmap(from, (size_t)(to - from)), 0);
}

static char *own_path(char path[PATH_MAX], const char *number)
{
	snprintf(path, PATH_MAX, "%s/" BOX_DIR_PREFIX "%d/%d%s" BOX_FILE_SUFFIX, box_dir,
		(int)geteuid(), (int)getpid(), number);
	return path;
}

START_TEST(test_it_is_named_by_its_pid)
{
	char path[PATH_MAX];

	box_make();
	ck_assert_str_eq(box_path(), own_path(path, ""));
}
END_TEST

START_TEST(test_one_left_by_an_image_before_exec_is_replaced)
{
	struct stat before, after;
	char path[PATH_MAX];

	box_make();
	ck_assert_int_eq(stat(box_path(), &before), 0);
	box_unmap();
	box_make();
	ck_assert_int_eq(stat(box_path(), &after), 0);
	ck_assert(before.st_ino != after.st_ino);
	ck_assert_uint_eq(after.st_nlink, 1);
	ck_assert_str_eq(box_path(), own_path(path, ""));
}
END_TEST

/* As if an hour ago, before this process began. */
static void box_make_old(char path[PATH_MAX])
{
	struct timespec hour_ago[2] = {{0}};

	box_make();
	strcpy(path, box_path());
	clock_gettime(CLOCK_REALTIME, &hour_ago[1]);
	hour_ago[1].tv_sec -= 3600;
	hour_ago[0] = hour_ago[1];
	ck_assert_int_eq(utimensat(AT_FDCWD, box_path(), hour_ago, 0), 0);
	box_unmap();
}

START_TEST(test_what_a_dead_process_of_the_same_pid_left_stays)
{
	char dead[PATH_MAX], second[PATH_MAX];
	struct stat before, after;

	box_make_old(dead);
	ck_assert_str_eq(dead, own_path(second, ""));
	ck_assert_int_eq(stat(dead, &before), 0);
	box_make();
	ck_assert_str_ne(box_path(), dead);
	strcpy(second, box_path());
	ck_assert_int_eq(stat(dead, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	/* After an exec it is found under its second name. */
	ck_assert_int_eq(stat(second, &before), 0);
	box_unmap();
	box_make();
	ck_assert_str_eq(box_path(), second);
	ck_assert_int_eq(stat(second, &after), 0);
	ck_assert(before.st_ino != after.st_ino);
	box_remove();
	ck_assert_int_ne(access(second, F_OK), 0);
	ck_assert_int_eq(access(dead, F_OK), 0);
}
END_TEST

START_TEST(test_two_dead_ones_stay_too)
{
	char names[3][PATH_MAX];

	for (int i = 0; i < 2; i++)
		box_make_old(names[i]);
	box_make();
	strcpy(names[2], box_path());
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(access(names[i], F_OK), 0);
		ck_assert_str_ne(names[i], names[(i + 1) % 3]);
	}
}
END_TEST

START_TEST(test_a_living_ones_of_another_pid_namespace_stays)
{
	char path[PATH_MAX];
	struct stat before, after;

	/* However new it is: what is mapped is somebody's. */
	box_make();
	ck_assert_int_eq(stat(box_path(), &before), 0);
	box_leave();
	box_make();
	ck_assert_str_ne(box_path(), own_path(path, ""));
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(test_a_folder_of_its_name_is_left_alone)
{
	char path[PATH_MAX];
	struct stat status;

	box_make();
	box_remove();
	box_unmap();
	ck_assert_int_eq(mkdir(own_path(path, ""), 0700), 0);
	box_make();
	ck_assert_str_ne(box_path(), path);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

static void refused(int error)
{
	box_identify(0, NULL);
	box_identity()->class_count = SIZED_CLASS_COUNT;
	errno = 0;
	ck_assert(!box_create(box_dir));
	ck_assert_int_eq(errno, error);
	ck_assert(!box_exists());
}

static char *our_folder(char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" BOX_DIR_PREFIX "%d", box_dir, (int)geteuid());
	return path;
}

START_TEST(test_a_folder_open_to_others_is_refused)
{
	char path[PATH_MAX];

	ck_assert_int_eq(mkdir(our_folder(path), 0700), 0);
	ck_assert_int_eq(chmod(path, 0750), 0);
	refused(EPERM);
}
END_TEST

START_TEST(test_a_link_in_the_folders_place_is_refused)
{
	char path[PATH_MAX];

	ck_assert_int_eq(symlink("/tmp", our_folder(path)), 0);
	refused(ENOTDIR);
}
END_TEST

START_TEST(test_a_file_in_the_folders_place_is_refused)
{
	char path[PATH_MAX];

	close(open(our_folder(path), O_CREAT | O_WRONLY, 0600));
	refused(ENOTDIR);
}
END_TEST

START_TEST(test_a_limit_of_file_size_is_a_refusal_and_no_signal)
{
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
	char path[PATH_MAX];
	const struct dirent *entry;

	setrlimit(RLIMIT_FSIZE, &limit);
	refused(EFBIG);
	DIR *folder = opendir(our_folder(path));
	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)) != NULL)
		ck_assert_int_eq(entry->d_name[0], '.');
	closedir(folder);
}
END_TEST

START_TEST(test_a_place_that_is_not_there_is_refused)
{
	ck_assert_int_eq(rmdir(box_dir), 0);
	refused(ENOENT);
}
END_TEST

START_TEST(test_a_name_too_long_is_refused)
{
	static char dir[BOX_PATH_BYTES + 10];

	memset(dir, 'a', sizeof(dir) - 1);
	dir[0] = '/';
	box_identify(0, NULL);
	ck_assert(!box_create(dir));
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(test_the_log_keeps_the_last_events)
{
	char text[300];

	box_make();
	open_own();
	for (int i = 1; i <= 20; i++) {
		snprintf(text, sizeof(text), "event %d", i);
		box_log(BOX_EVENT_OUT_OF_MEMORY, text);
	}
	for (uint64_t sequence = 5; sequence <= 20; sequence++) {
		const struct box_event *event = box_file_payload(&file, BOX_SECTION_EVENTS,
			(uint32_t)((sequence - 1) % BOX_EVENTS_MAX));
		snprintf(text, sizeof(text), "event %d", (int)sequence);
		ck_assert_uint_eq(event->sequence, sequence);
		ck_assert_int_eq(event->kind, BOX_EVENT_OUT_OF_MEMORY);
		ck_assert_str_eq(event->text, text);
	}
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	box_log(BOX_EVENT_FATAL, text); /* cut, and terminated */
	const struct box_event *event = box_file_payload(&file, BOX_SECTION_EVENTS, 20 % BOX_EVENTS_MAX);
	ck_assert_uint_eq(strlen(event->text), sizeof(event->text) - 1);
}
END_TEST

START_TEST(test_slots_are_many_and_not_endless)
{
	uint64_t generation = 0;
	struct box_thread thread = {.tid = 1};

	ck_assert(!box_slot_prepare(0));
	box_make();
	open_own();
	ck_assert(box_slot_prepare(0));
	ck_assert(box_slot_prepare(BOX_THREADS_MAX - 1));
	ck_assert(!box_slot_prepare(BOX_THREADS_MAX));
	ck_assert(!box_slot_prepare(UINT32_MAX));
	box_write(BOX_SECTION_THREADS, BOX_THREADS_MAX - 1, &thread, &generation);
	ck_assert_ptr_nonnull(box_file_payload(&file, BOX_SECTION_THREADS, BOX_THREADS_MAX - 1));
}
END_TEST

START_TEST(test_a_section_that_does_not_fit_is_unsound)
{
	struct box_section good = {.kind = 1, .part_count = 10, .offset = 64, .part_bytes = 128,
		.payload_bytes = 16};
	struct box_section bad;

	ck_assert(box_section_is_sound(&good, 64 + 1280));
	ck_assert(!box_section_is_sound(&good, 64 + 1279));
	ck_assert(!box_section_is_sound(&good, 0));
	bad = good;
	bad.offset = UINT64_MAX - 7;
	ck_assert(!box_section_is_sound(&bad, UINT64_MAX));
	bad = good;
	bad.part_count = UINT32_MAX;
	bad.part_bytes = UINT32_MAX;
	ck_assert(!box_section_is_sound(&bad, 1 << 20));
	bad = good;
	bad.payload_bytes = 56; /* two copies do not fit the part */
	ck_assert(!box_section_is_sound(&bad, 1 << 20));
	bad = good;
	bad.payload_bytes = 15;
	ck_assert(!box_section_is_sound(&bad, 1 << 20));
	bad = good;
	bad.offset = 60;
	ck_assert(!box_section_is_sound(&bad, 1 << 20));
	bad = good;
	bad.payload_bytes = UINT32_MAX - 7;
	ck_assert(!box_section_is_sound(&bad, 1 << 20));
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("stats/box", box_dir_make, box_dir_remove);

	tcase_add_test(tests, test_sections_do_not_overlap);
	tcase_add_test(tests, test_what_every_process_writes_is_one_page);
	tcase_add_test(tests, test_it_names_its_process);
	tcase_add_test(tests, test_copies_alternate_and_the_older_one_stays_whole);
	tcase_add_test(tests, test_a_writer_killed_anywhere_leaves_each_part_whole);
	tcase_add_test(tests, test_any_torn_copy_is_known);
	tcase_add_test(tests, test_without_a_file_writing_does_nothing);
	tcase_add_test(tests, test_it_is_ours_alone_and_leaves_no_descriptor);
	tcase_add_test(tests, test_its_own_process_removes_it_and_no_other);
	tcase_add_test(tests, test_a_child_makes_its_own);
	tcase_add_test(tests, test_it_is_named_by_its_pid);
	tcase_add_test(tests, test_one_left_by_an_image_before_exec_is_replaced);
	tcase_add_test(tests, test_what_a_dead_process_of_the_same_pid_left_stays);
	tcase_add_test(tests, test_two_dead_ones_stay_too);
	tcase_add_test(tests, test_a_living_ones_of_another_pid_namespace_stays);
	tcase_add_test(tests, test_a_folder_of_its_name_is_left_alone);
	tcase_add_test(tests, test_a_folder_open_to_others_is_refused);
	tcase_add_test(tests, test_a_link_in_the_folders_place_is_refused);
	tcase_add_test(tests, test_a_file_in_the_folders_place_is_refused);
	tcase_add_test(tests, test_a_limit_of_file_size_is_a_refusal_and_no_signal);
	tcase_add_test(tests, test_a_place_that_is_not_there_is_refused);
	tcase_add_test(tests, test_a_name_too_long_is_refused);
	tcase_add_test(tests, test_the_log_keeps_the_last_events);
	tcase_add_test(tests, test_slots_are_many_and_not_endless);
	tcase_add_test(tests, test_a_section_that_does_not_fit_is_unsound);
	return suite_end();
}
