/*
 * exceptions.cc - C++ exceptions in coroutines, deferred calls and callbacks.
 *
 * Proves: they pass through all that a coroutine calls, over the edges of stacks too, and
 * on their way destructors and deferred calls run; one that leaves a coroutine is fatal;
 * what is being handled belongs to the coroutine that handles it, over yields and on
 * another thread.
 */
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <thread>

#include "tests/coro/programs/cases.h"

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
	expect_value((void *)(std::intptr_t)caught.value, value);
}

/* Notes its end. */
struct noted {
	char letter;

	explicit noted(char letter) : letter(letter) {}
	noted(const noted &) = delete;
	noted &operator=(const noted &) = delete;
	~noted() { note(letter); }
};

static void throw_deferred(void *value)
{
	throw thrown(*(int *)value);
}

static void must_recover(void *expected)
{
	expect_value(coro_recover(), *(int *)expected);
	note('r');
}

static void defer_note(char letter, coro_frame *frame)
{
	coro_defer_at(note_deferred, &letter, 1, frame);
}

static int caught_value(const std::exception_ptr &exception)
{
	try {
		std::rethrow_exception(exception);
	} catch (const thrown &caught) {
		return caught.value;
	}
}

/* ---- within one coroutine ------------------------------------------------------------------- */

static void throw_from_depth(int depth)
{
	noted end('d');

	if (depth > 0)
		throw_from_depth(depth - 1);
	else
		throw thrown(1);
	note('?');
}

static void test_one_is_caught_and_destructors_run()
{
	try {
		throw_from_depth(2);
	} catch (const thrown &caught) {
		expect_thrown(caught, 1);
	}
	expect_noted("ddd");
	expect(live == 0, "it is gone");
}

static void throw_with_frame()
{
	CORO_FRAME;
	noted first('1');

	defer_note('a', CORO_FRAME_HERE);
	noted second('2');
	defer_note('b', CORO_FRAME_HERE);
	throw thrown(2);
}

static void test_a_functions_deferred_calls_are_made_as_it_passes()
{
	try {
		throw_with_frame();
	} catch (const thrown &caught) {
		note('c');
	}
	expect_noted("21bac");
}

static void recover_with_destructors()
{
	noted before('1');
	CORO_FRAME;
	noted after('2');

	defer_note('a', CORO_FRAME_HERE);
	int value = 3;
	if (coro_defer(must_recover, &value, sizeof(value)) != 0) {
		noted then('3');
		return;
	}
	noted later('?'); /* of the frames that a panic passes the last one is not left */
	panic_with(3);
}

static void test_a_function_that_recovers_runs_its_destructors_once()
{
	recover_with_destructors();
	expect_noted("r32a1");
}

/* ---- out of deferred calls ---------------------------------------------------------------------- */

static void throw_at_the_end()
{
	CORO_FRAME;
	int value = 4;

	defer_note('a', CORO_FRAME_HERE);
	defer_note('b', CORO_FRAME_HERE);
	coro_defer(throw_deferred, &value, sizeof(value));
	defer_note('c', CORO_FRAME_HERE);
}

static void test_one_out_of_a_deferred_call_leaves_the_others_to_be_made()
{
	try {
		throw_at_the_end();
	} catch (const thrown &caught) {
		expect_thrown(caught, 4);
		note('.');
	}
	expect_noted("cba.");
}

static void throw_out_of_panic()
{
	CORO_FRAME;
	int value = 5;

	defer_note('a', CORO_FRAME_HERE);
	coro_defer(throw_deferred, &value, sizeof(value));
	defer_note('b', CORO_FRAME_HERE);
	try {
		noted passed('p');
		panic_with(6);
	} catch (const thrown &caught) {
		expect_thrown(caught, 5);
		note('c');
	}
}

static void test_one_out_of_a_panics_call_ends_the_panic()
{
	throw_out_of_panic();
	expect_noted("bpca");
	expect(coro_recover() == nullptr, "there is no panic");
}

static void recover_after_throwing(void *)
{
	try {
		throw thrown(7);
	} catch (const thrown &) {
		note('c');
	}
	expect_value(coro_recover(), 8);
}

static void panic_then_throw()
{
	CORO_FRAME;

	if (coro_defer(recover_after_throwing, nullptr, 0) != 0)
		return;
	panic_with(8);
}

static void test_a_deferred_call_of_a_panic_throws_catches_and_recovers()
{
	panic_then_throw();
	expect_noted("c");
}

/* ---- over the edges of stacks --------------------------------------------------------------------- */

static void *throw_called_back(void *value)
{
	noted end('c');

	throw thrown((int)(std::intptr_t)value);
}

static void *call_back(void *value)
{
	noted end('f');

	coro_callback(throw_called_back, value);
	note('?');
	return nullptr;
}

static void expect_unlocked()
{
	expect(coro_unlock_thread() != 0, "it is not locked to its thread");
}

static void test_one_passes_foreign_frames()
{
	try {
		noted end('o');
		coro_foreign(call_back, (void *)9);
	} catch (const thrown &caught) {
		expect_thrown(caught, 9);
	}
	expect_unlocked();
	expect_noted("cfo");
	expect(live == 0, "it is gone");
}

static void *throw_in_foreign_code(void *value)
{
	throw thrown((int)(std::intptr_t)value);
}

static void test_foreign_code_throws_itself()
{
	try {
		coro_foreign(throw_in_foreign_code, (void *)10);
	} catch (const thrown &caught) {
		expect_thrown(caught, 10);
	}
	expect_unlocked();
}

static void *return_called_back(void *value)
{
	return value;
}

static void *catch_in_foreign_code(void *value)
{
	try {
		coro_callback(throw_called_back, value);
	} catch (const thrown &caught) {
		/* It can go on, and call back. */
		expect(coro_callback(return_called_back, value) == value, "a callback returns");
		note('-');
		return (void *)(std::intptr_t)(caught.value + 1);
	}
	return nullptr;
}

static void test_foreign_code_catches_what_it_called_back_throws()
{
	expect_value(coro_foreign(catch_in_foreign_code, (void *)11), 12);
	expect_unlocked();
	expect_noted("c-");
}

static void *to_and_fro(void *depth);

static void *back_to_it(void *depth)
{
	noted end('f');

	return coro_callback(to_and_fro, depth);
}

static void *to_and_fro(void *depth)
{
	CORO_FRAME;
	auto left = (std::intptr_t)depth;

	defer_note((char)('0' + left), CORO_FRAME_HERE);
	if (left == 0)
		throw thrown(13);
	return coro_foreign(back_to_it, (void *)(left - 1));
}

static void test_one_passes_three_callbacks()
{
	try {
		to_and_fro((void *)3);
	} catch (const thrown &caught) {
		expect_thrown(caught, 13);
	}
	expect_unlocked();
	expect_noted("0f1f2f3");
}

/* A panic comes out of a callback, and a deferred call above the foreign frames throws:
   they are there still, and it passes them too. */
static void *panic_called_back(void *value)
{
	CORO_FRAME;

	defer_note('c', CORO_FRAME_HERE);
	panic_with((int)(std::intptr_t)value);
}

static void *call_back_to_panic(void *value)
{
	noted end('f');

	return coro_callback(panic_called_back, value);
}

static void call_out_and_throw(void *value)
{
	expect_value(coro_foreign(catch_in_foreign_code, (void *)14), 15);
	throw_deferred(value);
}

static void throw_above_foreign_frames()
{
	CORO_FRAME;
	int value = 16;

	defer_note('a', CORO_FRAME_HERE);
	coro_defer(call_out_and_throw, &value, sizeof(value));
	coro_foreign(call_back_to_panic, (void *)17);
}

static void test_one_out_of_a_panic_that_left_a_callback()
{
	try {
		throw_above_foreign_frames();
	} catch (const thrown &caught) {
		expect_thrown(caught, 16);
	}
	expect_unlocked();
	expect_noted("cc-fa");
	expect_value(coro_foreign(return_called_back, (void *)18), 18);
}

/* ---- what is being handled ---------------------------------------------------------------------------- */

static void expect_handling(int value)
{
	expect(caught_value(std::current_exception()) == value, "its own is being handled");
}

static void expect_handling_nothing()
{
	expect(std::current_exception() == nullptr, "nothing is being handled");
	expect(std::uncaught_exceptions() == 0, "nothing is on its way");
}

/* Yields in a catch block, in another within, and throws both on. */
static void handle_and_yield(void *arg)
{
	int value = *(int *)arg;

	expect_handling_nothing();
	try {
		try {
			throw thrown(value);
		} catch (const thrown &caught) {
			coro_yield(nullptr);
			expect_handling(value);
			try {
				throw thrown(value + 1);
			} catch (const thrown &inner) {
				coro_yield(nullptr);
				expect_handling(value + 1);
				expect_thrown(inner, value + 1);
			}
			coro_yield(nullptr);
			expect_thrown(caught, value);
			throw;
		}
	} catch (const thrown &again) {
		coro_yield(nullptr);
		expect_thrown(again, value);
		expect_handling(value);
	}
	expect_handling_nothing();
	note((char)('0' + value / 10));
}

static void run_interleaved(void (*between)())
{
	int values[3] = {10, 20, 30};
	struct coro *all[3];

	for (int i = 0; i < 3; i++)
		all[i] = coroutine_of(handle_and_yield, &values[i]);
	for (int round = 0; round < 5; round++)
		for (int i = 0; i < 3; i++) {
			coro_resume(all[round % 2 == 0 ? i : 2 - i], nullptr);
			between();
		}
	for (struct coro *co : all) {
		expect(coro_status(co) == CORO_FINISHED, "it has ended");
		coro_destroy(co);
	}
	expect_noted("123");
}

static void test_catch_blocks_interleave()
{
	run_interleaved(expect_handling_nothing);
	expect(live == 0, "all are gone");
}

static void expect_handling_99()
{
	expect_handling(99);
}

static void test_catch_blocks_interleave_within_one_of_the_resumers()
{
	try {
		throw thrown(99);
	} catch (const thrown &caught) {
		run_interleaved(expect_handling_99);
		expect_thrown(caught, 99);
	}
	expect_handling_nothing();
	expect(live == 0, "all are gone");
}

/* A destructor yields while an exception is on its way. */
struct yielding {
	~yielding()
	{
		expect(std::uncaught_exceptions() == 1, "one is on its way");
		coro_yield(nullptr);
		expect(std::uncaught_exceptions() == 1, "it still is");
	}
};

static void yield_in_destructor(void *)
{
	try {
		yielding end;
		throw thrown(19);
	} catch (const thrown &caught) {
		expect_thrown(caught, 19);
	}
	expect_handling_nothing();
}

static void test_what_is_on_its_way_is_the_coroutines_own()
{
	struct coro *first = coroutine_of(yield_in_destructor, nullptr);
	struct coro *second = coroutine_of(yield_in_destructor, nullptr);

	coro_resume(first, nullptr);
	expect_handling_nothing();
	coro_resume(second, nullptr);
	expect_handling_nothing();
	coro_resume(first, nullptr);
	coro_resume(second, nullptr);
	expect(coro_destroy(first) == 0 && coro_destroy(second) == 0, "both have ended");
	expect_handling_nothing();
}

static void throw_and_catch(void *)
{
	expect_handling_nothing();
	try {
		coro_foreign(call_back, (void *)33);
	} catch (const thrown &caught) {
		expect_thrown(caught, 33);
	}
	throw_out_of_panic();
	expect_noted("cfbpca");
}

static void handle_for_ever(void *)
{
	try {
		throw thrown(31);
	} catch (const thrown &) {
		for (;;)
			coro_yield(nullptr);
	}
}

static void test_one_that_is_destroyed_in_a_catch_block_leaves_others_alone()
{
	try {
		throw thrown(32);
	} catch (const thrown &caught) {
		struct coro *co = coroutine_of(handle_for_ever, nullptr);
		coro_resume(co, nullptr);
		expect(coro_destroy(co) == 0, "it is destroyed");
		expect_handling(32);
		in_coroutine(throw_and_catch, nullptr); /* in its place */
		expect_thrown(caught, 32);
	}
	expect_handling_nothing();
}

static void pass_on(void *arg)
{
	auto *passed = (std::exception_ptr *)arg;

	try {
		throw thrown(20);
	} catch (...) {
		*passed = std::current_exception();
	}
}

static void test_one_coroutine_throws_what_another_caught()
{
	std::exception_ptr passed;

	live = 0;
	in_coroutine(pass_on, &passed);
	expect(live == 1, "it is kept");
	expect(caught_value(passed) == 20, "it is that one");
	passed = nullptr;
	expect(live == 0, "it is gone");
}

static void resume_twice(struct coro *co)
{
	expect_handling_nothing();
	coro_resume(co, nullptr);
	expect_handling_nothing();
	coro_resume(co, nullptr);
	expect_handling_nothing();
}

static void test_what_is_being_handled_goes_along_to_another_thread()
{
	int value = 30;
	struct coro *co = coroutine_of(handle_and_yield, &value);

	coro_resume(co, nullptr);
	std::thread(resume_twice, co).join();
	std::thread(resume_twice, co).join();
	expect(coro_status(co) == CORO_FINISHED, "it has ended");
	coro_destroy(co);
	expect_noted("3");
}

static void test_they_pass_on_another_thread()
{
	std::thread(in_coroutine, throw_and_catch, nullptr).join();
}

/* ---- those that end the process ------------------------------------------------------------------------ */

static void throw_out(void *)
{
	throw thrown(21);
}

static void resume_one_that_throws()
{
	try {
		in_coroutine(throw_out, nullptr);
	} catch (...) {
		note('?'); /* what resumes has not called */
	}
}

static void throw_out_of_foreign(void *)
{
	coro_foreign(call_back, (void *)22);
}

static void resume_one_whose_callback_throws()
{
	in_coroutine(throw_out_of_foreign, nullptr);
}

static void throw_out_by_deferred(void *)
{
	throw_at_the_end();
}

static void resume_one_whose_deferred_call_throws()
{
	in_coroutine(throw_out_by_deferred, nullptr);
}

static void exit_to_throw(void *)
{
	CORO_FRAME;
	int value = 23;

	coro_defer(throw_deferred, &value, sizeof(value));
	coro_exit(nullptr);
}

static void resume_one_whose_exit_throws()
{
	in_coroutine(exit_to_throw, nullptr);
}

static void resume_on_a_thread()
{
	std::thread(resume_one_that_throws).join();
}

static void test_one_that_leaves_a_coroutine_is_fatal()
{
	static const char said[] = "libmstat: an exception left a coroutine\n";

	expect_ending(resume_one_that_throws, -SIGABRT, said);
	expect_ending(resume_one_whose_callback_throws, -SIGABRT, said);
	expect_ending(resume_one_whose_deferred_call_throws, -SIGABRT, said);
	expect_ending(resume_one_whose_exit_throws, -SIGABRT, said);
	expect_ending(resume_on_a_thread, -SIGABRT, said);
}

static void throw_while_one_passes()
{
	CORO_FRAME;
	int value = 24;

	coro_defer(throw_deferred, &value, sizeof(value));
	throw thrown(25);
}

static void expect_terminate()
{
	std::set_terminate([] {
		expect(std::current_exception() != nullptr, "it is told which");
		std::_Exit(3);
	});
	try {
		throw_while_one_passes();
	} catch (...) {
	}
}

static void test_a_deferred_call_that_throws_while_one_passes_terminates()
{
	expect_ending(expect_terminate, 3, "");
}

/* ---- barriers -------------------------------------------------------------------------------- */

static __attribute__((noinline)) void yield_and_throw(bool yields_again)
{
	struct end {
		bool yields;
		~end()
		{
			if (yields)
				coro_yield(nullptr);
		}
	} end{yields_again};

	coro_yield(nullptr);
	throw thrown(20);
}

static void catch_over_barriers(void *yields_again)
{
	try {
		yield_and_throw(yields_again != nullptr);
	} catch (const thrown &caught) {
		expect_thrown(caught, 20);
		note('c');
	}
	expect_handling_nothing();
}

/* They may come and go between a throw and its catch; the stack may not go elsewhere. */
static void test_a_stack_is_not_moved_while_one_passes()
{
	struct coro_attr attr = {};
	struct coro *co;
	char yes;
	void *const ways[] = {nullptr, &yes};

	coro_barriers_set(CORO_BARRIERS_ALL);
	attr.is_relocatable = 1;
	for (void *yields_again : ways) {
		while (coro_create(&co, &attr, catch_over_barriers, yields_again) != 0)
			;
		coro_resume(co, nullptr);
		expect(coro_barriers_install(co) == 0, "barriers are put");
		coro_resume(co, nullptr);
		if (yields_again != nullptr) {
			expect(coro_barriers_install(co) == 0, "also while one is on its way");
			expect(coro_copystack(co, 2 * CORO_STACK_BYTES) == EBUSY, "the stack is not moved");
			coro_resume(co, nullptr);
		}
		expect(coro_status(co) == CORO_FINISHED, "it was caught");
		coro_destroy(co);
	}
	coro_barriers_set(CORO_BARRIERS_SPACED);
	expect_noted("cc");
}

int main()
{
	static const struct cases_case cases[] = {
		{"one is caught, and destructors run", test_one_is_caught_and_destructors_run,
			CASES_ANYWHERE},
		{"a function's deferred calls are made as it passes",
			test_a_functions_deferred_calls_are_made_as_it_passes, CASES_ANYWHERE},
		{"a function that recovers runs its destructors once",
			test_a_function_that_recovers_runs_its_destructors_once, CASES_ANYWHERE},
		{"one out of a deferred call leaves the others to be made",
			test_one_out_of_a_deferred_call_leaves_the_others_to_be_made, CASES_ANYWHERE},
		{"one out of a panic's call ends the panic",
			test_one_out_of_a_panics_call_ends_the_panic, CASES_ANYWHERE},
		{"a deferred call of a panic throws, catches and recovers",
			test_a_deferred_call_of_a_panic_throws_catches_and_recovers, CASES_ANYWHERE},
		{"one passes foreign frames", test_one_passes_foreign_frames, CASES_IN_COROUTINE},
		{"foreign code throws itself", test_foreign_code_throws_itself, CASES_IN_COROUTINE},
		{"foreign code catches what it called back throws",
			test_foreign_code_catches_what_it_called_back_throws, CASES_IN_COROUTINE},
		{"one passes three callbacks", test_one_passes_three_callbacks, CASES_IN_COROUTINE},
		{"one out of a panic that left a callback",
			test_one_out_of_a_panic_that_left_a_callback, CASES_IN_COROUTINE},
		{"catch blocks interleave", test_catch_blocks_interleave, CASES_ANYWHERE},
		{"catch blocks interleave within one of the resumer's",
			test_catch_blocks_interleave_within_one_of_the_resumers, CASES_ANYWHERE},
		{"what is on its way is the coroutine's own",
			test_what_is_on_its_way_is_the_coroutines_own, CASES_ANYWHERE},
		{"one that is destroyed in a catch block leaves others alone",
			test_one_that_is_destroyed_in_a_catch_block_leaves_others_alone, CASES_ONCE},
		{"one coroutine throws what another caught",
			test_one_coroutine_throws_what_another_caught, CASES_ANYWHERE},
		{"what is being handled goes along to another thread",
			test_what_is_being_handled_goes_along_to_another_thread, CASES_ONCE},
		{"they pass on another thread", test_they_pass_on_another_thread, CASES_ONCE},
		{"a stack is not moved while one passes", test_a_stack_is_not_moved_while_one_passes, CASES_ONCE},
		{"one that leaves a coroutine is fatal", test_one_that_leaves_a_coroutine_is_fatal,
			CASES_ONCE},
		{"a deferred call that throws while one passes terminates",
			test_a_deferred_call_that_throws_while_one_passes_terminates, CASES_ONCE},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
