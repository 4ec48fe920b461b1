/*
 * endings.c - what is said when nobody recovers, and what was made until then.
 *
 * The behaviours are those that Go's test/deferprint.go and its runtime's crash_test.go
 * (TestRecursivePanic and its kin, TestPanicAfterGoexit, TestRecoveredPanicAfterGoexit,
 * TestGoexitInPanic) test by what a program prints.  Values are texts here.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/coro/programs/cases.h"

enum { PANIC_STATUS = 2 };

static void text_of(void *value, char *text, size_t bytes)
{
	strncpy(text, value, bytes - 1);
}

static void panic_saying(const char *text)
{
	coro_panic((void *)text);
}

static void panic_deferred(void *text)
{
	panic_saying(*(const char **)text);
}

static void say(void *text)
{
	fprintf(stderr, "%s\n", *(const char **)text);
}

static void recover_and_say(void *nothing)
{
	const char *text = coro_recover();

	(void)nothing;
	fprintf(stderr, "%s\n", text);
}

static const char *const first = "first", *const second = "second";

/* ---- one panic ----------------------------------------------------------------------------- */

static void panic_alone(void)
{
	panic_saying("alone");
}

static void panic_without_text(void)
{
	coro_set_panic_text(NULL);
	coro_panic((void *)0xbad);
}

static void panic_after_calls(void)
{
	CORO_FRAME;

	coro_defer(say, &first, sizeof(void *));
	coro_defer(say, &second, sizeof(void *));
	panic_alone();
}

static void panic_in_named(void *nothing)
{
	(void)nothing;
	panic_after_calls();
}

static void panic_in_coroutine(void)
{
	struct coro_attr attr = {.name = "worker"};
	struct coro *co;

	while (coro_create(&co, &attr, panic_in_named, NULL) != 0)
		;
	coro_resume(co, NULL);
}

static void test_a_panic_is_told_after_the_deferred_calls(void)
{
	expect_ending(panic_alone, PANIC_STATUS, "panic: alone\n");
	expect_ending(panic_without_text, PANIC_STATUS, "panic: 0xbad\n");
	expect_ending(panic_after_calls, PANIC_STATUS, "second\nfirst\npanic: alone\n");
	expect_ending(panic_in_coroutine, PANIC_STATUS,
		"second\nfirst\npanic: alone\n\ncoroutine worker\n");
}

/* ---- several -------------------------------------------------------------------------------- */

static void panic_in_deferred(void)
{
	CORO_FRAME;

	coro_defer(panic_deferred, &second, sizeof(void *));
	panic_saying(first);
}

static void recover_and_panic(void *text)
{
	coro_recover();
	panic_saying(*(const char **)text);
}

static void recover_first(void)
{
	CORO_FRAME;

	coro_defer(recover_and_panic, &second, sizeof(void *));
	panic_saying(first);
}

static void panic_and_recover(void *text)
{
	CORO_FRAME;

	if (coro_defer(recover_and_say, NULL, 0) == 0)
		panic_deferred(text);
}

static void recover_second(void)
{
	CORO_FRAME;

	coro_defer(panic_and_recover, &second, sizeof(void *));
	panic_saying(first);
}

static void test_all_panics_that_are_under_way_are_told(void)
{
	expect_ending(panic_in_deferred, PANIC_STATUS, "panic: first\n\tpanic: second\n");
	expect_ending(recover_first, PANIC_STATUS,
		"panic: first [recovered]\n\tpanic: second\n");
	expect_ending(recover_second, PANIC_STATUS, "second\npanic: first\n");
}

/* ---- recovered, and then another ------------------------------------------------------------- */

static void wrap(void *nothing)
{
	static char wrapped[32];
	const char *text = coro_recover();

	(void)nothing;
	snprintf(wrapped, sizeof(wrapped), "wrapped %s", text);
	panic_saying(wrapped);
}

static void panic_wrapped(void)
{
	CORO_FRAME;

	coro_defer(wrap, NULL, 0);
	panic_saying(first);
}

static void second_at_the_end(void)
{
	CORO_FRAME;

	coro_defer(panic_deferred, &second, sizeof(void *));
	if (coro_defer(recover_and_say, NULL, 0) == 0)
		panic_saying(first);
}

static void recover_twice(void)
{
	CORO_FRAME;

	if (coro_defer(recover_and_say, NULL, 0) != 0)
		return;
	second_at_the_end();
}

static void recover_from(void (*fn)(void))
{
	CORO_FRAME;

	if (coro_defer(recover_and_say, NULL, 0) == 0)
		fn();
}

static void last_after_wrapped(void)
{
	recover_from(panic_wrapped);
	panic_saying("last");
}

static void last_after_second(void)
{
	recover_from(second_at_the_end);
	panic_saying("last");
}

static void last_after_two(void)
{
	recover_twice();
	panic_saying("last");
}

static void test_those_that_were_recovered_from_are_not_told_later(void)
{
	expect_ending(last_after_wrapped, PANIC_STATUS, "wrapped first\npanic: last\n");
	expect_ending(last_after_second, PANIC_STATUS, "first\nsecond\npanic: last\n");
	expect_ending(last_after_two, PANIC_STATUS, "first\nsecond\npanic: last\n");
}

/* ---- exits ------------------------------------------------------------------------------------ */

static void panic_in_exit(void *nothing)
{
	CORO_FRAME;

	coro_defer(panic_deferred, &first, sizeof(void *));
	coro_exit(nothing);
}

static void recover_in_exit(void *nothing)
{
	CORO_FRAME;

	coro_defer(panic_and_recover, &first, sizeof(void *));
	coro_exit(nothing);
}

static void exit_deferred(void *nothing)
{
	coro_exit(nothing);
}

static void exit_in_panic(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_defer(exit_deferred, NULL, 0);
	panic_saying(first);
}

static void run_panic_in_exit(void)
{
	in_coroutine(panic_in_exit, NULL);
}

static void run_recover_in_exit(void)
{
	in_coroutine(recover_in_exit, NULL);
}

static void run_exit_in_panic(void)
{
	in_coroutine(exit_in_panic, NULL);
}

static void test_of_an_exit_only_the_panic_in_it_is_told(void)
{
	expect_ending(run_panic_in_exit, PANIC_STATUS, "panic: first\n");
	expect_ending(run_recover_in_exit, 0, "first\n");
	expect_ending(run_exit_in_panic, 0, "");
}

/* ---- misuse ------------------------------------------------------------------------------------ */

static void *panic_in_foreign_code(void *nothing)
{
	coro_panic(nothing);
}

static void call_out(void *nothing)
{
	coro_foreign(panic_in_foreign_code, nothing);
}

static void run_call_out(void)
{
	in_coroutine(call_out, NULL);
}

static void defer_nil(void)
{
	CORO_FRAME;

	coro_defer(NULL, NULL, 0);
}

static void test_misuse_is_told_as_such(void)
{
	expect_ending(run_call_out, -SIGABRT, "libmstat: panic in foreign code\n");
	expect_ending(defer_nil, -SIGABRT, "libmstat: deferred call of nil\n");
}

/* ---- what deferred calls print ------------------------------------------------------------------- */

struct line {
	char text[128];
};

static void print(void *line)
{
	fprintf(stderr, "%s", ((struct line *)line)->text);
}

static struct line line_of(const char *format, ...)
{
	struct line line;
	va_list args;

	va_start(args, format);
	vsnprintf(line.text, sizeof(line.text), format, args);
	va_end(args);
	return line;
}

static void print_backwards(void)
{
	CORO_FRAME;
	struct line line = line_of("%d %s %s %.1f %s %p %d\n", 42, "true", "false", 1.5, "world",
		(void *)0x10, (unsigned char)255);

	coro_defer(print, &line, sizeof(line));
	line.text[0] = '\0';
	for (int i = 1; i <= 20; i++)
		snprintf(line.text + strlen(line.text), sizeof(line.text) - strlen(line.text), "%d%c", i,
			i < 20 ? ' ' : '\n');
	coro_defer(print, &line, sizeof(line));
	line = line_of("printing: ");
	coro_defer(print, &line, sizeof(line));
	line = line_of("nobody prints this");
}

static void test_what_deferred_calls_print_comes_backwards(void)
{
	expect_ending(print_backwards, 0,
		"printing: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n"
		"42 true false 1.5 world 0x10 255\n");
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"a panic is told after the deferred calls",
			test_a_panic_is_told_after_the_deferred_calls, CASES_ONCE},
		{"all panics that are under way are told", test_all_panics_that_are_under_way_are_told,
			CASES_ONCE},
		{"those that were recovered from are not told later",
			test_those_that_were_recovered_from_are_not_told_later, CASES_ONCE},
		{"of an exit only the panic in it is told", test_of_an_exit_only_the_panic_in_it_is_told,
			CASES_ONCE},
		{"misuse is told as such", test_misuse_is_told_as_such, CASES_ONCE},
		{"what deferred calls print comes backwards",
			test_what_deferred_calls_print_comes_backwards, CASES_ONCE},
	};

	coro_set_panic_text(text_of);
	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
