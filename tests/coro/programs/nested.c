/*
 * nested.c - panics in deferred calls of panics: which go on, which are over, and who
 * sees which.
 *
 * The behaviours are those that Go's test/recover1.go, the recursive panics of its
 * runtime's crash_test.go and, of defer_test.go, TestAbortedPanic, TestRecoverMatching,
 * TestDeferWithRepeatedRepanics and its issues 43920, 43921 and 43941 test.
 */
#include <stdint.h>
#include <string.h>

#include "tests/coro/programs/cases.h"

/* ---- what most cases defer ------------------------------------------------------------ */

static void must_not_recover(void *nothing)
{
	(void)nothing;
	expect(coro_recover() == NULL, "there is nothing to recover from");
	note('n');
}

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	expect(coro_recover() == NULL, "the value is given once");
	note((char)('0' + *(int *)expected));
}

static void recover_blindly(void *nothing)
{
	(void)nothing;
	coro_recover();
}

static void panic_deferred(void *value)
{
	panic_with(*(int *)value);
}

/* ---- one within another ----------------------------------------------------------------- */

static void panic_and_recover(void *value)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0); /* though the outer panic goes on */
	if (coro_defer(must_recover, value, sizeof(int)) != 0)
		return;
	panic_deferred(value);
}

static void panic_within(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	coro_defer(panic_and_recover, &(int){2}, sizeof(int));
	panic_with(1);
}

static void test_one_within_another_leaves_the_outer(void)
{
	panic_within();
	expect_noted("2n1n");
}

static void panic_recover_and_see(void *value)
{
	panic_and_recover(value);
	expect_value(coro_recover(), 1); /* it is again the one that called this */
	note('r');
}

static void outer_is_seen_again(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(panic_recover_and_see, &(int){2}, sizeof(int)) != 0)
		return;
	panic_with(1);
}

static void test_after_the_inner_one_the_outer_is_seen_again(void)
{
	outer_is_seen_again();
	expect_noted("2nrn");
}

static void recover_then_panic_and_recover(void *expected)
{
	CORO_FRAME;

	if (expected != NULL)
		expect_value(coro_recover(), *(int *)expected);
	else
		coro_recover();
	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	panic_with(3);
}

static void one_after_another(const void *expected, size_t bytes)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(recover_then_panic_and_recover, expected, bytes) != 0)
		return;
	panic_with(2);
}

static void test_one_after_another_in_one_deferred_call(void)
{
	one_after_another(&(int){2}, sizeof(int));
	one_after_another(NULL, 0);
	expect_noted("3n3n");
}

static void panic_deeper(void *depth)
{
	CORO_FRAME;
	int left = *(int *)depth;

	if (coro_defer(must_recover, &left, sizeof(int)) != 0)
		return;
	if (left < 9)
		coro_defer(panic_deeper, &(int){left + 1}, sizeof(int));
	panic_with(left);
}

static void test_each_of_nine_is_recovered_where_it_was_raised(void)
{
	panic_deeper(&(int){1});
	expect_noted("987654321");
}

/* ---- one in the place of another ---------------------------------------------------------- */

static void overtaken(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){2}, sizeof(int));
	panic_with(1);
}

static void test_one_that_overtakes_another_ends_both(void)
{
	overtaken();
	expect_noted("2n");
}

static void panic_far_below(int depth)
{
	CORO_FRAME;

	coro_defer(note_deferred, "d", 1);
	if (depth > 0)
		panic_far_below(depth - 1);
	else if (depth == 0)
		panic_with(1);
	still_here();
}

static void overtaken_from_afar(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){4}, sizeof(int)) != 0)
		return;
	for (int i = 4; i > 1; i--)
		coro_defer(panic_deferred, &i, sizeof(int));
	panic_far_below(2);
}

static void test_one_overtakes_all_that_are_under_way(void)
{
	overtaken_from_afar();
	expect_noted("ddd4n");
}

static void recover_and_wrap(void *nothing)
{
	(void)nothing;
	const void *value = coro_recover();
	if (value != NULL)
		panic_with(1 + (int)(intptr_t)value);
}

static void wrapped_below(void)
{
	CORO_FRAME;
	volatile char large[8192];

	large[0] = 0;
	coro_defer(recover_and_wrap, NULL, 0);
	panic_with(4 + large[0]);
}

static void wrapped(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){5}, sizeof(int)) != 0)
		return;
	wrapped_below();
}

static void test_one_is_recovered_and_raised_anew(void)
{
	wrapped();
	expect_noted("5n");
}

/* The second is raised by the function's end, when the first is over. */
static void second_at_the_end(void)
{
	CORO_FRAME;

	coro_defer(panic_deferred, &(int){2}, sizeof(int));
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	panic_with(1);
}

static void recover_second(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
		return;
	second_at_the_end();
}

static void test_a_second_by_the_end_of_a_function_that_recovered(void)
{
	recover_second();
	expect_noted("12");
}

static void three_deferred(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){2}, sizeof(int));
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	panic_with(1);
}

static void two_between(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "b", 1);
	three_deferred();
	note('c');
}

static void recover_third(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	two_between();
	panic_with(3);
}

static void test_calls_that_are_left_are_made_when_a_function_recovers_twice(void)
{
	recover_third();
	expect_noted("12ncb3");
}

/* ---- panics at the end of functions ---------------------------------------------------------- */

/* A deferred call panics with 3 and a later one of the function recovers; then a panic of
   5 replaces one of 4, all while one of 1 is on its way (issue 43920). */
static void panic_in_a_function(void)
{
	panic_with(4);
}

static void replace_and_recover(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(must_recover, &(int){5}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){5}, sizeof(int));
	panic_in_a_function();
}

static void panic_at_end_and_recover(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(replace_and_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){3}, sizeof(int));
}

static void panic_after_a_note(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "s", 1);
	panic_with(1);
}

static void several_at_the_end(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	coro_defer(panic_at_end_and_recover, NULL, 0);
	panic_after_a_note();
}

static void test_panics_by_the_end_of_a_deferred_call_leave_the_outer(void)
{
	several_at_the_end();
	expect_noted("s351");
}

/* A panic in a loop's deferred call, then one in a function's (issue 43921). */
static void defer_in_a_loop_and_panic(void)
{
	CORO_FRAME;

	for (int i = 0; i < 3; i++)
		coro_defer(note_deferred, "l", 1);
	coro_defer(panic_and_recover, &(int){4}, sizeof(int));
	panic_with(1);
}

static void recover_from_loop(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	defer_in_a_loop_and_panic();
}

static void test_calls_of_a_loop_are_made_after_an_inner_recovery(void)
{
	recover_from_loop();
	expect_noted("4nlll1");
}

/* Recoveries by functions' ends, then frames of other shapes in the same places
   (issue 43941). */
static void replaced_at_the_end(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){3}, sizeof(int));
	panic_with(2);
}

static void panic_by_the_end(void)
{
	CORO_FRAME;

	coro_defer(replaced_at_the_end, NULL, 0);
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	coro_defer(panic_deferred, &(int){1}, sizeof(int));
}

static void then_notes(void)
{
	CORO_FRAME;

	panic_by_the_end();
	coro_defer(recover_blindly, NULL, 0);
	coro_defer(recover_blindly, NULL, 0);
	coro_defer(note_deferred, "c", 1);
	coro_defer(note_deferred, "b", 1);
	note('a');
}

static void panic_below_notes(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "f", 1);
	coro_defer(note_deferred, "e", 1);
	panic_after_a_note();
	/* That it is there changes the frame. */
	coro_defer(note_deferred, "?", 1);
	coro_defer(panic_deferred, &(int){7}, sizeof(int));
}

static void frames_over_frames(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	then_notes();
	panic_below_notes();
}

static void test_frames_where_others_recovered_are_their_own(void)
{
	frames_over_frames();
	expect_noted("13abcsef1");
}

/* ---- again and again ------------------------------------------------------------------------ */

struct level {
	int level;
	int recovers;
};

static void recover_at_its_level(void *arg)
{
	const struct level *level = arg;
	const void *value = coro_recover();

	if (value == NULL)
		return;
	note((char)('0' + level->level));
	if (level->level != (int)(intptr_t)value)
		panic_with((int)(intptr_t)value);
}

/* As an interpreter that looks at each level whether it handles the error there. */
static void interpret(int level, int deepest, int recovers)
{
	CORO_FRAME;
	struct level this = {level, recovers};

	if (coro_defer(recover_at_its_level, &this, sizeof(this)) != 0)
		return;
	if (level < deepest)
		interpret(level + 1, deepest, recovers);
	else
		panic_with(recovers);
	still_here();
}

/* Where records were, there is something else now. */
static void spoil_and_panic(int depth)
{
	volatile uint32_t words[40];

	memset((void *)words, 0xff, sizeof(words));
	if (depth > 0)
		spoil_and_panic(depth - 1);
	else if (depth == 0)
		panic_with(1);
	still_here();
}

static void recover_from_spoilt(void)
{
	CORO_FRAME;

	if (coro_defer(recover_blindly, NULL, 0) != 0)
		return;
	spoil_and_panic(10);
}

static void test_panics_raised_anew_from_level_to_level_leave_nothing(void)
{
	interpret(0, 5, 2);
	recover_from_spoilt();
	expect_noted("5432");
	interpret(0, 4, 1);
	recover_from_spoilt();
	expect_noted("4321");
	interpret(0, 6, 3);
	recover_from_spoilt();
	expect_noted("6543");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"one within another leaves the outer", test_one_within_another_leaves_the_outer,
			CASES_ANYWHERE},
		{"after the inner one the outer is seen again",
			test_after_the_inner_one_the_outer_is_seen_again, CASES_ANYWHERE},
		{"one after another in one deferred call", test_one_after_another_in_one_deferred_call,
			CASES_ANYWHERE},
		{"each of nine is recovered where it was raised",
			test_each_of_nine_is_recovered_where_it_was_raised, CASES_ANYWHERE},
		{"one that overtakes another ends both", test_one_that_overtakes_another_ends_both,
			CASES_ANYWHERE},
		{"one overtakes all that are under way", test_one_overtakes_all_that_are_under_way,
			CASES_ANYWHERE},
		{"one is recovered and raised anew", test_one_is_recovered_and_raised_anew,
			CASES_ANYWHERE},
		{"a second by the end of a function that recovered",
			test_a_second_by_the_end_of_a_function_that_recovered, CASES_ANYWHERE},
		{"calls that are left are made when a function recovers twice",
			test_calls_that_are_left_are_made_when_a_function_recovers_twice, CASES_ANYWHERE},
		{"panics by the end of a deferred call leave the outer",
			test_panics_by_the_end_of_a_deferred_call_leave_the_outer, CASES_ANYWHERE},
		{"calls of a loop are made after an inner recovery",
			test_calls_of_a_loop_are_made_after_an_inner_recovery, CASES_ANYWHERE},
		{"frames where others recovered are their own",
			test_frames_where_others_recovered_are_their_own, CASES_ANYWHERE},
		{"panics raised anew from level to level leave nothing",
			test_panics_raised_anew_from_level_to_level_leave_nothing, CASES_ANYWHERE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
