/*
 * check_stack.c - coro/stack.c.
 *
 * Proves: a stack is aligned to its size and no other's; below it nobody can write; what
 * is free is used again, and goes back to the kernel.
 */
#include "coro/stack.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "base/config.h"
#include "base/os.h"
#include "tests/suite.h"

enum { STACKS = 300 };

static struct stack stack_surely(size_t bytes)
{
	struct stack stack;

	while (!stack_alloc(&stack, bytes))
		ck_assert(CONFIG_TORTURE);
	return stack;
}

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

int main(void)
{
	TCase *tests = suite_begin("coro/stack", NULL, NULL);

	tcase_add_test(tests, test_a_stack_is_aligned_and_nobody_elses);
	tcase_add_test(tests, test_nobody_writes_below_a_stack);
	tcase_add_test(tests, test_what_is_free_is_used_again_and_goes_back);
	tcase_add_test(tests, test_another_size_than_a_power_of_two_is_fatal);
	return suite_end();
}
