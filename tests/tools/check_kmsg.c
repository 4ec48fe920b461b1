/*
 * check_kmsg.c - tools/kmsg.c: the end of a process in the kernel's log.
 *
 * Proves: a kill for memory and a fault are found in the words of many kernels, by number,
 * name and time; the first one counts; what a program wrote into the log does not; records
 * come one a read() or all at once, and what is no record harms nobody.
 */
#include "tools/kmsg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

static struct books books;
static struct books_thread threads[2];
static struct kmsg_wanted wanted = {.books = &books, .since_us = 1000000};
static struct kmsg_found found;

static void setup(void)
{
	books.pid = 4711;
	strcpy(books.exe, "/usr/bin/python3.11");
	threads[0] = (struct books_thread){.tid = 4711, .name = "python3"};
	threads[1] = (struct books_thread){.tid = 4712, .name = "work [a] (b)"};
	books.threads = threads;
	books.thread_count = 2;
	found = (struct kmsg_found){.kind = KMSG_NOTHING};
}

/* The same line at a second's distance, as the kernel writes it. */
static enum kmsg_kind kind_of(const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "3,100,2000000,-;%s", text);
	found = (struct kmsg_found){.kind = KMSG_NOTHING};
	kmsg_take(&wanted, line, &found);
	return found.kind;
}

START_TEST(test_a_kill_for_memory_is_found)
{
	ck_assert_int_eq(kind_of("Memory cgroup out of memory: Killed process 4711 (python3) "
				 "total-vm:1234kB, anon-rss:99kB, UID:0 pgtables:52kB "
				 "oom_score_adj:0"), KMSG_OOM_CGROUP);
	ck_assert(found.is_same_name);
	ck_assert_uint_eq(found.time_us, 2000000);
	ck_assert_ptr_nonnull(strstr(found.text, "Killed process 4711 (python3) total-vm"));
	ck_assert_int_eq(kind_of("Out of memory: Killed process 4711 (python3), UID 0, "
				 "total-vm:1234kB"), KMSG_OOM_MACHINE);
	ck_assert_int_eq(kind_of("Killed process 4711 (python3) total-vm:1234kB"),
		KMSG_OOM_MACHINE);
	ck_assert_int_eq(kind_of("Out of memory (oom_kill_allocating_task): Killed process 4711 "
				 "(python3.11) total-vm:1kB"), KMSG_OOM_MACHINE);
	ck_assert(found.is_same_name);
}
END_TEST

START_TEST(test_of_another_process_nothing_is_claimed)
{
	ck_assert_int_eq(kind_of("Out of memory: Killed process 47110 (python3) total-vm"),
		KMSG_NOTHING);
	ck_assert_int_eq(kind_of("Out of memory: Killed process 471 (python3) total-vm"),
		KMSG_NOTHING);
	ck_assert_int_eq(kind_of("Out of memory: Killed process 4712 (python3) total-vm"),
		KMSG_NOTHING);
	ck_assert_int_eq(kind_of("oom_reaper: reaped process 4711 (python3)"), KMSG_NOTHING);
	ck_assert_int_eq(kind_of("python3[4713]: segfault at 10 ip 0 sp 0 error 6"), KMSG_NOTHING);
	ck_assert_int_eq(kind_of("python3[4711]: hello"), KMSG_NOTHING);
	ck_assert_int_eq(kind_of("Out of memory: Killed process 4711 (postgres) total-vm"),
		KMSG_OOM_MACHINE);
	ck_assert(!found.is_same_name);
	ck_assert_int_eq(kind_of("Out of memory: Killed process 4711 (python3x) total-vm"),
		KMSG_OOM_MACHINE);
	ck_assert(!found.is_same_name);
}
END_TEST

START_TEST(test_a_fault_of_any_thread_is_found)
{
	ck_assert_int_eq(kind_of("python3[4711]: segfault at 10 ip 0000 sp 0000 error 6 in x[1+2]"),
		KMSG_FAULT);
	ck_assert(found.is_same_name);
	ck_assert_int_eq(kind_of("work [a] (b)[4712]: segfault at 0 ip 0 sp 0 error 4"), KMSG_FAULT);
	ck_assert(found.is_same_name);
	ck_assert_int_eq(kind_of("traps: python3[4711] general protection fault ip:0 sp:0 error:0"),
		KMSG_FAULT);
	ck_assert(found.is_same_name);
	ck_assert_int_eq(kind_of("traps: python3[4711] trap invalid opcode ip:0 sp:0 error:0"),
		KMSG_FAULT);
	ck_assert_int_eq(kind_of("other[4711]: segfault at 10 ip 0 sp 0 error 6"), KMSG_FAULT);
	ck_assert(!found.is_same_name);
}
END_TEST

START_TEST(test_what_was_before_it_began_is_not_its_end)
{
	kmsg_take(&wanted, "3,1,999999,-;Out of memory: Killed process 4711 (python3) x", &found);
	ck_assert_int_eq(found.kind, KMSG_NOTHING);
	ck_assert_uint_eq(found.oldest_us, 1000000);
	kmsg_take(&wanted, "3,2,1000000,-;Out of memory: Killed process 4711 (python3) y", &found);
	kmsg_take(&wanted, "3,3,1000001,-;python3[4711]: segfault at 1", &found);
	ck_assert_int_eq(found.kind, KMSG_OOM_MACHINE);
	ck_assert_uint_eq(found.time_us, 1000000);
}
END_TEST

START_TEST(test_what_a_program_wrote_is_not_the_kernels)
{
	kmsg_take(&wanted, "12,1,2000000,-;Out of memory: Killed process 4711 (python3) x", &found);
	kmsg_take(&wanted, "30,1,2000000,-;Out of memory: Killed process 4711 (python3) x", &found);
	ck_assert_int_eq(found.kind, KMSG_NOTHING);
}
END_TEST

START_TEST(test_what_is_no_record_is_passed_over)   /* _i: of the list */
{
	static const char *const lines[] = {"", " ", ";", "3", "3,", "3,1", "3,1,", "3,1,5",
		"3;Killed process 4711 (python3)", "3,1;Killed process 4711 (python3)",
		"-3,1,2000000,-;Killed process 4711 (python3)",
		" SUBSYSTEM=Killed process 4711 (python3)", "3,1,2000000,-;Killed process ",
		"3,1,2000000,-;Killed process 4711", "3,1,2000000,-;Killed process 4711 ",
		"3,1,2000000,-;[", "3,1,2000000,-;[]: segfault at ", "3,1,2000000,-;traps: ",
		"3,1,2000000,-;[4711", "3,1,x,-;Killed process 4711 (python3)",
		"Killed process 4711 (python3)"};

	kmsg_take(&wanted, lines[_i], &found);
	ck_assert_int_eq(found.kind, KMSG_NOTHING);
}
END_TEST

static const char log_text[] =
	"5,0,0,-;Linux version 6.1\n"
	"6,1,1500000,-;audit: something\n SUBSYSTEM=x\n DEVICE=y\n"
	"3,2,2500000,-;Memory cgroup out of memory: Killed process 4711 (python3) total-vm:9kB\n"
	"3,3,2600000,-;Out of memory: Killed process 4711 (python3) total-vm:9kB\n";

static int read_pipe(size_t piece_bytes)
{
	int ends[2];
	size_t count = strlen(log_text);

	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		for (size_t at = 0; at < count; at += piece_bytes) {
			size_t bytes = count - at < piece_bytes ? count - at : piece_bytes;
			if (write(ends[1], log_text + at, bytes) != (ssize_t)bytes)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	int error = kmsg_read(ends[0], &wanted, &found);
	close(ends[0]);
	return error;
}

START_TEST(test_records_are_put_together_of_pieces)   /* _i: bytes a write, less 1 */
{
	ck_assert_int_eq(read_pipe((size_t)_i + 1), 0);
	ck_assert_int_eq(found.kind, KMSG_OOM_CGROUP);
	ck_assert_uint_eq(found.time_us, 2500000);
	ck_assert_uint_eq(found.oldest_us, 1);
}
END_TEST

START_TEST(test_a_line_without_end_is_dropped)
{
	static char bytes[100000];
	char path[] = "/tmp/check_kmsg.XXXXXX";
	int fd = mkstemp(path);

	memset(bytes, 'x', sizeof(bytes));
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	ck_assert_int_eq(write(fd, log_text, strlen(log_text)), (ssize_t)strlen(log_text));
	close(fd);
	ck_assert_int_eq(kmsg_read_path(path, &wanted, &found), 0);
	ck_assert_int_eq(found.kind, KMSG_OOM_CGROUP);
	unlink(path);
}
END_TEST

START_TEST(test_a_log_that_cannot_be_read_says_why)
{
	ck_assert_int_eq(kmsg_read_path("/nowhere/kmsg", &wanted, &found), ENOENT);
	ck_assert_int_eq(kmsg_read_path("/tmp", &wanted, &found), EISDIR);
	ck_assert_int_eq(found.kind, KMSG_NOTHING);
}
END_TEST

START_TEST(test_any_bytes_are_passed_over)
{
	char line[64];

	for (int round = 0; round < 100000; round++) {
		size_t bytes = random_below(sizeof(line));
		for (size_t i = 0; i < bytes; i++)
			line[i] = "3,12;[]() 4711Killedprocss"[random_below(26)];
		line[bytes] = '\0';
		kmsg_take(&wanted, line, &found);
	}
	ck_assert(found.kind == KMSG_NOTHING || found.text[0] != '\0');
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/kmsg", setup, NULL);

	tcase_add_test(tests, test_a_kill_for_memory_is_found);
	tcase_add_test(tests, test_of_another_process_nothing_is_claimed);
	tcase_add_test(tests, test_a_fault_of_any_thread_is_found);
	tcase_add_test(tests, test_what_was_before_it_began_is_not_its_end);
	tcase_add_test(tests, test_what_a_program_wrote_is_not_the_kernels);
	tcase_add_loop_test(tests, test_what_is_no_record_is_passed_over, 0, 21);
	tcase_add_loop_test(tests, test_records_are_put_together_of_pieces, 0, 40);
	tcase_add_test(tests, test_a_line_without_end_is_dropped);
	tcase_add_test(tests, test_a_log_that_cannot_be_read_says_why);
	tcase_add_test(tests, test_any_bytes_are_passed_over);
	return suite_end();
}
