/*
 * thrown.cc - C++ exceptions through frames that have barriers.
 *
 * Proves: they are caught above barriers, between them and below, and thrown on; their
 * destructors and deferred calls run, in order; over the edges of stacks too, on a stack
 * that was moved, on another thread; panics, exits and cancelling unwind as without
 * barriers; with one at every frame, and with a few.
 */
#include <csignal>
#include <cstdlib>
#include <exception>
#include <thread>

#include "tests/coro/programs/cases.h"

enum { DEPTH = 6, ROOM_BYTES = 512 };

static const coro_barriers modes[] = {CORO_BARRIERS_ALL, CORO_BARRIERS_SPACED};

/* What is thrown here, counted, for none to be lost. */
static int live;

struct thrown {
	int value;

	explicit thrown(int value) : value(value) { live++; }
	thrown(const thrown &other) : value(other.value) { live++; }
	~thrown() { live--; }
};

static void expect_thrown(const thrown &caught, int value)
{
	expect(caught.value == value, "it is the one that was thrown");
}

/* Notes its end. */
struct noted {
	char letter;

	explicit noted(char letter) : letter(letter) {}
	noted(const noted &) = delete;
	noted &operator=(const noted &) = delete;
	~noted() { note(letter); }
};

static void throw_one()
{
	throw thrown(1);
}

/* ---- frames -------------------------------------------------------------------------------- */

/* A frame of some size, each with an end; the last one yields. */
__attribute__((noinline)) static void descend(int depth, void (*bottom)())
{
	char room[ROOM_BYTES];
	noted end((char)('0' + depth));

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0) {
		descend(depth - 1, bottom);
	} else {
		coro_yield(nullptr);
		bottom();
	}
	still_here();
}

/* Each of them catches, and throws it on. */
__attribute__((noinline)) static void descend_catching(int depth, void (*bottom)())
{
	char room[ROOM_BYTES];

	__asm__ volatile("" : : "r"(room) : "memory");
	try {
		if (depth > 0) {
			descend_catching(depth - 1, bottom);
		} else {
			coro_yield(nullptr);
			bottom();
		}
	} catch (const thrown &) {
		note((char)('0' + depth));
		throw;
	}
	still_here();
}

static void call(void *function)
{
	(*(void (**)())function)();
}

/* At every frame, and spaced. */
static void with_barriers(void (*fn)(), const char *text, const coro_attr *attr = nullptr)
{
	for (coro_barriers mode : modes) {
		in_coroutine_with_barriers(mode, attr, call, (void *)&fn);
		expect(live == 0, "all are gone");
		expect_noted(text);
	}
}

/* ---- where it is caught -------------------------------------------------------------------- */

static void catch_above()
{
	try {
		descend(DEPTH, throw_one);
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
		note('c');
	}
	coro_yield(nullptr);
}

static void test_one_is_caught_above_barriers()
{
	with_barriers(catch_above, "0123456c");
}

static void catch_here()
{
	try {
		throw_one();
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
		note('c');
	}
}

static void catch_below()
{
	descend(DEPTH, catch_here);
}

static void test_one_is_caught_below_barriers()
{
	with_barriers(catch_below, "c0123456");
}

/* Barriers are installed twice: the lower ones are passed, the upper ones stay. */
static void catch_between()
{
	try {
		descend(DEPTH, throw_one);
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
		note('c');
	}
}

static void throw_on_between()
{
	try {
		descend(DEPTH, catch_between);
		descend(DEPTH, throw_one);
	} catch (const thrown &) {
		note('C');
	}
}

static void test_one_is_caught_between_barriers()
{
	with_barriers(throw_on_between, "0123456c01234560123456C");
}

static void throw_on()
{
	try {
		descend_catching(DEPTH, throw_one);
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
		note('c');
	}
}

static void test_each_frame_catches_and_throws_on()
{
	with_barriers(throw_on, "0123456c");
}

/* Frames come to where barriers were left behind, and are thrown through. */
__attribute__((noinline)) static void descend_again(int depth)
{
	char room[ROOM_BYTES / 2];
	noted end('a');

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0)
		descend_again(depth - 1);
	else
		throw thrown(2);
	still_here();
}

static void catch_and_descend()
{
	catch_between();
	descend_again(DEPTH);
}

static void throw_where_barriers_were()
{
	try {
		descend(DEPTH, catch_and_descend);
	} catch (const thrown &caught) {
		expect_thrown(caught, 2);
		note('C');
	}
}

static void test_one_passes_where_barriers_were_left_behind()
{
	with_barriers(throw_where_barriers_were, "0123456caaaaaaa0123456C");
}

/* ---- on its way --------------------------------------------------------------------------------- */

/* It gets barriers when some frames are gone. */
struct yielding {
	~yielding()
	{
		expect(std::uncaught_exceptions() == 1, "one is on its way");
		coro_yield(nullptr);
		note('y');
	}
};

static void yield_on_the_way()
{
	yielding end;

	descend(DEPTH / 2, throw_one);
}

static void catch_what_yields()
{
	try {
		descend(DEPTH, yield_on_the_way);
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
		note('c');
	}
}

static void test_barriers_come_while_it_is_on_its_way()
{
	with_barriers(catch_what_yields, "0123y0123456c");
}

struct catching {
	~catching()
	{
		try {
			descend(1, throw_one);
		} catch (const thrown &) {
			note('d');
		}
	}
};

static void catch_on_the_way()
{
	catching end;

	descend(1, throw_one);
}

static void catch_what_catches()
{
	try {
		descend(DEPTH, catch_on_the_way);
	} catch (const thrown &) {
		note('c');
	}
}

static void test_a_destructor_throws_and_catches()
{
	with_barriers(catch_what_catches, "0101d0123456c");
}

static void yield_then_throw_on()
{
	try {
		descend(1, throw_one);
	} catch (const thrown &caught) {
		coro_yield(nullptr);
		expect_thrown(caught, 1);
		note('c');
		throw;
	}
}

static void catch_what_is_handled()
{
	try {
		descend(DEPTH, yield_then_throw_on);
	} catch (const thrown &) {
		note('C');
	}
}

static void test_barriers_come_while_it_is_handled()
{
	with_barriers(catch_what_is_handled, "01c0123456C");
}

/* ---- over the edges of stacks ----------------------------------------------------------------- */

static void *throw_called_back(void *)
{
	noted end('b');

	throw thrown(3);
}

static void *call_back(void *nothing)
{
	noted end('f');

	return coro_callback(throw_called_back, nothing);
}

static void call_out()
{
	noted end('o');

	coro_foreign(call_back, nullptr);
}

static void catch_called_back()
{
	try {
		descend(DEPTH, call_out);
	} catch (const thrown &caught) {
		expect_thrown(caught, 3);
		note('c');
	}
	expect(coro_unlock_thread() != 0, "it is not locked to its thread");
}

static void test_one_out_of_a_callback_passes_foreign_frames_and_barriers()
{
	with_barriers(catch_called_back, "bfo0123456c");
}

static void *catch_in_foreign_code(void *nothing)
{
	try {
		coro_callback(throw_called_back, nothing);
	} catch (const thrown &) {
		note('f');
	}
	throw thrown(4);
}

static void call_out_to_catch()
{
	coro_foreign(catch_in_foreign_code, nullptr);
}

static void catch_of_foreign_code()
{
	try {
		descend(DEPTH, call_out_to_catch);
	} catch (const thrown &caught) {
		expect_thrown(caught, 4);
		note('c');
	}
}

static void test_foreign_code_catches_and_throws_below_barriers()
{
	with_barriers(catch_of_foreign_code, "bf0123456c");
}

static void test_one_passes_on_a_stack_that_was_moved()
{
	struct coro_attr attr = {};

	attr.is_relocatable = 1;
	with_barriers(catch_above, "0123456c", &attr);
}

static void test_one_passes_on_another_thread()
{
	std::thread(test_one_is_caught_above_barriers).join();
	std::thread(test_one_out_of_a_callback_passes_foreign_frames_and_barriers).join();
}

/* ---- deferred calls, panics, exits ----------------------------------------------------------- */

static void note_letter(void *letter)
{
	note(*static_cast<char *>(letter));
}

static char letter_l = 'l';

__attribute__((noinline)) static void defer_and_descend(void (*bottom)())
{
	CORO_FRAME;

	coro_defer(note_deferred, "a", 1);
	descend(DEPTH, bottom);
}

__attribute__((noinline)) static void defer_lexically_and_descend(void (*bottom)())
{
	CORO_DEFER(note_letter, &letter_l);
	defer_and_descend(bottom);
}

static void catch_above_deferred()
{
	try {
		defer_lexically_and_descend(throw_one);
	} catch (const thrown &) {
		note('c');
	}
}

static void test_deferred_calls_are_made_as_one_passes()
{
	with_barriers(catch_above_deferred, "0123456alc");
}

static void panic_now()
{
	panic_with(5);
}

static void recover_now(void *)
{
	expect_value(coro_recover(), 5);
	note('R');
}

__attribute__((noinline)) static void recover_above(void (*fn)(void (*)()), void (*bottom)())
{
	CORO_FRAME;

	if (coro_defer(recover_now, nullptr, 0) == 0)
		fn(bottom);
}

static void panic_and_recover()
{
	recover_above(defer_lexically_and_descend, panic_now);
	coro_yield(nullptr);
	note('.');
}

static void test_destructors_run_as_a_panic_passes()
{
	with_barriers(panic_and_recover, "aR0123456l.");
}

/* And barriers come while frames are left. */
struct yielding_in_panic {
	~yielding_in_panic()
	{
		coro_yield(nullptr);
		note('y');
	}
};

static void panic_on()
{
	yielding_in_panic end;

	descend(DEPTH / 2, panic_now);
}

static void panic_and_yield()
{
	recover_above(defer_lexically_and_descend, panic_on);
	note('.');
}

static void test_barriers_come_while_a_panic_unwinds()
{
	with_barriers(panic_and_yield, "aR0123y0123456l.");
}

static void throw_deferred(void *)
{
	throw thrown(6);
}

static void throw_out_of_panic()
{
	CORO_FRAME;

	coro_defer(throw_deferred, nullptr, 0);
	try {
		descend(DEPTH, panic_now);
	} catch (const thrown &caught) {
		expect_thrown(caught, 6);
		note('c');
	}
}

static void test_one_out_of_a_panics_call_passes_what_panicked()
{
	with_barriers(throw_out_of_panic, "0123456c");
}

static void exit_now()
{
	coro_exit(nullptr);
}

static void exit_below()
{
	defer_lexically_and_descend(exit_now);
}

static void test_destructors_run_as_an_exit_passes()
{
	with_barriers(exit_below, "a0123456l");
}

static void nothing_more() {}

static void yield_below(void *)
{
	descend(DEPTH, nothing_more);
}

static void test_destructors_run_when_it_is_cancelled()
{
	for (coro_barriers mode : modes) {
		coro_barriers_set(mode);
		struct coro *co = coroutine_of(yield_below, nullptr);
		coro_resume(co, nullptr);
		expect(coro_barriers_install(co) == 0, "barriers can be installed");
		expect(coro_destroy(co) == 0, "it is destroyed");
		expect_noted("0123456");
	}
	coro_barriers_set(CORO_BARRIERS_SPACED);
}

/* ---- those that end the process --------------------------------------------------------------- */

static void throw_out(void *)
{
	descend(DEPTH, throw_one);
}

static void resume_one_that_throws()
{
	in_coroutine_with_barriers(CORO_BARRIERS_ALL, nullptr, throw_out, nullptr);
}

static void test_one_that_leaves_a_coroutine_is_fatal()
{
	expect_ending(resume_one_that_throws, -SIGABRT, "libmstat: an exception left a coroutine\n");
}

static void throw_no_further(void *) noexcept
{
	descend(DEPTH, throw_one);
}

static void resume_one_that_terminates()
{
	std::set_terminate([] { std::_Exit(std::current_exception() != nullptr ? 3 : 4); });
	in_coroutine_with_barriers(CORO_BARRIERS_ALL, nullptr, throw_no_further, nullptr);
}

static void test_one_that_comes_to_noexcept_terminates()
{
	expect_ending(resume_one_that_terminates, 3, "");
}

int main()
{
	static const struct cases_case cases[] = {
		{"one is caught above barriers", test_one_is_caught_above_barriers, CASES_SLOW},
		{"one is caught below barriers", test_one_is_caught_below_barriers, CASES_SLOW},
		{"one is caught between barriers", test_one_is_caught_between_barriers, CASES_SLOW},
		{"each frame catches and throws on", test_each_frame_catches_and_throws_on,
			CASES_SLOW},
		{"one passes where barriers were left behind",
			test_one_passes_where_barriers_were_left_behind, CASES_SLOW},
		{"barriers come while it is on its way", test_barriers_come_while_it_is_on_its_way,
			CASES_SLOW},
		{"a destructor throws and catches", test_a_destructor_throws_and_catches,
			CASES_SLOW},
		{"barriers come while it is handled", test_barriers_come_while_it_is_handled,
			CASES_SLOW},
		{"one out of a callback passes foreign frames and barriers",
			test_one_out_of_a_callback_passes_foreign_frames_and_barriers, CASES_SLOW},
		{"foreign code catches and throws below barriers",
			test_foreign_code_catches_and_throws_below_barriers, CASES_SLOW},
		{"one passes on a stack that was moved", test_one_passes_on_a_stack_that_was_moved,
			CASES_SLOW},
		{"one passes on another thread", test_one_passes_on_another_thread, CASES_ONCE},
		{"deferred calls are made as one passes", test_deferred_calls_are_made_as_one_passes,
			CASES_SLOW},
		{"destructors run as a panic passes", test_destructors_run_as_a_panic_passes,
			CASES_SLOW},
		{"barriers come while a panic unwinds", test_barriers_come_while_a_panic_unwinds,
			CASES_SLOW},
		{"one out of a panic's call passes what panicked",
			test_one_out_of_a_panics_call_passes_what_panicked, CASES_SLOW},
		{"destructors run as an exit passes", test_destructors_run_as_an_exit_passes,
			CASES_SLOW},
		{"destructors run when it is cancelled", test_destructors_run_when_it_is_cancelled,
			CASES_SLOW},
		{"one that leaves a coroutine is fatal", test_one_that_leaves_a_coroutine_is_fatal,
			CASES_ONCE},
		{"one that comes to noexcept terminates", test_one_that_comes_to_noexcept_terminates,
			CASES_ONCE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
