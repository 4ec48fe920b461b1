/*
 * check_barrier.c - table B of docs/conformance.md, a test a rule.
 */
#include <string.h>

#include "base/config.h"
#include "coro/coro.h"
#include "coro/stack.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

static struct stack stack_surely(size_t bytes)
{
	struct stack stack;

	while (!stack_alloc(&stack, bytes))
		ck_assert(CONFIG_TORTURE);
	return stack;
}

START_TEST(test_b1_room_for_one_barrier_and_one_more_each_doubling)
{
	uint32_t expected = 2;

	ck_assert_uint_eq(stack_barriers_most(1), 1);
	ck_assert_uint_eq(stack_barriers_most(1024), 1);
	for (size_t bytes = 2 << 10; bytes <= (size_t)1 << 30; bytes *= 2)
		ck_assert_uint_eq(stack_barriers_most(bytes), expected++);
	ck_assert_uint_eq(stack_barriers_most((size_t)64 << 20), 17);
}
END_TEST

START_TEST(test_b3_their_room_is_taken_off_the_top)
{
	for (size_t bytes = STACK_MIN_BYTES; bytes <= (size_t)256 << 20; bytes *= 2) {
		struct stack stack = stack_surely(bytes);
		uint32_t most = stack_barriers_most(bytes);
		ck_assert_uint_eq(sizeof(struct stack_barrier), 16);
		ck_assert_ptr_eq(stack.hi, stack.lo + bytes - 16 * most);
		ck_assert_ptr_eq(stack.barriers, stack.hi);
		ck_assert_uint_eq(stack.barrier_capacity, most);
		ck_assert_uint_eq(stack.barrier_count, 0);
		ck_assert_uint_eq(stack.barrier_position, 0);
		memset(stack.barriers, 0xff, 16 * most);
		stack_free(&stack);
	}
}
END_TEST

static void alloc_odd(void *bytes)
{
	struct stack stack;

	stack_alloc(&stack, (size_t)(uintptr_t)bytes);
}

START_TEST(test_b4_a_size_that_is_no_power_of_two_is_fatal)
{
	dies_saying(alloc_odd, (void *)(uintptr_t)3000, "stack size not a power of 2");
	dies_saying(alloc_odd, (void *)(uintptr_t)((64 << 10) - 16), "stack size not a power of 2");
}
END_TEST

START_TEST(test_b5_freeing_gives_back_the_whole_size)
{
	uint64_t inuse_bytes, sys_bytes;

	for (size_t bytes = STACK_MIN_BYTES; bytes <= (size_t)1 << 20; bytes *= 2) {
		struct stack stack = stack_surely(bytes);
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, bytes);
		stack_free(&stack);
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, 0);
	}
}
END_TEST

static void do_nothing(void *nothing)
{
	(void)nothing;
}

START_TEST(test_b10_a_dead_coroutine_of_another_size_has_no_stack)
{
	struct coro_attr attr = {.stack_bytes = 16 << 10};
	struct coro *co = create_surely(&attr, do_nothing, NULL);

	coro_resume(co, NULL);
	ck_assert_uint_eq(co->stack.bytes, 0);
	ck_assert_ptr_null(co->stack.barriers);
	ck_assert_uint_eq(co->stack.barrier_count + co->stack.barrier_position, 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(&attr, do_nothing, NULL);
	ck_assert_int_eq(coro_cancel(co), 0);
	ck_assert_uint_eq(co->stack.bytes, 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(test_b21_a_new_or_reused_coroutine_has_a_stack_and_a_fresh_array)
{
	struct coro *first = create_surely(NULL, do_nothing, NULL);

	for (int i = 0; i < 2; i++) {
		const struct stack *stack = &first->stack;
		ck_assert_uint_eq(stack->bytes, CORO_STACK_BYTES);
		ck_assert_ptr_eq(stack->barriers, stack->hi);
		ck_assert_uint_eq(stack->barrier_capacity, stack_barriers_most(CORO_STACK_BYTES));
		ck_assert_uint_eq(stack->barrier_count + stack->barrier_position, 0);
		coro_resume(first, NULL);
		ck_assert_int_eq(coro_destroy(first), 0);
		struct coro *again = create_surely(NULL, do_nothing, NULL);
		ck_assert_ptr_eq(again, first);
	}
	ck_assert_int_eq(coro_destroy(first), 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/barrier", NULL, NULL);

	tcase_add_test(tests, test_b1_room_for_one_barrier_and_one_more_each_doubling);
	tcase_add_test(tests, test_b3_their_room_is_taken_off_the_top);
	tcase_add_test(tests, test_b4_a_size_that_is_no_power_of_two_is_fatal);
	tcase_add_test(tests, test_b5_freeing_gives_back_the_whole_size);
	tcase_add_test(tests, test_b10_a_dead_coroutine_of_another_size_has_no_stack);
	tcase_add_test(tests, test_b21_a_new_or_reused_coroutine_has_a_stack_and_a_fresh_array);
	return suite_end();
}
