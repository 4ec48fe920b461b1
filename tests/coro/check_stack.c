/*
 * check_stack.c - coro/stack.c, coro/stackalloc.c.
 *
 * Proves: a stack is aligned to its size and no other's; below it nobody can write; what
 * is free is used again, and goes back to the kernel; a program that asks for what cannot
 * be, or gives back what it has not, is told.  A hundred thousand coroutines take few
 * mappings and little memory, and leave nothing.
 */
#include "coro/stack.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/config.h"
#include "base/os.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

enum { STACKS = 300 };

START_TEST(test_a_stack_is_aligned_and_nobody_elses)
{
	static struct stack stacks[STACKS];

	for (size_t bytes = STACK_MIN_BYTES; bytes <= (size_t)1 << 20; bytes *= 2) {
		for (int i = 0; i < STACKS; i++) {
			stacks[i] = stack_surely(bytes);
			ck_assert_uint_eq((uintptr_t)stacks[i].lo % bytes, 0);
			memset(stacks[i].lo, i, 64);
			memset(stacks[i].lo + bytes - 64, i, 64);
		}
		for (int i = 0; i < STACKS; i++) {
			ck_assert_int_eq(stacks[i].lo[0], (char)i);
			ck_assert_int_eq(stacks[i].lo[bytes - 1], (char)i);
			stack_free(&stacks[i]);
			ck_assert_uint_eq(stacks[i].bytes, 0);
		}
	}
	stack_trim();
}
END_TEST

static sigjmp_buf caught;

static void catch(int number)
{
	siglongjmp(caught, number);
}

static bool can_write(char *address)
{
	struct sigaction action = {.sa_handler = catch}, old;
	bool could = false;

	sigaction(SIGSEGV, &action, &old);
	if (sigsetjmp(caught, 1) == 0) {
		*(volatile char *)address = 1;
		could = true;
	}
	sigaction(SIGSEGV, &old, NULL);
	return could;
}

START_TEST(test_nobody_writes_below_a_stack)
{
	for (size_t bytes = 4 << 10; bytes <= (size_t)16 << 20; bytes *= 4) {
		struct stack stack = stack_surely(bytes);
		ck_assert(can_write(stack.lo) && can_write(stack.lo + bytes - 1));
		ck_assert(!can_write(stack.lo - 1) && !can_write(stack.lo - 4096));
		ck_assert(stack_guards(&stack, stack.lo - 1) && stack_guards(&stack, stack.lo - 4096));
		ck_assert(!stack_guards(&stack, stack.lo) && !stack_guards(&stack, stack.lo + bytes));
		stack_free(&stack);
	}
}
END_TEST

START_TEST(test_what_is_free_is_used_again_and_goes_back)
{
	static struct stack stacks[STACKS];
	uint64_t inuse_bytes, sys_bytes, sys_again_bytes;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < STACKS; i++)
			stacks[i] = stack_surely(64 << 10);
		stack_totals(&inuse_bytes, round == 0 ? &sys_bytes : &sys_again_bytes);
		ck_assert_uint_eq(inuse_bytes, STACKS * (64 << 10));
		ck_assert(round == 0 || sys_again_bytes == sys_bytes);
		for (int i = 0; i < STACKS; i++)
			stack_free(&stacks[i]);
	}
	stack_trim();
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_eq(inuse_bytes, 0);
	ck_assert_uint_eq(sys_bytes, 0);
}
END_TEST

static void alloc_odd(void *bytes)
{
	struct stack stack;

	stack_alloc(&stack, (size_t)(uintptr_t)bytes);
}

START_TEST(test_another_size_than_a_power_of_two_is_fatal)
{
	static const uintptr_t sizes[] = {0, 1, 1000, 3000, 65537, 1025, (uintptr_t)2 << 30, UINTPTR_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		dies_saying(alloc_odd, (void *)sizes[i], "stack size not a power of 2");
}
END_TEST

/* ---- what programs call ---------------------------------------------------------- */

static struct coro_stack coro_stack_surely(size_t bytes)
{
	struct coro_stack stack;
	int error;

	while ((error = coro_stackalloc(&stack, bytes)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, 0);
	return stack;
}

START_TEST(test_a_program_gets_whole_guarded_stacks)
{
	struct coro_stack stacks[20];

	for (size_t bytes = 4 << 10; bytes <= (size_t)4 << 20; bytes *= 2) {
		for (int i = 0; i < 20; i++) {
			stacks[i] = coro_stack_surely(bytes);
			ck_assert_uint_eq((uintptr_t)stacks[i].lo % bytes, 0);
			ck_assert_ptr_eq((char *)stacks[i].lo + bytes, stacks[i].hi);
			ck_assert_uint_eq(stacks[i].bytes, bytes);
			memset(stacks[i].lo, i, bytes);
			ck_assert(!can_write((char *)stacks[i].lo - 1));
		}
		for (int i = 0; i < 20; i++) {
			ck_assert_int_eq(*(char *)stacks[i].lo, i);
			ck_assert_int_eq(((char *)stacks[i].hi)[-1], i);
			ck_assert_int_eq(coro_stackfree(&stacks[i]), 0);
			ck_assert_uint_eq(stacks[i].bytes, 0);
		}
	}
	coro_trim();
}
END_TEST

static ucontext_t here, there;
static int was_there;

static void be_there(void)
{
	was_there = 1;
	swapcontext(&there, &here);
}

START_TEST(test_it_can_be_run_on)
{
	struct coro_stack stack = coro_stack_surely(64 << 10);

	getcontext(&there);
	there.uc_stack.ss_sp = stack.lo;
	there.uc_stack.ss_size = stack.bytes;
	makecontext(&there, be_there, 0);
	swapcontext(&here, &there);
	ck_assert_int_eq(was_there, 1);
	ck_assert_int_eq(coro_stackfree(&stack), 0);
}
END_TEST

START_TEST(test_wrong_sizes_and_stacks_are_told)
{
	static const size_t sizes[] = {0, 1, 1000, 2 << 10, 65537, (size_t)2 << 30, SIZE_MAX};
	struct coro_stack stack = coro_stack_surely(64 << 10), copy = stack, other;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(coro_stackalloc(&other, sizes[i]), EINVAL);
		ck_assert_int_eq(errno, EINVAL);
	}
	ck_assert_int_eq(coro_stackalloc(NULL, 64 << 10), EINVAL);
	ck_assert_int_eq(coro_stackfree(NULL), EINVAL);
	other = (struct coro_stack){.lo = stack.lo, .hi = stack.hi, .bytes = 32 << 10};
	ck_assert_int_eq(coro_stackfree(&other), EINVAL);
	other = (struct coro_stack){.lo = (char *)stack.lo + 4096, .hi = stack.hi, .bytes = 64 << 10};
	ck_assert_int_eq(coro_stackfree(&other), EINVAL);
	other = (struct coro_stack){.lo = &other, .hi = &other + 1, .bytes = 64 << 10};
	ck_assert_int_eq(coro_stackfree(&other), EINVAL);
	ck_assert_int_eq(coro_stackfree(&stack), 0);
	ck_assert_int_eq(coro_stackfree(&copy), EINVAL); /* twice */
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(coro_stackfree(&stack), EINVAL); /* cleared */
}
END_TEST

static void yield_for_ever(void *unused)
{
	for (;;)
		coro_yield(unused);
}

START_TEST(test_trimming_gives_back_all_that_is_free)
{
	static struct coro *all[STACKS];
	uint64_t inuse_bytes, sys_bytes;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < STACKS; i++) {
			all[i] = create_surely(NULL, yield_for_ever, NULL);
			coro_resume(all[i], NULL);
		}
		for (int i = 1; i < STACKS; i++)
			ck_assert_int_eq(coro_destroy(all[i]), 0);
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, 65 * CORO_STACK_BYTES); /* some are kept */
		coro_trim();
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, CORO_STACK_BYTES);
		coro_resume(all[0], NULL);
		ck_assert_int_eq(coro_destroy(all[0]), 0);
		coro_trim();
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes + sys_bytes, 0);
		coro_trim();
	}
}
END_TEST

/* ---- a crowd ------------------------------------------------------------------------- */

enum {
	CROWD = 100000,
	SMALL_CROWD = 2000, /* where a guard takes mappings, and where all is slow */
	MAPPINGS_MOST = 100,
	RESIDENT_MOST_BYTES = 12 << 10, /* of one */
	GUARD_INSTALL = 102,            /* MADV_GUARD_INSTALL */
	NO_ADVICE = 9999
};

static bool has_guards_without_mappings(void)
{
	size_t bytes = os_page_bytes();
	void *page = os_map(bytes);
	/* An emulator may take any advice and do nothing. */
	bool has = madvise(page, bytes, NO_ADVICE) != 0 && madvise(page, bytes, GUARD_INSTALL) == 0;

	os_unmap(page, bytes);
	return has;
}

static size_t mapping_count(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t count = 0;

	ck_assert_ptr_nonnull(maps);
	for (int c; (c = getc(maps)) != EOF;)
		count += c == '\n';
	(void)fclose(maps);
	return count;
}

static size_t resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long all, resident;

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%lu %lu", &all, &resident), 2); // NOLINT(cert-err34-c)
	(void)fclose(statm);
	return resident * os_page_bytes();
}

static void crowd_begin(struct coro **all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		all[i] = create_surely(NULL, yield_for_ever, NULL);
		coro_resume(all[i], NULL);
	}
}

static void crowd_end(struct coro **all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(coro_destroy(all[i]), 0);
	coro_trim();
}

START_TEST(test_a_hundred_thousand_at_once_and_all_is_given_back)
{
	bool is_slow = SUITE_IS_SANITIZED || SUITE_IS_THREAD_SANITIZED || CONFIG_TORTURE;
	bool is_large = !is_slow && has_guards_without_mappings();
	size_t count = is_large ? CROWD : SMALL_CROWD;
	struct coro **all = calloc(count, sizeof(struct coro *));
	uint64_t inuse_bytes, sys_bytes;

	ck_assert_ptr_nonnull(all);
	crowd_begin(all, SMALL_CROWD); /* malloc() keeps some of what is freed */
	crowd_end(all, SMALL_CROWD);
	size_t mappings = mapping_count(), resident = resident_bytes(), allocated = mallinfo2().uordblks;
	crowd_begin(all, count);
	if (is_large) {
		ck_assert_uint_lt(mapping_count(), mappings + MAPPINGS_MOST);
		ck_assert_uint_le(resident_bytes(), resident + count * RESIDENT_MOST_BYTES);
	}
	crowd_end(all, count);
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_eq(inuse_bytes + sys_bytes, 0);
	if (!SUITE_IS_SANITIZED && !SUITE_IS_THREAD_SANITIZED)
		ck_assert_uint_eq(mallinfo2().uordblks, allocated);
	free(all);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("coro/stack", NULL, NULL);

	tcase_add_test(tests, test_a_stack_is_aligned_and_nobody_elses);
	tcase_add_test(tests, test_nobody_writes_below_a_stack);
	tcase_add_test(tests, test_what_is_free_is_used_again_and_goes_back);
	tcase_add_test(tests, test_another_size_than_a_power_of_two_is_fatal);
	tcase_add_test(tests, test_a_program_gets_whole_guarded_stacks);
	tcase_add_test(tests, test_it_can_be_run_on);
	tcase_add_test(tests, test_wrong_sizes_and_stacks_are_told);
	tcase_add_test(tests, test_trimming_gives_back_all_that_is_free);
	tcase_add_test(tests, test_a_hundred_thousand_at_once_and_all_is_given_back);
	return suite_end();
}
