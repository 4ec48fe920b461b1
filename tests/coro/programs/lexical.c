/*
 * lexical.c - CORO_DEFER(): a call that is made whichever way its scope is left.
 *
 * Proves: the same of both kinds: the program is built with -fexceptions, where panics
 * unwind and no scope has a record, and without.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/coro/programs/cases.h"

#define NOINLINE __attribute__((noinline))

enum { DEEP = 100, OFTEN = 1000 };

#if defined(__EXCEPTIONS)
static const bool unwinds = true;
#else
static const bool unwinds = false;
#endif

/* clang makes the process abort where one would take the place of an unwinding. */
#if defined(__clang__) && defined(__EXCEPTIONS)
static const bool can_overtake = false;
#else
static const bool can_overtake = true;
#endif

static void note_letter(void *letter)
{
	note(*(const char *)letter);
}

static char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* CORO_DEFER(note_letter, at('a')). */
static char *at(char letter)
{
	return &letters[letter - 'a'];
}

/* CORO_DEFER(panic_lexically, number(1)). */
static int *number(int value)
{
	static int numbers[32];

	numbers[value] = value;
	return &numbers[value];
}

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	note('R');
}

static void must_not_recover(void *nothing)
{
	(void)nothing;
	expect(coro_recover() == NULL, "a lexical call recovers from nothing");
	note('n');
}

static void panic_lexically(void *value)
{
	panic_with(*(int *)value);
}

/* fn() must panic with this value. */
static NOINLINE void recover_from(void (*fn)(void), int value)
{
	CORO_FRAME;

	if (coro_defer(must_recover, &value, sizeof(value)) == 0)
		fn();
}

/* ---- ways out ------------------------------------------------------------------------------- */

static NOINLINE int leave_by(int way)
{
	for (int i = 0; i < 2; i++) {
		CORO_DEFER(note_letter, at('a'));
		if (way == 1)
			break;
		CORO_DEFER(note_letter, at('b'));
		if (way == 2)
			continue;
		if (way == 3)
			goto out;
		{
			CORO_DEFER(note_letter, at('c'));
			note('1');
			if (way == 4)
				return 4;
		}
		note('2');
	}
	note('3');
out:
	note('4');
	return way;
}

static void test_the_end_break_continue_goto_return(void)
{
	static const char *const expected[] = {"1c2ba1c2ba34", "a34", "baba34", "ba4", "1cba"};

	for (int way = 0; way < 5; way++) {
		expect(leave_by(way) == way, "the value is the way");
		expect_noted(expected[way]);
	}
}

static NOINLINE void change_after(char *letter)
{
	void (*fn)(void *) = note_letter;

	CORO_DEFER(fn, letter);
	letter = at('z');
	fn = must_not_recover;
	note(*letter);
	expect(fn != note_letter, "it is another function now");
}

static void test_both_are_as_they_were_when_it_was_deferred(void)
{
	change_after(at('a'));
	expect_noted("za");
}

static void defer_in_deferred(void *letter)
{
	CORO_FRAME;

	CORO_DEFER(note_letter, at('x'));
	coro_defer(note_deferred, "y", 1);
	note(*(char *)letter);
}

static NOINLINE void defer_both_kinds(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_FRAME;

	coro_defer(note_deferred, "b", 1);
	CORO_DEFER(defer_in_deferred, at('c'));
	for (volatile int i = 0; i < 3; i++) {
		CORO_DEFER(note_letter, at('d'));
		coro_defer(note_deferred, "e", 1);
	}
	note('1');
}

static void test_dynamic_ones_wait_for_the_functions_end(void)
{
	defer_both_kinds();
	expect_noted("ddd1cxyeeeba");
}

/* ---- panics -------------------------------------------------------------------------------------- */

static NOINLINE void panic_in_scopes(void)
{
	CORO_DEFER(note_letter, at('a'));
	{
		CORO_DEFER(note_letter, at('b'));
		note('1');
	}
	for (int i = 0;; i++) {
		CORO_DEFER(note_letter, at('c'));
		CORO_DEFER(must_not_recover, NULL);
		if (i == 1)
			panic_with(1);
	}
}

static void test_a_panic_leaves_all_scopes(void)
{
	recover_from(panic_in_scopes, 1);
	/* Without a record they are made when it is known who recovers. */
	expect_noted(unwinds ? "1bncRnca" : "1bncncaR");
}

static int passed_count;

static void count_passed(void *nothing)
{
	(void)nothing;
	passed_count++;
}

static NOINLINE void panic_from(int depth)
{
	char room[64];

	CORO_DEFER(count_passed, room);
	if (depth > 0)
		panic_from(depth - 1);
	else if (depth == 0)
		panic_with(2);
	note('?');
}

static void panic_deep(void)
{
	panic_from(DEEP - 1);
}

static void test_a_panic_over_a_hundred_frames(void)
{
	passed_count = 0;
	for (int i = 0; i < OFTEN; i++)
		recover_from(panic_deep, 2);
	expect(passed_count == DEEP * OFTEN, "each call was made");
	for (int i = 0; i < OFTEN; i++)
		note('R');
}

static NOINLINE void panic_out_of_lexical(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(panic_lexically, number(4));
	CORO_DEFER(note_letter, at('b'));
	panic_with(3);
}

static void recover_any(void *value)
{
	**(int **)value = (int)(intptr_t)coro_recover();
}

/* The value of the panic that it recovers from last. */
static NOINLINE int recovered_from(void (*fn)(void))
{
	CORO_FRAME;
	volatile int value = 0;
	volatile int *address = &value;

	if (coro_defer(recover_any, &address, sizeof(address)) != 0)
		return value;
	if (coro_defer(recover_any, &address, sizeof(address)) != 0)
		return value;
	fn();
	return 0;
}

static void test_a_panic_out_of_one_takes_the_panics_place(void)
{
	if (!can_overtake)
		return;
	expect(recovered_from(panic_out_of_lexical) == 4, "the later panic comes out");
	expect_noted("ba");
}

static void panic_and_recover(void *value)
{
	recover_from(panic_deep, 2);
	note(*(char *)value);
}

static NOINLINE void panic_over_recovering(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(panic_and_recover, at('b'));
	CORO_DEFER(panic_and_recover, at('c'));
	panic_with(5);
}

static void test_one_panics_and_recovers_itself(void)
{
	passed_count = 0;
	recover_from(panic_over_recovering, 5);
	expect(passed_count == 2 * DEEP, "and what it left was called");
	expect_noted(unwinds ? "RRcRba" : "RcRbaR");
}

static void panic_at_the_end(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(panic_lexically, number(6));
	CORO_DEFER(note_letter, at('b'));
}

static void test_a_panic_of_one_at_a_scopes_end(void)
{
	recover_from(panic_at_the_end, 6);
	expect_noted(unwinds ? "bRa" : "baR");
}

/* A panic in a deferred call that is made for a panic: both are left. */
static void panic_below(void *nothing)
{
	CORO_DEFER(note_letter, at('d'));
	(void)nothing;
	panic_with(8);
}

static NOINLINE void panic_twice(void)
{
	CORO_FRAME;

	coro_defer(panic_below, NULL, 0);
	CORO_DEFER(note_letter, at('a'));
	panic_with(7);
}

static NOINLINE void call_what_panics_twice(void)
{
	CORO_DEFER(note_letter, at('c'));
	panic_twice();
	still_here();
}

static void test_a_panic_out_of_a_panics_call_leaves_both(void)
{
	recover_from(call_what_panics_twice, 8);
	expect_noted(unwinds ? "aRdc" : "adcR");
}

/* ---- in the function that recovers ------------------------------------------------------------------- */

/* What was deferred after the call that recovers is left, what was before is not. */
static NOINLINE int recover_between(int value)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_FRAME;

	CORO_DEFER(note_letter, at('b'));
	if (coro_defer(must_recover, &value, sizeof(value)) != 0) {
		note('1');
		CORO_DEFER(note_letter, at('c'));
		return value;
	}
	CORO_DEFER(note_letter, at('d'));
	for (;;) {
		CORO_DEFER(note_letter, at('e'));
		panic_with(value);
	}
}

static void test_scopes_that_its_own_panic_leaves(void)
{
	expect(recover_between(9) == 9, "it returns");
	expect_noted("edR1cba");
}

/* It would be part of the one that recovers, if it were inlined. */
static inline void panic_inline(int value)
{
	CORO_DEFER(note_letter, at('a'));
	if (value != 0)
		panic_with(value);
}

static NOINLINE void recover_from_inlined(void)
{
	CORO_FRAME;
	int value = 10;

	if (coro_defer(must_recover, &value, sizeof(value)) != 0) {
		note('1');
		return;
	}
	panic_inline(value);
}

static void test_what_might_be_inlined_is_left(void)
{
	recover_from_inlined();
	expect_noted(unwinds ? "Ra1" : "aR1");
}

static NOINLINE void recover_in_a_loop(void)
{
	CORO_FRAME;
	volatile int count = 0;
	int value = 11;

	for (;;) {
		CORO_DEFER(count_passed, NULL);
		if (count == OFTEN)
			return;
		if (coro_defer(must_recover, &value, sizeof(value)) != 0) {
			count++;
			continue;
		}
		panic_inline(value);
	}
}

static void test_a_function_that_recovers_a_thousand_times(void)
{
	passed_count = 0;
	recover_in_a_loop();
	expect(passed_count == OFTEN + 1, "each scope was left once");
}

/* Twice for the same function, at its end too. */
static NOINLINE void recover_at_the_end(void)
{
	CORO_FRAME;
	volatile bool was_left = false;
	int value = 12;

	coro_defer(note_deferred, "f", 1);
	if (coro_defer(must_recover, &value, sizeof(value)) != 0) {
		note(was_left ? 'l' : '?');
		return;
	}
	coro_defer(panic_lexically, &value, sizeof(value));
	CORO_DEFER(note_letter, at('a'));
	was_left = true;
}

static void test_a_panic_while_the_functions_end_makes_its_calls(void)
{
	recover_at_the_end();
	expect_noted("aRlf");
}

/* ---- exits -------------------------------------------------------------------------------------------- */

static void exit_lexically(void *nothing)
{
	(void)nothing;
	note('x');
	coro_exit(&letters);
}

static NOINLINE void exit_in_scopes(void)
{
	CORO_FRAME;

	coro_defer(note_deferred, "f", 1);
	CORO_DEFER(note_letter, at('a'));
	for (;;) {
		CORO_DEFER(must_not_recover, NULL);
		coro_exit(&letters);
	}
}

static NOINLINE void exit_out_of_lexical(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(exit_lexically, NULL);
	CORO_DEFER(note_letter, at('b'));
	coro_exit(NULL);
}

static NOINLINE void panic_and_exit(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(exit_lexically, NULL);
	CORO_DEFER(note_letter, at('b'));
	panic_with(13);
}

static void run_in_scope(void *fn)
{
	CORO_DEFER(note_letter, at('z'));
	((void (*)(void))fn)();
	still_here();
}

static void expect_exit(void (*fn)(void), const char *text)
{
	struct coro *co = coroutine_of(run_in_scope, (void *)fn);

	expect(coro_resume(co, NULL) == &letters, "the exit's value comes out");
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	coro_destroy(co);
	expect_noted(text);
}

static void recover_and_exit(void)
{
	recovered_from(panic_and_exit);
	note('?');
}

static void test_an_exit_leaves_all_scopes(void)
{
	expect_exit(exit_in_scopes, "nafz");
}

static void test_an_exit_out_of_one(void)
{
	if (!can_overtake)
		return;
	expect_exit(exit_out_of_lexical, "bxaz");
	expect_exit(recover_and_exit, "bxaz");
}

static NOINLINE void yield_from(int depth)
{
	CORO_DEFER(count_passed, NULL);
	if (depth == 0)
		coro_yield(NULL);
	else
		yield_from(depth - 1);
	note('?');
}

static void yield_deep(void *nothing)
{
	CORO_DEFER(note_letter, at('a'));
	(void)nothing;
	yield_from(DEEP - 1);
}

static void test_one_that_is_cancelled_leaves_all_scopes(void)
{
	struct coro *never = coroutine_of(yield_deep, NULL), *co = coroutine_of(yield_deep, NULL);

	passed_count = 0;
	expect(coro_destroy(never) == 0, "one that never ran has none");
	coro_resume(co, NULL);
	expect(coro_cancel(co) == 0, "it is cancelled");
	expect(passed_count == DEEP, "each call was made");
	coro_destroy(co);
	expect_noted("a");
}

static void yield_lexically(void *nothing)
{
	(void)nothing;
	expect_value(coro_yield(at('y')), 14);
	note('y');
}

static void yield_as_it_ends(void *nothing)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(yield_lexically, NULL);
	CORO_DEFER(note_letter, at('b'));
	(void)nothing;
	coro_yield(NULL);
}

static void test_one_yields_as_it_is_cancelled(void)
{
	struct coro *co = coroutine_of(yield_as_it_ends, NULL);

	coro_resume(co, NULL);
	expect(coro_cancel(co) != 0, "it has not ended");
	expect_noted("b");
	coro_resume(co, (void *)14);
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	expect_noted("ya");
	coro_destroy(co);
}

static void test_one_is_cancelled_out_of_the_call(void)
{
	struct coro *co = coroutine_of(yield_as_it_ends, NULL);

	if (!can_overtake) {
		coro_destroy(co);
		return;
	}
	coro_resume(co, NULL);
	expect(coro_cancel(co) != 0, "it has not ended");
	expect(coro_destroy(co) == 0, "it has");
	expect_noted("ba");
}

/* ---- stacks -------------------------------------------------------------------------------------------- */

static void panic_over_yielding(void)
{
	CORO_DEFER(note_letter, at('a'));
	CORO_DEFER(yield_lexically, NULL);
	panic_with(15);
}

static void recover_over_yielding(void *nothing)
{
	CORO_DEFER(note_letter, at('d'));
	(void)nothing;
	recover_from(panic_over_yielding, 15);
	note('c');
}

static void move_while_it_yields(void)
{
	static const struct coro_attr attr = {.is_relocatable = 1};
	struct coro *co;

	while (coro_create(&co, &attr, recover_over_yielding, NULL) != 0)
		;
	expect(coro_resume(co, NULL) == at('y'), "it yields");
	while (coro_copystack(co, 2 * CORO_STACK_BYTES) == ENOMEM)
		; /* with a sanitizer it stays where it is */
	coro_resume(co, (void *)14);
	expect(coro_destroy(co) == 0, "it has ended");
}

static void test_a_stack_is_moved_while_a_panic_passes(void)
{
	move_while_it_yields();
	expect_noted(unwinds ? "Ryacd" : "yaRcd");
}

static NOINLINE void panic_over_barriers(int depth)
{
	CORO_DEFER(count_passed, NULL);
	if (depth > 0)
		panic_over_barriers(depth - 1);
	else if (coro_yield(NULL) == NULL)
		panic_with(16);
	note('?');
}

static void recover_over_barriers(void *nothing)
{
	CORO_FRAME;
	int value = 16;

	(void)nothing;
	if (coro_defer(must_recover, &value, sizeof(value)) == 0)
		panic_over_barriers(DEEP);
}

static void test_barriers_are_passed(void)
{
	struct coro *co = coroutine_of(recover_over_barriers, NULL);
	struct coro *cancelled = coroutine_of(yield_deep, NULL);

	passed_count = 0;
	coro_resume(co, NULL);
	coro_resume(cancelled, NULL);
	expect(coro_barriers_install(co) == 0, "there are barriers");
	expect(coro_barriers_install(cancelled) == 0, "there are barriers");
	coro_resume(co, NULL);
	expect(coro_destroy(co) == 0 && coro_destroy(cancelled) == 0, "both have ended");
	expect(passed_count == 2 * DEEP + 1, "each call was made");
	expect_noted("Ra");
}

static void recover_in_coroutine(void *nothing)
{
	(void)nothing;
	recover_from(panic_in_scopes, 1);
}

static void *on_a_thread(void *nothing)
{
	test_the_end_break_continue_goto_return();
	test_a_panic_leaves_all_scopes();
	in_coroutine(recover_in_coroutine, NULL);
	return nothing;
}

static void test_on_another_thread(void)
{
	pthread_t thread;

	expect(pthread_create(&thread, NULL, on_a_thread, NULL) == 0, "a thread");
	pthread_join(thread, NULL);
	expect_noted(unwinds ? "1bncRnca" : "1bncncaR");
}

/* ---- foreign frames --------------------------------------------------------------------------------------- */

static int called_back_count;

static void cannot_yield(void *nothing)
{
	expect(coro_yield(nothing) == CORO_FAILED && errno == EBUSY, "foreign frames are left behind");
}

static void *panic_called_back(void *nothing)
{
	CORO_DEFER(note_letter, at('c'));
	CORO_DEFER(cannot_yield, NULL);
	(void)nothing;
	panic_with(17);
}

static void *exit_called_back(void *nothing)
{
	CORO_DEFER(note_letter, at('c'));
	(void)nothing;
	coro_exit(&letters);
}

static void *return_called_back(void *nothing)
{
	called_back_count++;
	return nothing;
}

static void *call_back_again(void *nothing)
{
	return coro_callback(return_called_back, nothing);
}

static void *foreign_scope(void *fn)
{
#if defined(__EXCEPTIONS)
	CORO_DEFER(note_letter, at('f'));
#endif
	void *value = coro_callback((void *(*)(void *))fn, NULL);
	still_here();
	return value;
}

static void *to_and_fro(void *fn)
{
	CORO_DEFER(note_letter, at('g'));
	void *value = coro_foreign(foreign_scope, fn);
	still_here();
	return value;
}

static void *foreign_to_and_fro(void *fn)
{
	void *value = coro_callback(to_and_fro, fn);

	still_here();
	return value;
}

/* Deferred calls that are made before the foreign frames are unwound call out too. */
static void call_out_and_back(void *nothing)
{
	coro_foreign(call_back_again, nothing);
}

static void call_out(void *fn)
{
	CORO_FRAME;

	CORO_DEFER(call_out_and_back, NULL);
	coro_defer(call_out_and_back, NULL, 0);
	coro_foreign(foreign_to_and_fro, fn);
}

static void panic_over_foreign_frames(void)
{
	call_out((void *)panic_called_back);
}

static void exit_over_foreign_frames(void)
{
	call_out((void *)exit_called_back);
}

static void test_a_panic_over_foreign_frames(void)
{
	called_back_count = 0;
	recover_from(panic_over_foreign_frames, 17);
	expect(called_back_count == 2, "deferred calls call out and back");
	expect(coro_unlock_thread() != 0, "it is not locked to its thread");
	call_out_and_back(NULL);
	expect(called_back_count == 3, "and so does the rest");
	expect_noted(unwinds ? "Rcfg" : "cgR");
}

static void test_an_exit_over_foreign_frames(void)
{
	expect_exit(exit_over_foreign_frames, unwinds ? "cfgz" : "cgz");
}

/* A panic in a call that is made for another, which has passed foreign frames too. */
static void panic_over_others(void *nothing)
{
	(void)nothing;
	panic_over_foreign_frames();
}

static NOINLINE void panic_over_foreign_frames_twice(void)
{
	CORO_FRAME;

	coro_defer(panic_over_others, NULL, 0);
	coro_foreign(foreign_scope, (void *)panic_called_back);
}

static void test_two_panics_over_foreign_frames(void)
{
	recover_from(panic_over_foreign_frames_twice, 17);
	call_out_and_back(NULL);
	expect_noted(unwinds ? "Rcfgcf" : "ccgR");
}

/* ---- endings --------------------------------------------------------------------------------------------- */

static void say(void *text)
{
	expect(write(STDERR_FILENO, text, strlen(text)) > 0, "it is said");
}

static NOINLINE void panic_with_nobody(void)
{
	CORO_DEFER(say, (char[]){"a\n"});
	CORO_DEFER(say, (char[]){"b\n"});
	panic_with(18);
}

static void panic_in_coroutine(void)
{
	in_coroutine(run_in_scope, (void *)panic_with_nobody);
}

static void *panic_on_a_thread(void *nothing)
{
	panic_with_nobody();
	return nothing;
}

static void panic_on_another_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, panic_on_a_thread, NULL);
	pthread_join(thread, NULL);
}

static void test_nobody_recovers(void)
{
	/* It is told when all calls of records were made; frames are unwound afterwards. */
	const char *text = unwinds ? "panic: 0x12\nb\na\n" : "b\na\npanic: 0x12\n";

	expect_ending(panic_with_nobody, 2, text);
	expect_ending(panic_in_coroutine, 2, text);
	expect_ending(panic_on_another_thread, 2, text);
}

static NOINLINE void panic_with_nobody_and_again(void)
{
	CORO_DEFER(say, (char[]){"a\n"});
	CORO_DEFER(panic_lexically, number(20));
	panic_with(19);
}

static void test_nobody_recovers_from_a_panic_out_of_one(void)
{
	if (!can_overtake)
		return;
	expect_ending(panic_with_nobody_and_again, 2, unwinds ? "panic: 0x13\npanic: 0x14\na\n"
							      : "a\npanic: 0x13\n\tpanic: 0x14\n");
}

static void panic_and_exit_in_coroutine(void)
{
	in_coroutine(run_in_scope, (void *)panic_and_exit);
	say((char[]){"on\n"});
}

/* An exit out of a call that a panic makes ends it, unless the panic was given up already. */
static void test_an_exit_does_not_save_a_process_that_a_panic_ends(void)
{
	if (unwinds && can_overtake)
		expect_ending(panic_and_exit_in_coroutine, 2, "panic: 0xd\n");
}

static void defer_nil(void)
{
	CORO_FRAME;
	CORO_DEFER((void (*)(void *))NULL, NULL);
}

static void *defer_in_foreign_code(void *letter)
{
	CORO_FRAME;
	CORO_DEFER(note_letter, letter);
	return NULL;
}

static void call_out_to_defer(void *nothing)
{
	(void)nothing;
	coro_foreign(defer_in_foreign_code, at('a'));
}

static void call_out_in_coroutine(void)
{
	in_coroutine(call_out_to_defer, NULL);
}

static void test_what_has_a_record_and_is_fatal(void)
{
	expect_ending(defer_nil, -SIGABRT, "libmstat: deferred call of nil\n");
	expect_ending(call_out_in_coroutine, -SIGABRT, "libmstat: deferred call in foreign code\n");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"the end, break, continue, goto, return", test_the_end_break_continue_goto_return,
			CASES_ANYWHERE},
		{"both are as they were when it was deferred",
			test_both_are_as_they_were_when_it_was_deferred, CASES_ANYWHERE},
		{"dynamic ones wait for the function's end", test_dynamic_ones_wait_for_the_functions_end,
			CASES_ANYWHERE},
		{"a panic leaves all scopes", test_a_panic_leaves_all_scopes, CASES_ANYWHERE},
		{"a panic over a hundred frames", test_a_panic_over_a_hundred_frames, CASES_ONCE},
		{"a panic out of one takes the panic's place",
			test_a_panic_out_of_one_takes_the_panics_place, CASES_ANYWHERE},
		{"one panics and recovers itself", test_one_panics_and_recovers_itself, CASES_ONCE},
		{"a panic of one at a scope's end", test_a_panic_of_one_at_a_scopes_end, CASES_ANYWHERE},
		{"a panic out of a panic's call leaves both",
			test_a_panic_out_of_a_panics_call_leaves_both, CASES_ANYWHERE},
		{"scopes that its own panic leaves", test_scopes_that_its_own_panic_leaves,
			CASES_ANYWHERE},
		{"what might be inlined is left", test_what_might_be_inlined_is_left, CASES_ANYWHERE},
		{"a function that recovers a thousand times",
			test_a_function_that_recovers_a_thousand_times, CASES_ONCE},
		{"a panic while the function's end makes its calls",
			test_a_panic_while_the_functions_end_makes_its_calls, CASES_ANYWHERE},
		{"an exit leaves all scopes", test_an_exit_leaves_all_scopes, CASES_ANYWHERE},
		{"an exit out of one", test_an_exit_out_of_one, CASES_ANYWHERE},
		{"one that is cancelled leaves all scopes", test_one_that_is_cancelled_leaves_all_scopes,
			CASES_ONCE},
		{"one yields as it is cancelled", test_one_yields_as_it_is_cancelled, CASES_ANYWHERE},
		{"one is cancelled out of the call", test_one_is_cancelled_out_of_the_call,
			CASES_ANYWHERE},
		{"a stack is moved while a panic passes", test_a_stack_is_moved_while_a_panic_passes,
			CASES_ONCE},
		{"barriers are passed", test_barriers_are_passed, CASES_ONCE},
		{"on another thread", test_on_another_thread, CASES_ONCE},
		{"a panic over foreign frames", test_a_panic_over_foreign_frames, CASES_IN_COROUTINE},
		{"an exit over foreign frames", test_an_exit_over_foreign_frames, CASES_ANYWHERE},
		{"two panics over foreign frames", test_two_panics_over_foreign_frames,
			CASES_IN_COROUTINE},
		{"nobody recovers", test_nobody_recovers, CASES_ONCE},
		{"nobody recovers from a panic out of one", test_nobody_recovers_from_a_panic_out_of_one,
			CASES_ONCE},
		{"an exit does not save a process that a panic ends",
			test_an_exit_does_not_save_a_process_that_a_panic_ends, CASES_ONCE},
		{"what has a record and is fatal", test_what_has_a_record_and_is_fatal, CASES_ONCE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
