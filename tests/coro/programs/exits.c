/*
 * exits.c - coro_exit() among deferred calls and panics: nothing stops it.
 *
 * The behaviours are those that Go's runtime's crash_test.go tests of Goexit: with
 * deferred calls, out of a panic, with a panic before and after a recovery; and its
 * test/fixedbugs/issue11256.go as far as an exit leaves nothing behind.
 */
#include <stdint.h>

#include "tests/coro/programs/cases.h"

enum { MANY = 10000 };

static char value_of_exit;

static void must_not_recover(void *nothing)
{
	(void)nothing;
	expect(coro_recover() == NULL, "an exit is no panic");
	note('n');
}

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	note((char)('0' + *(int *)expected));
}

static void panic_deferred(void *value)
{
	panic_with(*(int *)value);
}

static void exit_deferred(void *nothing)
{
	(void)nothing;
	note('x');
	coro_exit(&value_of_exit);
}

/* fn() in a coroutine of its own must exit, and bring its value. */
static void expect_exit(void (*fn)(void *))
{
	struct coro *co = coroutine_of(fn, NULL);

	expect(coro_resume(co, NULL) == &value_of_exit, "the exit's value comes out");
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	expect(coro_resume(co, NULL) == CORO_FAILED, "and does not go on");
	coro_destroy(co);
}

/* ---- an exit alone ------------------------------------------------------------------------ */

static void exit_deep(int depth)
{
	CORO_FRAME;

	coro_defer(note_deferred, "d", 1);
	coro_defer(must_not_recover, NULL, 0);
	if (depth > 0)
		exit_deep(depth - 1);
	else if (depth == 0)
		coro_exit(&value_of_exit);
	note('?');
}

static void exit_from_depth(void *nothing)
{
	(void)nothing;
	exit_deep(2);
	note('?');
}

static void test_an_exit_makes_all_calls_and_nobody_recovers(void)
{
	expect_exit(exit_from_depth);
	expect_noted("ndndnd");
}

static void exit_again(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(note_deferred, "a", 1);
	coro_defer(exit_deferred, NULL, 0);
	coro_defer(note_deferred, "b", 1);
	coro_exit(NULL);
}

static void test_an_exit_out_of_an_exit(void)
{
	expect_exit(exit_again);
	expect_noted("bxa");
}

/* ---- panics in an exit ----------------------------------------------------------------------- */

static void recover_in_exit(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		note('?'); /* the function does not go on: it is being left */
	coro_defer(panic_deferred, &(int){1}, sizeof(int));
	coro_exit(&value_of_exit);
}

static void test_a_panic_that_is_recovered_from_does_not_stop_an_exit(void)
{
	expect_exit(recover_in_exit);
	expect_noted("1n");
}

static void exit_in_a_function(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "i", 1);
	coro_defer(panic_deferred, &(int){2}, sizeof(int));
	coro_defer(note_deferred, "j", 1);
	coro_exit(&value_of_exit);
}

static void recover_further_up(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	for (int i = 0; i < 2; i++)
		coro_defer(note_deferred, "l", 1);
	if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
		note('?');
	exit_in_a_function();
	note('?');
}

static void test_nor_one_that_is_recovered_from_further_up(void)
{
	expect_exit(recover_further_up);
	expect_noted("ji2ll");
}

static void panic_and_recover(void *value)
{
	CORO_FRAME;

	if (coro_defer(must_recover, value, sizeof(int)) != 0) {
		note('r');
		return;
	}
	panic_deferred(value);
}

static void recover_within_exit(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(must_not_recover, NULL, 0);
	coro_defer(panic_and_recover, &(int){5}, sizeof(int));
	if (coro_defer(must_recover, &(int){4}, sizeof(int)) != 0)
		note('?');
	coro_defer(panic_deferred, &(int){4}, sizeof(int));
	coro_defer(panic_and_recover, &(int){3}, sizeof(int));
	coro_exit(&value_of_exit);
}

static void test_one_within_a_deferred_call_goes_as_ever(void)
{
	expect_exit(recover_within_exit);
	expect_noted("3r45rn");
}

static void count_recovery(void *count)
{
	**(int **)count += coro_recover() != NULL;
}

/* Each recovery goes on with the exit where it was, not further down the stack. */
static void recover_many_times(void *count)
{
	CORO_FRAME;

	for (volatile int i = 0; i < MANY; i++) {
		if (coro_defer(count_recovery, &count, sizeof(count)) != 0)
			note('?');
		coro_defer(panic_deferred, &(int){4}, sizeof(int));
	}
	coro_exit(&value_of_exit);
}

static void test_ten_thousand_recoveries_in_one_exit(void)
{
	int count = 0;
	struct coro *co = coroutine_of(recover_many_times, &count);

	expect(coro_resume(co, NULL) == &value_of_exit, "the exit's value comes out");
	coro_destroy(co);
	expect(count == MANY, "each recovered");
	expect_noted("");
}

/* The later exit is the one that goes on. */
static void recover_in_two_exits(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){9}, sizeof(int)) != 0)
		note('?');
	coro_defer(panic_deferred, &(int){9}, sizeof(int));
	coro_defer(exit_deferred, NULL, 0);
	coro_exit(NULL);
}

static void test_a_recovery_in_an_exit_out_of_an_exit(void)
{
	expect_exit(recover_in_two_exits);
	expect_noted("x9n");
}

/* ---- exits in a panic ----------------------------------------------------------------------- */

static void exit_in_panic(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(must_not_recover, NULL, 0);
	coro_defer(exit_deferred, NULL, 0);
	panic_with(5);
}

static void test_an_exit_ends_the_panic_that_it_is_in(void)
{
	expect_exit(exit_in_panic);
	expect_noted("xn");
}

static void panic_exit_panic(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){7}, sizeof(int)) != 0)
		note('?');
	coro_defer(panic_deferred, &(int){7}, sizeof(int));
	coro_defer(exit_deferred, NULL, 0);
	panic_with(6);
}

static void test_a_panic_an_exit_out_of_it_and_a_panic_out_of_that(void)
{
	expect_exit(panic_exit_panic);
	expect_noted("x7n");
}

/* ---- exits that nothing of is left ------------------------------------------------------------ */

static volatile bool may_exit;

static void wait_and_exit(void *nothing)
{
	volatile char buffer[1024];

	(void)nothing;
	buffer[0] = 1;
	while (!may_exit)
		coro_yield(NULL);
	note((char)('0' + buffer[0]));
	coro_exit(&value_of_exit);
}

static void recover_on_the_same_stack(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(must_recover, &(int){8}, sizeof(int)) != 0)
		return;
	panic_with(8);
}

static void test_an_exit_in_the_midst_leaves_a_stack_like_new(void)
{
	struct coro *co = coroutine_of(wait_and_exit, NULL);

	may_exit = false;
	for (int i = 0; i < 3; i++)
		expect(coro_resume(co, NULL) == NULL, "it waits");
	may_exit = true;
	expect(coro_resume(co, NULL) == &value_of_exit, "it exits");
	coro_destroy(co);
	in_coroutine(recover_on_the_same_stack, NULL);
	expect_noted("18");
}

static void test_a_cancelled_one_exits(void)
{
	struct coro *co = coroutine_of(wait_and_exit, NULL);

	may_exit = false;
	coro_resume(co, NULL);
	expect(coro_cancel(co) == 0, "it is cancelled");
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	coro_destroy(co);
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"an exit makes all calls and nobody recovers",
			test_an_exit_makes_all_calls_and_nobody_recovers, CASES_ANYWHERE},
		{"an exit out of an exit", test_an_exit_out_of_an_exit, CASES_ANYWHERE},
		{"a panic that is recovered from does not stop an exit",
			test_a_panic_that_is_recovered_from_does_not_stop_an_exit, CASES_ANYWHERE},
		{"nor one that is recovered from further up",
			test_nor_one_that_is_recovered_from_further_up, CASES_ANYWHERE},
		{"one within a deferred call goes as ever", test_one_within_a_deferred_call_goes_as_ever,
			CASES_ANYWHERE},
		{"ten thousand recoveries in one exit", test_ten_thousand_recoveries_in_one_exit,
			CASES_ONCE},
		{"a recovery in an exit out of an exit", test_a_recovery_in_an_exit_out_of_an_exit,
			CASES_ANYWHERE},
		{"an exit ends the panic that it is in", test_an_exit_ends_the_panic_that_it_is_in,
			CASES_ANYWHERE},
		{"a panic, an exit out of it and a panic out of that",
			test_a_panic_an_exit_out_of_it_and_a_panic_out_of_that, CASES_ANYWHERE},
		{"an exit in the midst leaves a stack like new",
			test_an_exit_in_the_midst_leaves_a_stack_like_new, CASES_ANYWHERE},
		{"a cancelled one exits", test_a_cancelled_one_exits, CASES_ANYWHERE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
