/*
 * recover.c - who recovers from a panic, and what of it is left then.
 *
 * The behaviours are those that Go's test/recover.go tests.
 */
#include <stdint.h>
#include <string.h>

#include "tests/coro/programs/cases.h"

/* ---- who may ---------------------------------------------------------------------- */

static void must_not_recover(void *nothing)
{
	(void)nothing;
	expect(coro_recover() == NULL, "there is nothing to recover from");
	note('n');
}

/* Small and called once: a compiler would like it within its caller. */
static void *recover_for_caller(void)
{
	return coro_recover();
}

static void must_recover(void *expected)
{
	void *by_helper = recover_for_caller(), *first = coro_recover(), *second = coro_recover();

	expect(by_helper == NULL, "what the deferred function calls does not recover");
	expect_value(first, *(int *)expected);
	expect(second == NULL, "the value is given once");
	note('r');
}

static void call_one_that_must_not(void *nothing)
{
	must_not_recover(nothing);
	still_here();
}

static void call_itself(void *depth)
{
	int left = *(int *)depth;

	if (left > 0) {
		call_itself(&(int){left - 1});
		still_here();
		return;
	}
	must_not_recover(NULL);
	still_here();
}

static void only_the_deferred_function(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(must_recover, &(int){1}, sizeof(int)) != 0)
		return;
	coro_defer(call_one_that_must_not, NULL, 0);
	coro_defer(call_itself, &(int){3}, sizeof(int));
	panic_with(1);
}

static void test_only_the_deferred_function(void)
{
	only_the_deferred_function();
	expect_noted("nnrn");
}

/* Inlined, it would have its caller's frame. */
static inline void *recover_inline(void)
{
	return coro_recover();
}

static void recover_by_inline(void *nothing)
{
	(void)nothing;
	expect(recover_inline() == NULL, "an inline function is a function of its own");
}

static void inline_helper(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){2}, sizeof(int)) != 0)
		return;
	coro_defer(recover_by_inline, NULL, 0);
	panic_with(2);
}

static void test_an_inline_function_is_one_of_its_own(void)
{
	inline_helper();
	expect_noted("r");
}

static void defer_one_that_must_not(void *nothing)
{
	CORO_FRAME;

	coro_defer(must_not_recover, nothing, 0);
}

static void deferred_in_a_deferred_call(void)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &(int){3}, sizeof(int)) != 0)
		return;
	coro_defer(defer_one_that_must_not, NULL, 0);
	panic_with(3);
}

static void test_what_a_deferred_call_defers_does_not(void)
{
	deferred_in_a_deferred_call();
	expect_noted("nr");
}

static void no_panic(void)
{
	CORO_FRAME;

	must_not_recover(NULL);
	coro_defer(must_not_recover, NULL, 0);
	expect(coro_recover() == NULL, "nobody panics");
}

static void test_without_a_panic_there_is_nothing(void)
{
	no_panic();
	expect_noted("nn");
}

/* ---- that it is over --------------------------------------------------------------- */

static void recover_blindly(void *nothing)
{
	(void)nothing;
	coro_recover();
}

static void value_not_looked_at(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(recover_blindly, NULL, 0) != 0)
		return;
	panic_with(4);
}

static void test_a_recovery_whose_value_nobody_wants_is_one(void)
{
	value_not_looked_at();
	expect_noted("n");
}

static void earlier_calls(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "a", 1);
	coro_defer(note_deferred, "b", 1);
	if (coro_defer(must_recover, &(int){7}, sizeof(int)) != 0) {
		note('-');
		return;
	}
	coro_defer(note_deferred, "c", 1);
	panic_with(7);
}

static void test_calls_deferred_before_are_made_by_the_functions_end(void)
{
	earlier_calls();
	expect_noted("cr-ba");
}

static void recover_null(void *nothing)
{
	(void)nothing;
	expect(coro_recover() == NULL, "the value was NULL");
	note('0');
}

static void panic_with_null(void)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(recover_null, NULL, 0) != 0)
		return;
	coro_panic(NULL);
}

static void test_null_is_a_value_as_any_other(void)
{
	panic_with_null();
	expect_noted("0n");
}

/* ---- results ------------------------------------------------------------------------- */

struct attempt {
	int panic; /* 0: none */
	int result;
};

static void attempt(void *arg)
{
	const struct attempt *what = *(struct attempt **)arg;

	if (what->panic != 0)
		panic_with(what->panic);
}

static void result_from_panic(void *arg)
{
	struct attempt *what = *(struct attempt **)arg;
	const void *value = coro_recover();

	if (value != NULL)
		what->result = (int)(intptr_t)value;
}

/* What is tried runs at the function's end: the result is there already. */
static int result_of_trying(int panic, int otherwise)
{
	CORO_FRAME;
	struct attempt what = {.panic = panic};
	struct attempt *volatile at = &what;

	if (coro_defer(result_from_panic, (void *)&at, sizeof(void *)) != 0)
		return at->result;
	coro_defer(attempt, (void *)&at, sizeof(void *));
	at->result = otherwise;
	return at->result;
}

static void test_a_deferred_call_gives_the_functions_result(void)
{
	expect_value((void *)(intptr_t)result_of_trying(5, 55), 5);
	expect_value((void *)(intptr_t)result_of_trying(0, 55), 55);
}

struct sum {
	int *result;
	int count;
	int numbers[3];
};

static void add_up(void *arg)
{
	struct sum *sum = arg;

	*sum->result = 0;
	for (int i = 0; i < sum->count; i++)
		*sum->result += sum->numbers[i];
	if (coro_recover() != NULL)
		*sum->result += 100;
}

static void sum_up(bool panics, int *result)
{
	CORO_FRAME;
	struct sum sum = {result, 3, {1, 2, 3}};

	if (!panics)
		memcpy(sum.numbers, (int[]){4, 5, 6}, sizeof(sum.numbers));
	if (coro_defer(add_up, &sum, sizeof(sum)) != 0)
		return;
	memset(&sum, 0, sizeof(sum));
	if (panics)
		panic_with(8);
}

static void test_several_arguments_come_with_and_without_a_panic(void)
{
	int result = 0;

	sum_up(true, &result);
	expect_value((void *)(intptr_t)result, 106);
	sum_up(false, &result);
	expect_value((void *)(intptr_t)result, 15);
}

/* ---- frames of any shape ---------------------------------------------------------------- */

enum { LARGE_BYTES = 24 << 10 };

static void recover_on_a_large_frame(void *must)
{
	volatile char large[LARGE_BYTES];

	large[0] = large[LARGE_BYTES - 1] = 1;
	expect((coro_recover() != NULL) == *(bool *)must, "a large frame is one");
	note((char)('0' + large[LARGE_BYTES - 1]));
}

static void large_frames(void)
{
	CORO_FRAME;

	coro_defer(recover_on_a_large_frame, &(bool){false}, sizeof(bool));
	if (coro_defer(recover_on_a_large_frame, &(bool){true}, sizeof(bool)) != 0)
		return;
	panic_with(6);
}

static void test_a_large_frame_recovers(void)
{
	large_frames();
	expect_noted("11");
}

static void recover_on_an_aligned_frame(void *bytes)
{
	_Alignas(64) volatile char aligned[64];

	aligned[0] = *(char *)bytes;
	expect((uintptr_t)aligned % 64 == 0, "it is aligned");
	expect_value(coro_recover(), 61);
	note(aligned[0]);
}

static void recover_on_a_frame_of_any_length(void *bytes)
{
	size_t length = *(size_t *)bytes;
	volatile char *some = __builtin_alloca(length);

	some[0] = 1;
	some[length - 1] = 2;
	expect_value(coro_recover(), 61);
	note((char)('0' + some[length - 1]));
}

static void odd_frame(void (*fn)(void *), const void *args, size_t bytes)
{
	CORO_FRAME;

	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(fn, args, bytes) != 0)
		return;
	panic_with(61);
}

static void test_frames_that_are_aligned_or_of_any_length_recover(void)
{
	static const size_t lengths[] = {1, 100, 5000};

	odd_frame(recover_on_an_aligned_frame, "a", 1);
	for (int i = 0; i < 3; i++)
		odd_frame(recover_on_a_frame_of_any_length, &lengths[i], sizeof(lengths[i]));
	expect_noted("an2n2n2n");
}

struct enormous {
	int expected;
	char rest[8192 - sizeof(int)];
};

static void recover_with_enormous_arguments(void *arg)
{
	const struct enormous *enormous = arg;
	volatile char large[8192];

	large[0] = enormous->rest[sizeof(enormous->rest) - 1];
	must_not_recover(NULL);
	expect_value(coro_recover(), enormous->expected);
	note(large[0]);
}

static void enormous_arguments(void)
{
	CORO_FRAME;
	static struct enormous enormous = {.expected = 13};

	enormous.rest[sizeof(enormous.rest) - 1] = 'e';
	coro_defer(must_not_recover, NULL, 0);
	if (coro_defer(recover_with_enormous_arguments, &enormous, sizeof(enormous)) != 0)
		return;
	enormous.rest[sizeof(enormous.rest) - 1] = '?';
	panic_with(13);
}

static void test_enormous_arguments_and_a_large_frame_recover(void)
{
	enormous_arguments();
	expect_noted("nen");
}

static void panic_from_second_place(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "a", 1);
	coro_defer(note_deferred, "b", 1);
	panic_with(21);
}

static void recover_at_second_place(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "c", 1);
	if (coro_defer(must_recover, &(int){21}, sizeof(int)) != 0)
		return;
	panic_from_second_place();
	still_here();
}

static void test_two_functions_defer_at_several_places(void)
{
	recover_at_second_place();
	expect_noted("barc");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"only the deferred function recovers, once", test_only_the_deferred_function,
			CASES_ANYWHERE},
		{"an inline function is one of its own", test_an_inline_function_is_one_of_its_own,
			CASES_ANYWHERE},
		{"what a deferred call defers does not recover", test_what_a_deferred_call_defers_does_not,
			CASES_ANYWHERE},
		{"without a panic there is nothing to recover", test_without_a_panic_there_is_nothing,
			CASES_ANYWHERE},
		{"a recovery whose value nobody wants is one",
			test_a_recovery_whose_value_nobody_wants_is_one, CASES_ANYWHERE},
		{"calls deferred before are made by the function's end",
			test_calls_deferred_before_are_made_by_the_functions_end, CASES_ANYWHERE},
		{"NULL is a value as any other", test_null_is_a_value_as_any_other, CASES_ANYWHERE},
		{"a deferred call gives the function's result",
			test_a_deferred_call_gives_the_functions_result, CASES_ANYWHERE},
		{"several arguments come with and without a panic",
			test_several_arguments_come_with_and_without_a_panic, CASES_ANYWHERE},
		{"a large frame recovers", test_a_large_frame_recovers, CASES_ANYWHERE},
		{"frames that are aligned or of any length recover",
			test_frames_that_are_aligned_or_of_any_length_recover, CASES_ANYWHERE},
		{"enormous arguments and a large frame recover",
			test_enormous_arguments_and_a_large_frame_recover, CASES_ANYWHERE},
		{"two functions defer at several places", test_two_functions_defer_at_several_places,
			CASES_ANYWHERE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
