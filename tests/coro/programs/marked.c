/*
 * marked.c - deferred calls and panics in frames that have barriers.
 *
 * Proves: the same as without barriers, at every frame or with a few: recovered from above,
 * between and below; lexical calls in each frame, of both kinds (the program is built with
 * -fexceptions, where panics unwind, and without); over foreign frames, where a longjmp()
 * left barriers behind, on a stack that was moved, in an exit and a cancelling; and while
 * barriers come on the way.
 */
#include <setjmp.h>

#include "tests/coro/programs/cases.h"

#define NOINLINE __attribute__((noinline))

enum { DEPTH = 6, ROOM_BYTES = 512 };

static const enum coro_barriers modes[] = {CORO_BARRIERS_ALL, CORO_BARRIERS_SPACED};

static char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static void note_letter(void *letter)
{
	note(*(const char *)letter);
}

/* ---- frames -------------------------------------------------------------------------------- */

static NOINLINE void descend_framed(int depth, void (*bottom)(void));

/* Frames of some size, in turn with a lexical call and a record; the last one yields. */
static NOINLINE void descend(int depth, void (*bottom)(void))
{
	char room[ROOM_BYTES];

	CORO_DEFER(note_letter, &letters[depth]);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0) {
		descend_framed(depth - 1, bottom);
	} else {
		coro_yield(NULL);
		bottom();
	}
}

static NOINLINE void descend_framed(int depth, void (*bottom)(void))
{
	char room[ROOM_BYTES];
	CORO_FRAME;

	coro_defer(note_deferred, &letters[depth], 1);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0) {
		descend(depth - 1, bottom);
	} else {
		coro_yield(NULL);
		bottom();
	}
}

static void call(void *function)
{
	(*(void (**)(void))function)();
}

static void with_barriers_and(const struct coro_attr *attr, void (*fn)(void), const char *text)
{
	for (int i = 0; i < 2; i++) {
		in_coroutine_with_barriers(modes[i], attr, call, (void *)&fn);
		expect_noted(text);
	}
}

static void with_barriers(void (*fn)(void), const char *text)
{
	with_barriers_and(NULL, fn, text);
}

static void recover(void *letter)
{
	expect_value(coro_recover(), 1);
	note(*(const char *)letter);
}

static void panic(void)
{
	panic_with(1);
}

/* fn() descends, and must panic. */
static NOINLINE void recover_from(void (*fn)(int, void (*)(void)), void (*bottom)(void), char letter)
{
	CORO_FRAME;

	if (coro_defer(recover, &letter, 1) == 0)
		fn(DEPTH, bottom);
}

/* ---- where it is recovered from ------------------------------------------------------------ */

/* Lexical calls are made on the way, with the records, where they have one; where panics
   unwind they are made when it is known who recovers. */
#if defined(__EXCEPTIONS)
#define PASSED(recovered) "135" recovered "0246"
#else
#define PASSED(recovered) "0123456" recovered
#endif

static void nothing_more(void) {}

static void return_through(void)
{
	descend(DEPTH, nothing_more);
}

static void test_calls_are_made_as_functions_return(void)
{
	with_barriers(return_through, "0123456");
}

static void recover_above(void)
{
	recover_from(descend, panic, 'R');
	coro_yield(NULL);
	note('.');
}

static void test_a_panic_is_recovered_from_above_barriers(void)
{
	with_barriers(recover_above, PASSED("R") ".");
}

static void recover_here(void)
{
	recover_from(descend, panic, 'r');
}

static void recover_between(void)
{
	descend_framed(DEPTH, recover_here);
}

static void test_a_panic_is_recovered_from_between_barriers(void)
{
	with_barriers(recover_between, PASSED("r") "0123456");
}

static void panic_again(void)
{
	recover_here();
	panic();
}

static void recover_again(void)
{
	recover_from(descend, panic_again, 'R');
	note('.');
}

static void test_another_panic_passes_the_barriers_that_are_left(void)
{
	with_barriers(recover_again, PASSED("r") PASSED("R") ".");
}

/* ---- on the way ------------------------------------------------------------------------------- */

static void yield_deferred(void *letter)
{
	coro_yield(NULL);
	note_deferred(letter);
}

static NOINLINE void defer_a_yield(void (*bottom)(void))
{
	CORO_FRAME;

	coro_defer(yield_deferred, "y", 1);
	bottom();
}

static NOINLINE void defer_a_yield_lexically(void (*bottom)(void))
{
	static char letter[] = "Y";

	CORO_DEFER(yield_deferred, letter);
	defer_a_yield(bottom);
}

static void yield_and_panic(void)
{
	defer_a_yield_lexically(panic);
}

static void recover_from_yields(void)
{
	recover_from(descend, yield_and_panic, 'R');
	note('.');
}

static void test_barriers_come_while_a_panic_is_under_way(void)
{
#if defined(__EXCEPTIONS)
	with_barriers(recover_from_yields, "y135RY0246.");
#else
	with_barriers(recover_from_yields, "yY0123456R.");
#endif
}

static void *panic_called_back(void *nothing)
{
	(void)nothing;
	panic();
	return NULL;
}

static void *call_back(void *nothing)
{
	return coro_callback(panic_called_back, nothing);
}

static void call_out(void)
{
	coro_foreign(call_back, NULL);
}

static void recover_from_callback(void)
{
	recover_from(descend, call_out, 'R');
	expect(coro_unlock_thread() != 0, "it is not locked to its thread");
}

static void test_a_panic_passes_foreign_frames_and_barriers(void)
{
	with_barriers(recover_from_callback, PASSED("R"));
}

static jmp_buf out;

static NOINLINE void plain(int depth, void (*bottom)(void))
{
	char room[ROOM_BYTES];

	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0) {
		plain(depth - 1, bottom);
	} else {
		coro_yield(NULL);
		bottom();
	}
	still_here();
}

static void jump(void)
{
	longjmp(out, 1);
}

static NOINLINE void leave_barriers_behind(void)
{
	if (setjmp(out) == 0)
		plain(DEPTH, jump);
}

static NOINLINE void panic_where_they_were(int depth, void (*bottom)(void))
{
	char room[ROOM_BYTES / 2];

	CORO_DEFER(note_letter, &letters[depth]);
	__asm__ volatile("" : : "r"(room) : "memory");
	if (depth > 0)
		panic_where_they_were(depth - 1, bottom);
	else
		bottom();
}

static void jump_and_panic(void)
{
	leave_barriers_behind();
	recover_from(panic_where_they_were, panic, 'R');
}

static void jump_between(void)
{
	plain(DEPTH, jump_and_panic);
}

static void test_a_panic_passes_where_barriers_were_left_behind(void)
{
#if defined(__EXCEPTIONS)
	with_barriers(jump_between, "R0123456");
#else
	with_barriers(jump_between, "0123456R");
#endif
}

static void test_a_panic_passes_on_a_stack_that_was_moved(void)
{
	struct coro_attr attr = {.is_relocatable = 1};

	with_barriers_and(&attr, recover_above, PASSED("R") ".");
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void exit_now(void)
{
	coro_exit(NULL);
}

static void exit_below(void)
{
	descend(DEPTH, exit_now);
}

static void test_an_exit_passes_barriers(void)
{
	with_barriers(exit_below, PASSED(""));
}

static void yield_below(void *nothing)
{
	(void)nothing;
	descend(DEPTH, nothing_more);
}

static void test_cancelling_passes_barriers(void)
{
	for (int i = 0; i < 2; i++) {
		coro_barriers_set(modes[i]);
		struct coro *co = coroutine_of(yield_below, NULL);
		coro_resume(co, NULL);
		expect(coro_barriers_install(co) == 0, "barriers can be installed");
		expect(coro_destroy(co) == 0, "it is destroyed");
		expect_noted(PASSED(""));
	}
	coro_barriers_set(CORO_BARRIERS_SPACED);
}

int main(void)
{
	static const struct cases_case cases[] = {
		{"calls are made as functions return", test_calls_are_made_as_functions_return,
			CASES_SLOW},
		{"a panic is recovered from above barriers",
			test_a_panic_is_recovered_from_above_barriers, CASES_SLOW},
		{"a panic is recovered from between barriers",
			test_a_panic_is_recovered_from_between_barriers, CASES_SLOW},
		{"another panic passes the barriers that are left",
			test_another_panic_passes_the_barriers_that_are_left, CASES_SLOW},
		{"barriers come while a panic is under way",
			test_barriers_come_while_a_panic_is_under_way, CASES_SLOW},
		{"a panic passes foreign frames and barriers",
			test_a_panic_passes_foreign_frames_and_barriers, CASES_SLOW},
		{"a panic passes where barriers were left behind",
			test_a_panic_passes_where_barriers_were_left_behind, CASES_SLOW},
		{"a panic passes on a stack that was moved",
			test_a_panic_passes_on_a_stack_that_was_moved, CASES_SLOW},
		{"an exit passes barriers", test_an_exit_passes_barriers, CASES_SLOW},
		{"cancelling passes barriers", test_cancelling_passes_barriers, CASES_SLOW},
	};

	return cases_run(cases, sizeof(cases) / sizeof(cases[0]));
}
