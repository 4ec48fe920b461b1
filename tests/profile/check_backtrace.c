/*
 * check_backtrace.c - profile/backtrace.c beside libgcc's unwinder.
 *
 * Proves: both name the same callers, of functions with and without a frame pointer,
 * with frames of a length that only runs tell, with aligned ones, through libc's code,
 * out of a signal's handler on either stack, on a thread; a deep one is cut and says so;
 * code without a table is passed by its frame pointer, and where that leads to no
 * memory it ends.
 */
#include "profile/backtrace.h"

#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/os.h"
#include "tests/suite.h"

enum {
	ROUNDS = 3, /* the first reads the rules, the others go by the kept ones */
	PAGE_MOST_BYTES = 64 << 10
};

int main(void);

static struct backtrace trace;
static void *theirs[BACKTRACE_MOST + 2];
static int their_count;
static volatile int sink;

/* Both, of the same frames: the innermost's own place differs. */
static NOINLINE void capture(void)
{
	backtrace_capture(&trace);
	their_count = backtrace(theirs, BACKTRACE_MOST + 2);
	sink++;
}

static void expect_same_frames(void)
{
	/* A sanitizer stands between backtrace() and its caller. */
	void **first = theirs + ((uintptr_t)theirs[1] != trace.pcs[1]);

	for (uint32_t i = 1; i < trace.count; i++) {
		uintptr_t pc = trace.pcs[i];
		/* An interrupted one is a byte further here. */
		ck_assert_msg(pc == (uintptr_t)first[i] || pc == (uintptr_t)first[i] + 1,
			"frame %u of %u: %#lx, not %p", i, trace.count, pc, first[i]);
	}
}

/* For a failure that comes once in ten thousand. */
static void both_print(void)
{
	for (uint32_t i = 0; i < trace.count; i++)
		printf("# ours %u: %#lx\n", i, trace.pcs[i]);
	for (int i = 0; i < their_count; i++)
		printf("# theirs %d: %p\n", i, theirs[i]);
	printf("# main is at %p, libc's qsort at %p\n", (void *)(uintptr_t)main, (void *)(uintptr_t)qsort);
	fflush(stdout);
}

static void expect_same(void)
{
	if (their_count < (int)trace.count || their_count > (int)trace.count + 2)
		both_print();
	/* Theirs has the outermost frame's caller too, where one is written down. */
	ck_assert_uint_gt(trace.count, 1);
	ck_assert(!trace.is_cut);
	ck_assert_int_ge(their_count, (int)trace.count);
	ck_assert_int_le(their_count, (int)trace.count + 2);
	expect_same_frames();
}

static NOINLINE void plain(int depth)
{
	char room[200];

	memset(room, depth, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0)
		plain(depth - 1);
	else
		capture();
	sink++;
}

START_TEST(test_frames_without_a_pointer)
{
	for (int i = 0; i < ROUNDS; i++) {
		plain(10);
		expect_same();
		ck_assert_uint_ge(trace.count, 12);
	}
}
END_TEST

static NOINLINE void growing(size_t bytes)
{
	char *room = alloca(bytes); // cppcheck-suppress allocaCalled

	memset(room, 1, bytes);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (bytes > 100)
		growing(bytes / 2);
	else
		capture();
	sink++;
}

START_TEST(test_frames_of_a_length_that_only_runs_tell)
{
	for (int i = 0; i < ROUNDS; i++) {
		growing(40000);
		expect_same();
	}
}
END_TEST

static NOINLINE void aligned(int depth)
{
	struct {
		_Alignas(256) char room[512];
	} wide;

	memset(&wide, depth, sizeof(wide));
	__asm__ volatile("" : : "r"(&wide) : "memory");
	if (depth > 0)
		aligned(depth - 1);
	else
		growing(1000);
	sink++;
}

START_TEST(test_frames_that_are_aligned)
{
	for (int i = 0; i < ROUNDS; i++) {
		aligned(4);
		expect_same();
	}
}
END_TEST

static int compare(const void *a, const void *b)
{
	if (trace.count == 0)
		aligned(1);
	return *(const int *)a - *(const int *)b;
}

START_TEST(test_through_code_of_libc)
{
	for (int i = 0; i < ROUNDS; i++) {
		int numbers[] = {3, 1, 2};
		trace.count = 0;
		qsort(numbers, 3, sizeof(numbers[0]), compare);
		expect_same();
	}
}
END_TEST

static void handle(int number)
{
	(void)number;
	if (trace.count == 0)
		growing(300);
}

static void handler_set(int flags)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags};

	sigaction(SIGUSR1, &action, NULL);
}

START_TEST(test_out_of_a_handler)
{
	handler_set(0);
	for (int i = 0; i < ROUNDS; i++) {
		trace.count = 0;
		raise(SIGUSR1);
		expect_same();
	}
}
END_TEST

START_TEST(test_out_of_a_handler_on_a_stack_of_its_own)
{
	stack_t stack = {.ss_size = 256 << 10};

	stack.ss_sp = malloc(stack.ss_size);
	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	handler_set(SA_ONSTACK);
	for (int i = 0; i < ROUNDS; i++) {
		trace.count = 0;
		raise(SIGUSR1);
		expect_same();
	}
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	free(stack.ss_sp);
}
END_TEST

/* Interrupted at any instruction, within frames that are being made and left. */
START_TEST(test_out_of_a_handler_at_any_instruction)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 50000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer;

	handler_set(0);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	for (int i = 0; i < 200; i++) {
		trace.count = 0;
		soon.it_value.tv_nsec = 20000 + (long)random_below(50000);
		timer_settime(timer, 0, &soon, NULL);
		while (*(volatile uint32_t *)&trace.count == 0) {
			int numbers[] = {3, 1, 2, 7, 5};
			qsort(numbers, 5, sizeof(numbers[0]), compare);
			sink += (int)strtol("12", NULL, 10);
		}
		expect_same();
	}
	timer_delete(timer);
}
END_TEST

static void *run(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		plain(3);
		expect_same();
	}
	return argument;
}

START_TEST(test_on_a_thread)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(test_a_deep_one_is_cut)
{
	plain(BACKTRACE_MOST + 50);
	ck_assert_uint_eq(trace.count, BACKTRACE_MOST);
	ck_assert(trace.is_cut);
	expect_same_frames();
}
END_TEST

START_TEST(test_what_was_forgotten_is_found_again)
{
	for (int i = 0; i < ROUNDS; i++) {
		backtrace_forget();
		aligned(3);
		expect_same();
	}
}
END_TEST

#if defined(__x86_64__)

/* A function as a program writes it for itself, which is nobody's: push %rbp; ... call
   *%rdi; pop %rbp; ret.  In between mov %rsp,%rbp, or mov %rsi,%rbp. */
static const unsigned char keeps[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
static const unsigned char misuses[] = {0x55, 0x48, 0x89, 0xf5, 0xff, 0xd7, 0x5d, 0xc3};

/* With `frame` for a frame pointer. */
static void call_by(const unsigned char *code, size_t bytes, const void *frame)
{
	char *page = mmap(NULL, os_page_bytes(), PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	memcpy(page, code, bytes);
	((void (*)(void (*)(void), const void *))(void *)page)(capture, frame);
	sink++;
	munmap(page, os_page_bytes());
}

static NOINLINE uint32_t count_here(void)
{
	capture();
	return trace.count - 1;
}

START_TEST(test_code_without_a_table_is_passed_by_its_frame_pointer)
{
	uint32_t here = count_here();

	call_by(keeps, sizeof(keeps), NULL);
	ck_assert(!trace.is_cut);
	ck_assert_uint_eq(trace.count, here + 2); /* it, and call_by() */
}
END_TEST

static void expect_cut_by(const void *frame)
{
	call_by(misuses, sizeof(misuses), frame);
	ck_assert(trace.is_cut);
	ck_assert_uint_eq(trace.count, 2);
}

START_TEST(test_where_the_frame_pointer_leads_nowhere_it_ends)
{
	size_t page = os_page_bytes();
	char room[4 * PAGE_MOST_BYTES];
	char *gone = room + page - (uintptr_t)room % page + page;

	ck_assert(os_can_read(gone));
	ck_assert(!os_can_read(NULL));
	expect_cut_by(NULL);
	expect_cut_by((void *)-16);
	expect_cut_by(gone + 1);
	/* A page of the stack that may not be read. */
	ck_assert_int_eq(mprotect(gone, page, PROT_NONE), 0);
	ck_assert(!os_can_read(gone));
	expect_cut_by(gone);
	expect_cut_by(gone - 8); /* the return address is on it */
	mprotect(gone, page, PROT_READ | PROT_WRITE);
	memset(gone, 0, page);
	expect_cut_by(gone); /* no return address */
}
END_TEST

#endif

int main(void)
{
	TCase *tests = suite_begin("profile/backtrace", NULL, NULL);

	tcase_add_test(tests, test_frames_without_a_pointer);
	tcase_add_test(tests, test_frames_of_a_length_that_only_runs_tell);
	tcase_add_test(tests, test_frames_that_are_aligned);
	tcase_add_test(tests, test_through_code_of_libc);
	tcase_add_test(tests, test_out_of_a_handler);
	tcase_add_test(tests, test_out_of_a_handler_on_a_stack_of_its_own);
	tcase_add_test(tests, test_out_of_a_handler_at_any_instruction);
	tcase_add_test(tests, test_on_a_thread);
	tcase_add_test(tests, test_a_deep_one_is_cut);
	tcase_add_test(tests, test_what_was_forgotten_is_found_again);
#if defined(__x86_64__)
	tcase_add_test(tests, test_code_without_a_table_is_passed_by_its_frame_pointer);
	tcase_add_test(tests, test_where_the_frame_pointer_leads_nowhere_it_ends);
#endif
	return suite_end();
}
