/*
 * callbacks.c - panics and exits in what foreign code calls back.
 *
 * The behaviours are those that Go's tests of calls to C and back test
 * (TestCallbackPanic, TestCallbackPanicLoop, TestCallbackPanicLocked,
 * TestNestedCall, TestPanicFromC's like, TestGoexitCallback).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/coro/programs/cases.h"

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	note((char)('0' + *(int *)expected));
}

static void *panic_called_back(void *value)
{
	CORO_FRAME;

	coro_defer(note_deferred, "c", 1);
	panic_with((int)(intptr_t)value);
}

static void *call_back_to_panic(void *value)
{
	coro_callback(panic_called_back, value);
	note('?');
	return NULL;
}

static void call_to_panic(int value)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &value, sizeof(int)) != 0)
		return;
	coro_defer(note_deferred, "f", 1);
	coro_foreign(call_back_to_panic, (void *)(intptr_t)value);
	note('?');
}

static void test_a_panic_in_a_callback_is_recovered_above_the_foreign_frames(void)
{
	call_to_panic(1);
	expect_noted("cf1");
}

static void test_the_same_when_it_is_locked_to_its_thread(void)
{
	expect(coro_lock_thread() == 0, "it can be locked");
	call_to_panic(2);
	expect(coro_unlock_thread() == 0, "it is locked still");
	expect(coro_unlock_thread() != 0, "and was so once");
	expect_noted("cf2");
}

static void *unlock_called_back(void *nothing)
{
	expect(coro_unlock_thread() == 0, "it is locked by request");
	expect(coro_yield(nothing) == CORO_FAILED && errno == EBUSY, "and by the call");
	return nothing;
}

static void *call_back_to_unlock(void *nothing)
{
	return coro_callback(unlock_called_back, nothing);
}

static void lock_and_call(void *value)
{
	expect(coro_lock_thread() == 0, "it can be locked");
	coro_foreign(call_back_to_unlock, NULL);
	expect(coro_unlock_thread() != 0, "it is unlocked");
	coro_yield(value);
}

static void test_one_that_a_callback_unlocks_stays_for_the_call(void)
{
	char value;
	struct coro *co = coroutine_of(lock_and_call, &value);

	expect(coro_resume(co, NULL) == &value, "it yields after the call");
	expect(coro_destroy(co) == 0, "it ends");
}

static void *recover_called_back(void *value)
{
	call_to_panic((int)(intptr_t)value);
	note('b');
	return value;
}

static void *call_back_to_recover(void *value)
{
	void *result = coro_callback(recover_called_back, value);

	note('g');
	return result;
}

static void test_one_recovered_in_the_callback_leaves_the_outer_call(void)
{
	expect_value(coro_foreign(call_back_to_recover, (void *)3), 3);
	expect_noted("cf3bg");
}

/* ---- to and fro ------------------------------------------------------------------------------ */

static void *to_and_fro(void *depth);

static void *call_back_deeper(void *depth)
{
	return coro_callback(to_and_fro, depth);
}

static void *to_and_fro(void *depth)
{
	CORO_FRAME;
	intptr_t left = (intptr_t)depth;
	char digit = (char)('0' + left);

	coro_defer(note_deferred, &digit, 1);
	if (left == 0)
		panic_with(4);
	return coro_foreign(call_back_deeper, (void *)(left - 1));
}

static void recover_from_depth(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){4}, sizeof(int)) != 0)
		return;
	to_and_fro((void *)3);
}

static void test_a_panic_unwinds_three_callbacks_in_step(void)
{
	recover_from_depth();
	expect_noted("01234");
}

static int compare(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

static void *numbers_sort(void *numbers)
{
	qsort(numbers, 3, sizeof(int), compare);
	return NULL;
}

/* While a panic is on its way, as a deferred call. */
static void call_out_and_recover(void *nothing)
{
	int numbers[3] = {3, 1, 2};

	(void)nothing;
	coro_foreign(numbers_sort, numbers);
	for (int i = 0; i < 3; i++)
		note((char)('0' + numbers[i]));
	expect_value(coro_foreign(call_back_to_recover, (void *)5), 5);
	expect_value(coro_recover(), 6);
}

static void deferred_calls_out(void)
{
	CORO_FRAME;

	if (coro_defer(call_out_and_recover, NULL, 0) != 0)
		return;
	coro_foreign(call_back_to_panic, (void *)6);
}

static void test_deferred_calls_call_out_while_a_callbacks_panic_goes_on(void)
{
	deferred_calls_out();
	expect_noted("c123cf5bg");
}

/* A callback's panic is overtaken by one of a deferred call above the foreign frames. */
static void panic_deferred(void *value)
{
	panic_with(*(int *)value);
}

static void overtaken(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){8}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){8}, sizeof(int));
	coro_foreign(call_back_to_panic, (void *)7);
}

static void test_a_callbacks_panic_is_overtaken_above_the_foreign_frames(void)
{
	overtaken();
	expect_noted("c8");
}

/* ---- exits ------------------------------------------------------------------------------------ */

static void *exit_called_back(void *value)
{
	CORO_FRAME;

	coro_defer(note_deferred, "e", 1);
	coro_exit(value);
}

static void *call_back_to_exit(void *value)
{
	coro_callback(exit_called_back, value);
	note('?');
	return NULL;
}

static void exit_through(void *value)
{
	CORO_FRAME;

	coro_defer(note_deferred, "o", 1);
	coro_foreign(call_back_to_exit, value);
	note('?');
}

static void test_an_exit_in_a_callback_ends_the_coroutine(void)
{
	char value;
	struct coro *co = coroutine_of(exit_through, &value);

	expect(coro_resume(co, NULL) == &value, "the exit's value comes out");
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	coro_destroy(co);
	expect_noted("eo");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"a panic in a callback is recovered above the foreign frames",
			test_a_panic_in_a_callback_is_recovered_above_the_foreign_frames,
			CASES_IN_COROUTINE},
		{"the same when it is locked to its thread",
			test_the_same_when_it_is_locked_to_its_thread, CASES_IN_COROUTINE},
		{"one that a callback unlocks stays for the call",
			test_one_that_a_callback_unlocks_stays_for_the_call, CASES_ANYWHERE},
		{"one recovered in the callback leaves the outer call",
			test_one_recovered_in_the_callback_leaves_the_outer_call, CASES_IN_COROUTINE},
		{"a panic unwinds three callbacks in step", test_a_panic_unwinds_three_callbacks_in_step,
			CASES_IN_COROUTINE},
		{"deferred calls call out while a callback's panic goes on",
			test_deferred_calls_call_out_while_a_callbacks_panic_goes_on, CASES_IN_COROUTINE},
		{"a callback's panic is overtaken above the foreign frames",
			test_a_callbacks_panic_is_overtaken_above_the_foreign_frames, CASES_IN_COROUTINE},
		{"an exit in a callback ends the coroutine", test_an_exit_in_a_callback_ends_the_coroutine,
			CASES_ANYWHERE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
