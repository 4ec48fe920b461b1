/*
 * defers.c - deferred calls of functions of all kinds: with and without a panic, in
 * loops and under conditions, with many arguments, far up the stack, over a yield.
 *
 * The behaviours are those that Go's test/defer.go, its runtime's defer_test.go
 * (TestUnconditionalPanic, TestOpenAndNonOpenDefers, TestNonOpenAndOpenDefers,
 * TestConditionalDefers, TestDisappearingDefer, TestNonSSAableArgs,
 * TestDeferForFuncWithNoExit, TestIssue37688) and stack_test.go (TestPanicUseStack,
 * TestPanicFar, TestDeferPtrs) test.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tests/coro/programs/cases.h"

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	note((char)('0' + *(int *)expected));
}

/* ---- functions of all kinds -------------------------------------------------------------- */

static void digits_of_a_loop(void)
{
	CORO_FRAME;

	for (int i = 0; i < 10; i++) {
		char digit = (char)('0' + i);
		coro_defer(note_deferred, &digit, 1);
	}
	note('-');
}

static void test_calls_of_a_loop_are_made_backwards(void)
{
	digits_of_a_loop();
	expect_noted("-9876543210");
}

static void never_returns(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	panic_with(1);
}

static void test_a_function_that_ends_in_a_panic(void)
{
	never_returns();
	expect_noted("1");
}

static volatile int limit = 2;

/* As often as a loop goes round, and once. */
static void loop_and_panic(bool calls_first)
{
	CORO_FRAME;

	if (calls_first)
		never_returns();
	for (int i = 0; i < 3; i++) {
		if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
			return;
		if (limit == 2)
			break;
	}
	if (!calls_first)
		never_returns();
	panic_with(2);
}

static void test_a_loops_call_and_another_functions_both_recover(void)
{
	loop_and_panic(false);
	loop_and_panic(true);
	expect_noted("1212");
}

static void under_conditions(int number)
{
	CORO_FRAME;

	coro_defer(note_deferred, "a", 1);
	if (number > 5) {
		coro_defer(note_deferred, "b", 1);
		if (number > 8)
			coro_defer(note_deferred, "c", 1);
		else
			coro_defer(note_deferred, "d", 1);
	}
	panic_with(3);
}

static void recover_under(int number)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	under_conditions(number);
}

static void test_calls_under_conditions(void)
{
	recover_under(8);
	recover_under(9);
	recover_under(0);
	expect_noted("dba3cba3a3");
}

static void nothing_deferred(bool defers)
{
	CORO_FRAME;

	if (defers)
		coro_defer(note_deferred, "?", 1);
}

static void test_a_call_that_is_not_come_to_is_not_made(void)
{
	nothing_deferred(false);
	expect_noted("");
}

/* ---- arguments --------------------------------------------------------------------------- */

struct record {
	int64_t words[6];
};

struct outer {
	struct record inner;
};

static struct outer evaluated;
static int evaluations;

static const struct outer *evaluate(void)
{
	evaluations++;
	return &evaluated;
}

static void keep_fifth(void *bytes)
{
	note(((char *)bytes)[4]);
}

static void keep_third(void *record)
{
	note((char)('0' + ((struct record *)record)->words[2]));
}

static void arguments_of_all_kinds(void)
{
	CORO_FRAME;
	char bytes[128] = "abcde";
	struct record record = {{1, 2, 3, 4, 5, 6}};

	evaluated.inner.words[2] = 4;
	coro_defer(keep_fifth, bytes, sizeof(bytes));
	coro_defer(keep_third, &record, sizeof(struct record));
	coro_defer(keep_third, &evaluate()->inner, sizeof(struct record));
	evaluated.inner.words[2] = 5;
	coro_defer(keep_third, &evaluate()->inner, sizeof(struct record));
	memset(bytes, '?', sizeof(bytes));
	evaluated.inner.words[2] = 6;
}

static void test_arguments_are_evaluated_once_and_copied(void)
{
	evaluations = 0;
	arguments_of_all_kinds();
	expect_noted("543e");
	expect(evaluations == 2, "each once");
}

struct many {
	char *letter;
	int numbers[9];
};

static int kept[9];

static void keep_and_recover(void *arg)
{
	struct many *many = arg;

	coro_recover();
	memcpy(kept, many->numbers, sizeof(kept));
	note(*many->letter);
}

static void panic_with_many(char *letter)
{
	CORO_FRAME;
	struct many many = {letter, {1, 2, 3, 4, 5, 6, 7, 8, 9}};

	coro_defer(note_deferred, letter, 1);
	if (coro_defer(keep_and_recover, &many, sizeof(many)) != 0)
		return;
	panic_with(1);
}

/* What was left of the recovered function's frame is written over. */
static int go_deep(int depth)
{
	volatile int here = depth;

	return depth > 0 ? go_deep(depth - 1) + here : 0;
}

static void after_many(void)
{
	CORO_FRAME;
	char letter = 'm';

	for (int i = 0; i < 1; i++)
		coro_defer(note_deferred, "a", 1);
	coro_defer(note_deferred, "b", 1);
	coro_defer(note_deferred, "c", 1);
	panic_with_many(&letter);
	go_deep(200);
}

static void test_many_arguments_and_nothing_stale_afterwards(void)
{
	for (int i = 0; i < 10; i++) {
		after_many();
		expect_noted("mmcba");
		expect(kept[0] == 1 && kept[8] == 9, "they came");
	}
}

/* ---- what they see ------------------------------------------------------------------------ */

static void see_current(void *at)
{
	expect(**(volatile int **)at == 2, "a volatile variable is current");
	expect_value(coro_recover(), 4);
}

/* It ends in a loop: there is no return to make the calls. */
static void no_exit(void)
{
	CORO_FRAME;
	volatile int condition = 1;
	volatile int *at = &condition;

	if (coro_defer(see_current, &at, sizeof(at)) != 0)
		return;
	go_deep(100);
	condition = 2;
	panic_with(4);
	for (;;)
		still_here();
}

static void test_a_function_without_an_exit_is_left_by_a_recovery(void)
{
	no_exit();
	expect_noted("");
}

static void count_up(volatile int *count, int most)
{
	for (int i = 0; i < 100; i++) {
		if (i == most)
			panic_with(5);
		(*count)++;
	}
}

static int count_until_panic(int most)
{
	CORO_FRAME;
	volatile int count = 0;

	if (coro_defer(must_recover, &(int){5}, sizeof(int)) != 0)
		return count;
	count_up(&count, most);
	return -1;
}

static void test_what_was_counted_until_the_panic_is_known(void)
{
	expect(count_until_panic(37) == 37, "the count is current");
	expect_noted("5");
}

/* ---- far up, and with frames below ----------------------------------------------------------- */

static void panic_at_depth(int depth)
{
	CORO_FRAME;
	char digit = (char)('0' + depth % 10);

	coro_defer(note_deferred, &digit, 1);
	if (depth > 0)
		panic_at_depth(depth - 1);
	else if (depth == 0)
		panic_with(6);
	still_here();
}

static void recover_half_way(int above)
{
	CORO_FRAME;

	if (above > 0) {
		recover_half_way(above - 1);
		note('u');
		return;
	}
	if (coro_defer(must_recover, &(int){6}, sizeof(int)) != 0)
		return;
	panic_at_depth(20);
}

static void test_a_panic_from_far_down_is_recovered_half_way(void)
{
	recover_half_way(5);
	expect_noted("0123456789012345678906uuuuu");
}

static void use_stack_then_panic(void *depth);

static void use_stack_and_recover(void *depth)
{
	int left = *(int *)depth;

	coro_recover();
	note((char)('0' + left));
	go_deep(50);
	if (left > 0)
		use_stack_then_panic(&(int){left - 1});
	still_here();
}

static void use_stack_then_panic(void *depth)
{
	CORO_FRAME;

	if (coro_defer(use_stack_and_recover, depth, sizeof(int)) != 0)
		return;
	go_deep(20);
	panic_with(7);
}

static void test_deferred_calls_use_the_stack_below_the_panic(void)
{
	use_stack_then_panic(&(int){6});
	expect_noted("6543210");
}

/* ---- in the midst of a panic ---------------------------------------------------------------- */

static void yield_and_recover(void *expected)
{
	coro_yield(NULL);
	expect_value(coro_recover(), *(int *)expected);
	note((char)('0' + *(int *)expected));
	coro_yield(NULL);
}

static void panic_and_yield(void *value)
{
	CORO_FRAME;

	if (coro_defer(yield_and_recover, value, sizeof(int)) != 0) {
		note('r');
		return;
	}
	panic_with(*(int *)value);
}

static void test_several_coroutines_panic_at_once(void)
{
	int values[3] = {2, 3, 4};
	struct coro *all[3];

	for (int i = 0; i < 3; i++)
		all[i] = coroutine_of(panic_and_yield, &values[i]);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 3; i++) {
			coro_resume(all[i], NULL);
			never_returns();
		}
	for (int i = 0; i < 3; i++) {
		expect(coro_status(all[i]) == CORO_FINISHED, "each has ended");
		coro_destroy(all[i]);
	}
	expect_noted("111213141r1r1r1");
}

static void *resume_to_the_end(void *co)
{
	while (coro_status(co) != CORO_FINISHED)
		coro_resume(co, NULL);
	return NULL;
}

static void test_a_panic_goes_on_on_another_thread(void)
{
	int value = 8;
	struct coro *co = coroutine_of(panic_and_yield, &value);
	pthread_t thread;

	coro_resume(co, NULL);
	expect(pthread_create(&thread, NULL, resume_to_the_end, co) == 0, "a thread");
	pthread_join(thread, NULL);
	coro_destroy(co);
	expect_noted("8r");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"calls of a loop are made backwards", test_calls_of_a_loop_are_made_backwards,
			CASES_ANYWHERE},
		{"a function that ends in a panic", test_a_function_that_ends_in_a_panic,
			CASES_ANYWHERE},
		{"a loop's call and another function's both recover",
			test_a_loops_call_and_another_functions_both_recover, CASES_ANYWHERE},
		{"calls under conditions", test_calls_under_conditions, CASES_ANYWHERE},
		{"a call that is not come to is not made", test_a_call_that_is_not_come_to_is_not_made,
			CASES_ANYWHERE},
		{"arguments are evaluated once and copied", test_arguments_are_evaluated_once_and_copied,
			CASES_ANYWHERE},
		{"many arguments, and nothing stale afterwards",
			test_many_arguments_and_nothing_stale_afterwards, CASES_ANYWHERE},
		{"a function without an exit is left by a recovery",
			test_a_function_without_an_exit_is_left_by_a_recovery, CASES_ANYWHERE},
		{"what was counted until the panic is known",
			test_what_was_counted_until_the_panic_is_known, CASES_ANYWHERE},
		{"a panic from far down is recovered half way",
			test_a_panic_from_far_down_is_recovered_half_way, CASES_ANYWHERE},
		{"deferred calls use the stack below the panic",
			test_deferred_calls_use_the_stack_below_the_panic, CASES_ANYWHERE},
		{"several coroutines panic at once", test_several_coroutines_panic_at_once,
			CASES_ANYWHERE},
		{"a panic goes on on another thread", test_a_panic_goes_on_on_another_thread,
			CASES_ONCE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
