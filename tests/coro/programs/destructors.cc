/*
 * destructors.cc - what C++ frames run when a panic or an exit leaves them.
 *
 * Proves: destructors and CORO_DEFER() do, in order, over foreign frames too; a catch (...)
 * that throws on lets them pass, and one that does not is fatal; exceptions and panics
 * out of what is run do what the language says.
 */
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <unistd.h>

#include "tests/coro/programs/cases.h"

/* Notes its end. */
struct noted {
	char letter;

	explicit noted(char letter) : letter(letter) {}
	noted(const noted &) = delete;
	noted &operator=(const noted &) = delete;
	~noted() { note(letter); }
};

static void note_letter(void *letter)
{
	note(*static_cast<char *>(letter));
}

static char letters[] = "abcdefghijklmnopqrstuvwxyz";

static char *at(char letter)
{
	return &letters[letter - 'a'];
}

static void recover_noted(void *expected)
{
	expect_value(coro_recover(), *static_cast<int *>(expected));
	note('R');
}

/* fn() must panic with this value.  It would be part of the one that recovers, which is not
   unwound, if it were inlined there. */
__attribute__((noinline)) static void recover_from(void (*volatile fn)(), int value)
{
	CORO_FRAME;

	if (coro_defer(recover_noted, &value, sizeof(value)) == 0)
		fn();
}

static void exit_in_scope(void *fn)
{
	noted last('z');

	reinterpret_cast<void (*)()>(fn)();
	note('?');
}

static void expect_exit(void (*fn)(), const char *text)
{
	struct coro *co = coroutine_of(exit_in_scope, reinterpret_cast<void *>(fn));

	expect(coro_resume(co, nullptr) == letters, "the exit's value comes out");
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	coro_destroy(co);
	expect_noted(text);
}

/* ---- scopes ------------------------------------------------------------------------------- */

static int leave_by(int way)
{
	for (int i = 0; i < 2; i++) {
		CORO_DEFER(note_letter, at('a'));
		noted b('b');
		CORO_DEFER(note_letter, at('c'));
		if (way == 1)
			break;
		if (way == 2)
			return way;
	}
	note('.');
	return way;
}

static void test_scopes_are_left()
{
	for (int way = 0; way < 3; way++)
		expect(leave_by(way) == way, "the value is the way");
	expect_noted("cbacba.cba.cba");
}

template <typename Type> static void defer_free(Type *letter)
{
	CORO_DEFER(note_letter, letter);
	note('t');
}

struct defers {
	defers()
	{
		CORO_DEFER(note_letter, at('d'));
		note('m');
	}
};

static void test_templates_members_and_lambdas()
{
	defer_free(at('a'));
	defers made;
	auto lambda = [](char *letter) { CORO_DEFER(note_letter, letter); note('l'); };
	lambda(at('b'));
	(void)made;
	expect_noted("tamdlb");
}

static void throw_in_scopes()
{
	noted a('a');
	CORO_DEFER(note_letter, at('b'));
	throw 1;
}

static void throw_below_frame()
{
	CORO_FRAME;
	noted c('c');

	coro_defer_at(note_deferred, "d", 1, CORO_FRAME_HERE);
	CORO_DEFER(note_letter, at('e'));
	throw_in_scopes();
}

static void test_an_exception_leaves_scopes()
{
	try {
		throw_below_frame();
	} catch (int) {
	}
	expect_noted("baecd");
}

/* ---- panics and exits ----------------------------------------------------------------------- */

static void panic_in_scopes()
{
	noted a('a');
	CORO_DEFER(note_letter, at('b'));
	auto c = std::make_unique<noted>('c');
	defer_free(at('d'));
	panic_with(2);
}

static void panic_below_frame()
{
	noted e('e');
	CORO_FRAME;
	noted f('f');

	coro_defer_at(note_deferred, "g", 1, CORO_FRAME_HERE);
	CORO_DEFER(note_letter, at('h'));
	panic_in_scopes();
}

static void test_a_panic_runs_destructors()
{
	recover_from(panic_below_frame, 2);
	expect_noted("tdhgRcbafe");
}

static void exit_below_frame()
{
	CORO_FRAME;
	noted a('a');

	coro_defer_at(note_deferred, "b", 1, CORO_FRAME_HERE);
	coro_exit(letters);
}

static void test_an_exit_runs_destructors()
{
	expect_exit(exit_below_frame, "baz");
}

static void yield_in_scope(void *)
{
	noted a('a');

	try {
		coro_yield(nullptr);
	} catch (const std::exception &) {
		note('?');
	}
}

static void test_one_that_is_cancelled_runs_destructors()
{
	struct coro *co = coroutine_of(yield_in_scope, nullptr);

	coro_resume(co, nullptr);
	expect(coro_destroy(co) == 0, "it is cancelled");
	expect_noted("a");
}

/* What is being handled where a panic begins is done with. */
static int live;

struct counted {
	counted() { live++; }
	counted(const counted &) { live++; }
	~counted() { live--; }
};

static void panic_in_catch()
{
	try {
		throw counted();
	} catch (const counted &) {
		noted a('a');
		panic_with(3);
	}
}

static void test_a_panic_in_a_catch_block_ends_what_it_handles()
{
	recover_from(panic_in_catch, 3);
	expect_noted("Ra");
	expect(live == 0, "it is gone");
	expect(std::current_exception() == nullptr, "nothing is being handled");
}

/* ---- foreign frames -------------------------------------------------------------------------- */

static void *panic_called_back(void *)
{
	noted c('c');

	panic_with(4);
}

static void *exit_called_back(void *)
{
	noted c('c');

	coro_exit(letters);
}

static void *foreign(void *fn)
{
	noted f('f');

	return coro_callback(reinterpret_cast<void *(*)(void *)>(fn), nullptr);
}

static void call_out_to_panic()
{
	noted o('o');

	coro_foreign(foreign, reinterpret_cast<void *>(panic_called_back));
}

static void call_out_to_exit()
{
	noted o('o');

	coro_foreign(foreign, reinterpret_cast<void *>(exit_called_back));
}

static void test_foreign_frames_are_unwound()
{
	recover_from(call_out_to_panic, 4);
	expect_noted("Rcfo");
	expect(coro_unlock_thread() != 0, "it is not locked to its thread");
	expect_exit(call_out_to_exit, "cfoz");
}

/* ---- catch (...) ------------------------------------------------------------------------------- */

static void catch_and_throw_on()
{
	noted a('a');

	try {
		panic_in_scopes();
	} catch (...) {
		noted i('i');
		throw;
	}
}

static void catch_and_exit()
{
	try {
		coro_exit(nullptr);
	} catch (...) {
		note('1');
		coro_exit(letters);
	}
}

static void catch_and_panic()
{
	try {
		panic_in_scopes();
	} catch (...) {
		note('1');
		panic_with(5);
	}
}

/* The calls that recover are two, the inner one from the first. */
static void recover_any(void *value)
{
	**static_cast<volatile std::intptr_t **>(value) = reinterpret_cast<std::intptr_t>(coro_recover());
}

static void recover_twice()
{
	CORO_FRAME;
	volatile std::intptr_t value = 0;
	volatile std::intptr_t *address = &value;
	void (*volatile fn)() = catch_and_panic;

	if (coro_defer(recover_any, &address, sizeof(address)) != 0 ||
		coro_defer(recover_any, &address, sizeof(address)) != 0) {
		note(static_cast<char>('0' + value));
		return;
	}
	fn();
}

static void test_a_catch_all_throws_on()
{
	recover_from(catch_and_throw_on, 2);
	expect(std::uncaught_exceptions() == 0, "nothing is on its way");
	expect_noted("tdRcbaia");
}

static void test_a_catch_all_panics_or_exits_itself()
{
	recover_twice();
	expect_noted("tdcba15");
	expect_exit(catch_and_exit, "1z");
}

static void catch_and_keep()
{
	try {
		panic_with(6);
	} catch (...) {
	}
}

static void recover_from_what_is_kept()
{
	recover_from(catch_and_keep, 6);
}

static void catch_exit_and_keep()
{
	try {
		coro_exit(letters);
	} catch (...) {
	}
}

static void exit_and_keep()
{
	expect_exit(catch_exit_and_keep, "");
}

static void test_a_catch_all_that_keeps_one_is_fatal()
{
	static const char said[] = "libmstat: a catch (...) kept a panic or an exit\n";

	expect_ending(recover_from_what_is_kept, -SIGABRT, said);
	expect_ending(exit_and_keep, -SIGABRT, said);
	expect_ending(catch_and_keep, -SIGABRT,
		"panic: 0x6\nlibmstat: a catch (...) kept a panic or an exit\n");
}

/* ---- out of what is run -------------------------------------------------------------------------- */

static void recover_within(void *letter)
{
	recover_from(panic_in_scopes, 2);
	note(*static_cast<char *>(letter));
}

static void throw_and_catch(void *letter)
{
	try {
		throw_in_scopes();
	} catch (int) {
		note(*static_cast<char *>(letter));
	}
}

static void panic_over_both()
{
	CORO_DEFER(recover_within, at('x'));
	CORO_DEFER(throw_and_catch, at('y'));
	panic_with(7);
}

static void test_what_is_run_recovers_and_catches_its_own()
{
	recover_from(panic_over_both, 7);
	expect_noted("RbaytdRcbax");
}

static void panic_deferred(void *)
{
	panic_with(8);
}

static void throw_deferred(void *)
{
	throw 8;
}

static void panic_at_the_end()
{
	noted a('a');
	CORO_DEFER(panic_deferred, nullptr);
	noted b('b');
}

static void throw_at_the_end()
{
	noted a('a');
	CORO_DEFER(throw_deferred, nullptr);
	noted b('b');
}

static void test_one_panics_or_throws_at_a_scopes_end()
{
	recover_from(panic_at_the_end, 8);
	expect_noted("bRa");
	try {
		throw_at_the_end();
	} catch (int) {
	}
	expect_noted("ba");
}

static void terminate_saying()
{
	expect(write(STDERR_FILENO, "terminate\n", 10) == 10, "it is said");
	std::_Exit(3);
}

static void panic_over_panic()
{
	CORO_DEFER(panic_deferred, nullptr);
	panic_with(9);
}

static void panic_over_throw()
{
	CORO_DEFER(throw_deferred, nullptr);
	panic_with(9);
}

static void panic_noexcept() noexcept
{
	panic_with(9);
}

static void (*terminates)();

static void recover_from_terminating()
{
	std::set_terminate(terminate_saying);
	recover_from(terminates, 9);
}

static void expect_terminate(void (*fn)(), const char *text)
{
	terminates = fn;
	expect_ending(recover_from_terminating, 3, text);
}

/* As the language has it of exceptions out of destructors that an exception runs.  From the
   second panic nobody recovers, which is told before it is unwound. */
static void test_those_that_terminate()
{
	expect_terminate(panic_over_panic, "panic: 0x8\nterminate\n");
	expect_terminate(panic_over_throw, "terminate\n");
	expect_terminate(panic_noexcept, "terminate\n");
}

static void panic_noexcept_with_nobody()
{
	std::set_terminate(terminate_saying);
	panic_noexcept();
}

static void test_nobody_recovers()
{
	expect_ending(panic_in_scopes, 2, "panic: 0x2\n");
	expect_ending(panic_noexcept_with_nobody, 3, "panic: 0x9\nterminate\n");
}

int main()
{
	static const struct cases_case cases[] = {
		{"scopes are left", test_scopes_are_left, CASES_ANYWHERE},
		{"templates, members and lambdas", test_templates_members_and_lambdas, CASES_ANYWHERE},
		{"an exception leaves scopes", test_an_exception_leaves_scopes, CASES_ANYWHERE},
		{"a panic runs destructors", test_a_panic_runs_destructors, CASES_ANYWHERE},
		{"an exit runs destructors", test_an_exit_runs_destructors, CASES_ANYWHERE},
		{"one that is cancelled runs destructors", test_one_that_is_cancelled_runs_destructors,
			CASES_ANYWHERE},
		{"a panic in a catch block ends what it handles",
			test_a_panic_in_a_catch_block_ends_what_it_handles, CASES_ANYWHERE},
		{"foreign frames are unwound", test_foreign_frames_are_unwound, CASES_IN_COROUTINE},
		{"a catch (...) throws on", test_a_catch_all_throws_on, CASES_ANYWHERE},
		{"a catch (...) panics or exits itself", test_a_catch_all_panics_or_exits_itself,
			CASES_ANYWHERE},
		{"a catch (...) that keeps one is fatal", test_a_catch_all_that_keeps_one_is_fatal,
			CASES_ONCE},
		{"what is run recovers and catches its own",
			test_what_is_run_recovers_and_catches_its_own, CASES_ANYWHERE},
		{"one panics or throws at a scope's end", test_one_panics_or_throws_at_a_scopes_end,
			CASES_ANYWHERE},
		{"those that terminate", test_those_that_terminate, CASES_ONCE},
		{"nobody recovers", test_nobody_recovers, CASES_ONCE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
