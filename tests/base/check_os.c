/*
 * check_os.c - base/os.c, and that the build is the one that was asked for.
 *
 * Proves: memory is what its function says, and a refusal leaves errno alone; in
 * torture builds one request in eight is refused, in others none.
 */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"
#include "tests/suite.h"

enum { BYTES = 1 << 20 };

static void *map_surely(size_t bytes)
{
	void *memory;

	while ((memory = os_map(bytes)) == NULL)
		ck_assert(CONFIG_TORTURE);
	return memory;
}

static void commit_surely(void *address, size_t bytes)
{
	while (!os_commit(address, bytes))
		ck_assert(CONFIG_TORTURE);
}

static bool map_at_surely(void *address, size_t bytes)
{
	bool taken;

	while (!os_map_at(address, bytes, &taken))
		if (taken || !CONFIG_TORTURE)
			return false;
	return true;
}

START_TEST(test_the_build_has_the_switches_that_configure_was_told)
{
	const char *switches = getenv("MSTAT_SWITCHES");
	char want[64];

	snprintf(want, sizeof(want), "debug %s torture %s", CONFIG_DEBUG ? "yes" : "no",
		CONFIG_TORTURE ? "yes" : "no");
	if (switches != NULL) /* set by make check */
		ck_assert_str_eq(switches, want);
}
END_TEST

START_TEST(test_one_request_in_eight_is_refused_in_torture_builds)
{
	int refused = 0;

	for (int i = 0; i < 4000; i++) {
		void *memory = os_map(4096);
		refused += memory == NULL;
		if (memory != NULL)
			os_unmap(memory, 4096);
	}
	ck_assert_int_eq(CONFIG_TORTURE, refused > 0);
	ck_assert_int_lt(refused, 4000 / 4);
}
END_TEST

START_TEST(test_fresh_memory_is_zero_and_ours)
{
	char *memory = map_surely(BYTES);

	for (size_t i = 0; i < BYTES; i++)
		if (memory[i] != 0)
			ck_abort_msg("byte %zu", i);
	memset(memory, 1, BYTES);
	os_unmap(memory, BYTES);
}
END_TEST

START_TEST(test_an_address_that_is_taken_is_said_to_be)
{
	char *memory = map_surely(3 * BYTES);
	bool taken = true;

	memory[BYTES] = 'x';
	while (!os_map_at(memory + BYTES, BYTES, &taken) && !taken)
		ck_assert(CONFIG_TORTURE);
	ck_assert(taken);
	ck_assert_int_eq(memory[BYTES], 'x');
	os_unmap(memory + BYTES, BYTES);
	ck_assert(map_at_surely(memory + BYTES, BYTES));
	ck_assert_int_eq(memory[BYTES], 0);
	os_unmap(memory, 3 * BYTES);
}
END_TEST

START_TEST(test_a_kernel_that_refuses_is_not_a_place_that_is_taken)
{
	struct rlimit limit;
	bool taken = true;
	char *memory = map_surely(BYTES);

	os_unmap(memory, BYTES);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_AS, &limit);
	errno = 5;
	ck_assert(!os_map_at(memory, BYTES, &taken));
	ck_assert(!taken);
	ck_assert_ptr_null(os_map(BYTES));
	ck_assert_ptr_null(os_reserve(BYTES));
	ck_assert_int_eq(errno, 5);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
}
END_TEST

START_TEST(test_what_is_reserved_may_be_used_when_committed)
{
	char *memory = os_reserve(4 * BYTES);

	ck_assert_ptr_nonnull(memory);
	commit_surely(memory + BYTES, BYTES);
	memory[BYTES] = 1;
	memory[2 * BYTES - 1] = 1;
	os_reserve_again(memory + BYTES, BYTES);
	commit_surely(memory + BYTES, BYTES);
	ck_assert_int_eq(memory[BYTES], 0);
	os_unmap(memory, 4 * BYTES);
}
END_TEST

START_TEST(test_what_was_released_reads_zero)
{
	char *memory = map_surely(BYTES);

	memset(memory, 7, BYTES);
	ck_assert(os_release(memory + 4096, BYTES - 8192));
	ck_assert_int_eq(memory[4095], 7);
	ck_assert_int_eq(memory[4096], 0);
	ck_assert_int_eq(memory[BYTES - 4097], 0);
	ck_assert_int_eq(memory[BYTES - 4096], 7);
	os_unmap(memory, BYTES);
}
END_TEST

START_TEST(test_locked_memory_is_not_released_and_keeps_its_contents)
{
	char *memory = map_surely(4096);

	memory[0] = 7;
	if (syscall(SYS_mlock, memory, 4096) == 0) { /* the sanitizers take mlock() away */
		ck_assert(!os_release(memory, 4096));
		ck_assert_int_eq(memory[0], 7);
	}
	os_unmap(memory, 4096);
}
END_TEST

START_TEST(test_pages_move_with_what_they_hold)
{
	char *from = map_surely(BYTES), *to = map_surely(BYTES);

	memset(from, 7, BYTES);
	memset(to, 9, BYTES);
	while (!os_move(from, to, BYTES)) {
		ck_assert(CONFIG_TORTURE);
		ck_assert_int_eq(to[0], 9); /* nothing moved */
	}
	ck_assert_int_eq(to[0], 7);
	ck_assert_int_eq(to[BYTES - 1], 7);
	ck_assert_int_eq(from[0], 0);
	ck_assert_int_eq(from[BYTES - 1], 0);
	from[0] = 1; /* still mapped */
	os_unmap(from, BYTES);
	os_unmap(to, BYTES);
}
END_TEST

START_TEST(test_where_the_kernel_refuses_to_move_nothing_is_lost)
{
	char *from = map_surely(2 * BYTES), *to = map_surely(2 * BYTES);
	struct rlimit limit;

	memset(from, 7, 2 * BYTES);
	memset(to, 9, 2 * BYTES);
	/* Beyond what the process may have. */
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = BYTES;
	setrlimit(RLIMIT_AS, &limit);
	errno = 5;
	ck_assert(!os_move(from, to, 2 * BYTES));
	ck_assert_int_eq(errno, 5);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
	ck_assert_int_eq(from[0], 7);
	ck_assert_int_eq(to[0], 9);
	/* Of two mappings; some kernels can. */
	os_want_huge(from + BYTES, BYTES, true);
	bool moved = os_move(from, to, 2 * BYTES);
	ck_assert_int_eq(from[2 * BYTES - 1], moved ? 0 : 7);
	ck_assert_int_eq(to[2 * BYTES - 1], moved ? 7 : 9);
	os_unmap(from, 2 * BYTES);
	os_unmap(to, 2 * BYTES);
}
END_TEST

START_TEST(test_a_child_finds_what_is_wiped)
{
	char *memory = map_surely(os_page_bytes());
	int status;

	memory[0] = 1;
	ck_assert(os_wipe_on_fork(memory, os_page_bytes()));
	pid_t child = fork();
	if (child == 0)
		_exit(memory[0]);
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(memory[0], 1);
}
END_TEST

START_TEST(test_files_are_read_as_far_as_there_is_room)
{
	char text[64];

	ck_assert_int_eq(os_read_file("/proc/self/comm", text, sizeof(text)), 9);
	ck_assert_mem_eq(text, "check_os\n", 9);
	ck_assert_int_eq(os_read_file("/proc/self/comm", text, 3), 3);
	errno = 3;
	ck_assert_int_eq(os_read_file("/nowhere", text, 3), -1);
	ck_assert_int_eq(os_read_file("/", text, 3), -1);
	ck_assert_int_eq(errno, 3);
}
END_TEST

static void nothing(int number)
{
	(void)number;
}

/* A pipe takes what fits; the rest goes when the reader has made room. */
START_TEST(test_all_is_written_through_a_pipe_and_interruptions)
{
	static char bytes[1 << 20], got[4096];
	struct sigaction action = {.sa_handler = nothing};
	int ends[2];
	size_t total = 0;
	ssize_t count;

	ck_assert_int_eq(pipe(ends), 0);
	sigaction(SIGUSR1, &action, NULL); /* no SA_RESTART */
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(!os_write(ends[1], bytes, sizeof(bytes)));
	}
	close(ends[1]);
	while ((count = read(ends[0], got, sizeof(got))) > 0) {
		total += (size_t)count;
		kill(child, SIGUSR1);
	}
	int status;
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(total, sizeof(bytes));
}
END_TEST

START_TEST(test_it_is_known_where_a_write_would_end_or_hold_up_a_program)
{
	static char bytes[4096];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert(os_can_write(ends[1], true) && os_can_write(ends[1], false));
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		continue;
	errno = 3;
	ck_assert(!os_can_write(ends[1], true) && os_can_write(ends[1], false));
	close(ends[0]);
	ck_assert(!os_can_write(ends[1], true) && !os_can_write(ends[1], false));
	close(ends[1]);
	ck_assert(!os_can_write(ends[1], true) && !os_can_write(ends[1], false));
	ck_assert_int_eq(errno, 3);
}
END_TEST

START_TEST(test_ids_and_clocks)
{
	char name[16];

	ck_assert_int_eq(os_process_id(), getpid());
	ck_assert_int_eq(os_thread_id(), gettid());
	os_thread_name(name);
	ck_assert_str_eq(name, "check_os");
	ck_assert_uint_gt(os_realtime_ns(), (uint64_t)1600000000 * 1000000000);
	ck_assert_uint_gt(os_coarse_realtime_ns(), (uint64_t)1600000000 * 1000000000);
	uint64_t before = os_coarse_ns();
	ck_assert_uint_ge(os_coarse_ns(), before);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/os", NULL, NULL);

	tcase_add_test(tests, test_the_build_has_the_switches_that_configure_was_told);
	tcase_add_test(tests, test_one_request_in_eight_is_refused_in_torture_builds);
	tcase_add_test(tests, test_fresh_memory_is_zero_and_ours);
	tcase_add_test(tests, test_an_address_that_is_taken_is_said_to_be);
	tcase_add_test(tests, test_a_kernel_that_refuses_is_not_a_place_that_is_taken);
	tcase_add_test(tests, test_what_is_reserved_may_be_used_when_committed);
	tcase_add_test(tests, test_what_was_released_reads_zero);
	tcase_add_test(tests, test_locked_memory_is_not_released_and_keeps_its_contents);
	tcase_add_test(tests, test_pages_move_with_what_they_hold);
	tcase_add_test(tests, test_where_the_kernel_refuses_to_move_nothing_is_lost);
	tcase_add_test(tests, test_a_child_finds_what_is_wiped);
	tcase_add_test(tests, test_files_are_read_as_far_as_there_is_room);
	tcase_add_test(tests, test_all_is_written_through_a_pipe_and_interruptions);
	tcase_add_test(tests, test_it_is_known_where_a_write_would_end_or_hold_up_a_program);
	tcase_add_test(tests, test_ids_and_clocks);
	return suite_end();
}
