/*
 * check_defer.c - table D of docs/conformance.md, a test a rule.
 */
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>

#include "base/compiler.h"
#include "coro/coro.h"
#include "coro/defer.h"
#include "coro/thread.h"
#include "include/mstat_coro.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

/* What was called, in order. */
static struct {
	int numbers[256];
	int count;
} calls;

static void begin(void)
{
	calls.count = 0;
}

static void call(int number)
{
	calls.numbers[calls.count++] = number;
}

static void note(void *number)
{
	call(*(int *)number);
}

static void check_calls(const int *expected, int count)
{
	ck_assert_int_eq(calls.count, count);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(calls.numbers[i], expected[i]);
	calls.count = 0;
}

#define CHECK_CALLS(...) \
	check_calls((const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static struct coro *here(void)
{
	return thread_current(thread_self());
}

static void recover_any(void *nothing)
{
	(void)nothing;
	coro_recover();
}

/* ---- records and chunks --------------------------------------------------------- */

static NOINLINE void defer_ten(void)
{
	CORO_FRAME;

	for (int i = 0; i < 10; i++) {
		int number = i;
		coro_defer(note, &number, sizeof(number));
		number = 100; /* it was copied */
	}
	call(-1);
}

START_TEST(test_d1_last_in_first_out_with_copied_arguments)
{
	defer_ten();
	CHECK_CALLS(-1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}
END_TEST

/* Of the current chunk. */
static size_t used_bytes(const struct coro *co)
{
	return (size_t)(co->defer_top - (char *)co->chunk);
}

static bool has_no_record(const struct coro *co)
{
	return co->defers == NULL && co->chunk->previous == NULL &&
		used_bytes(co) == sizeof(struct defer_chunk);
}

/* How many records of this size go into one chunk. */
static int records_a_chunk(struct coro *co, size_t bytes)
{
	int count = 0;

	defer_new(co, bytes);
	for (const struct defer_chunk *first = co->chunk; co->chunk == first; count++)
		defer_new(co, bytes);
	while (co->defers != NULL)
		defer_pop(co);
	defer_free_chunks(co);
	return count;
}

START_TEST(test_d2_50_records_without_arguments_a_chunk_31_with_24_bytes)
{
	struct coro co = {0};

	ck_assert_uint_eq(sizeof(struct defer), 40);
	ck_assert_int_eq(records_a_chunk(&co, 0), 50);
	ck_assert_int_eq(records_a_chunk(&co, 24), 31);
	ck_assert_int_eq(records_a_chunk(&co, 17), 31);
	ck_assert_int_eq(records_a_chunk(&co, 1), 42);
}
END_TEST

enum { HALF = DEFER_CHUNK_BYTES / 2 - 40 }; /* the most arguments of a record of half a chunk */

START_TEST(test_d3_one_over_half_a_chunk_that_does_not_fit_is_a_block)
{
	struct coro co = {0};

	const struct defer *small = defer_new(&co, HALF), *large = defer_new(&co, HALF + 1);
	ck_assert(!small->is_special);
	ck_assert(large->is_special && large->is_freed);
	const struct defer *next = defer_new(&co, HALF - 16); /* the room that is left is as before */
	ck_assert(!next->is_special && (const char *)next == (const char *)small + HALF + 40);
	while (co.defers != NULL) {
		struct defer *defer = co.defers;
		defer_pop(&co);
		defer_free(defer);
	}
	defer_free_chunks(&co);
}
END_TEST

START_TEST(test_d4_one_over_half_a_chunk_that_fits_goes_into_it)
{
	struct coro co = {0};

	struct defer *alone = defer_new(&co, HALF + 8);
	ck_assert(alone->is_special && co.chunk == NULL); /* there was no chunk */
	defer_pop(&co);
	defer_free(alone);
	defer_new(&co, 0);
	ck_assert(!defer_new(&co, HALF + 8)->is_special);
	defer_pop(&co);
	defer_pop(&co);
	alone = defer_new(&co, HALF + 8);
	ck_assert(alone->is_special); /* one with nothing in it is the spare */
	defer_pop(&co);
	defer_free(alone);
	defer_free_chunks(&co);
}
END_TEST

START_TEST(test_d5_no_room_takes_the_spare_chunk_else_a_new_one)
{
	struct coro co = {0};

	for (int i = 0; i < 51; i++)
		defer_new(&co, 0);
	struct defer_chunk *second = co.chunk, *first = second->previous;
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(first->previous);
	ck_assert_uint_eq(used_bytes(&co), 16 + 40);
	defer_pop(&co);
	ck_assert_ptr_eq(co.spare_chunk, second);
	defer_new(&co, 0);
	ck_assert_ptr_eq(co.chunk, second);
	ck_assert_ptr_eq(second->previous, first);
	ck_assert_uint_eq(used_bytes(&co), 16 + 40);
	ck_assert_ptr_null(co.spare_chunk);
	while (co.defers != NULL)
		defer_pop(&co);
	defer_free_chunks(&co);
}
END_TEST

static void pop_nothing(void *nothing)
{
	struct coro co = {0};

	(void)nothing;
	defer_pop(&co);
}

START_TEST(test_d6_popping_with_no_record_is_fatal)
{
	dies_saying(pop_nothing, NULL, "popdefer nil");
}
END_TEST

static void pop_out_of_phase(void *has_chunk)
{
	struct coro co = {0};

	defer_new(&co, 8);
	if (has_chunk != NULL)
		co.defer_top += 48;
	else
		co.chunk = NULL, co.defer_top = co.defer_limit = NULL;
	defer_pop(&co);
}

START_TEST(test_d7_a_record_that_is_not_the_chunks_last_is_fatal)
{
	dies_saying(pop_out_of_phase, NULL, "popdefer phase error");
	dies_saying(pop_out_of_phase, &calls, "popdefer phase error");
}
END_TEST

START_TEST(test_d8_popping_a_special_record_leaves_the_chunk)
{
	struct coro co = {0};
	struct defer special;

	defer_new(&co, 8);
	size_t before = used_bytes(&co);
	defer_push_special(&co, &special, recover_any);
	defer_pop(&co);
	ck_assert_uint_eq(used_bytes(&co), before);
	defer_pop(&co);
	defer_free_chunks(&co);
}
END_TEST

START_TEST(test_d9_a_chunk_that_empties_becomes_the_spare)
{
	struct coro co = {0};

	for (int i = 0; i < 101; i++)
		defer_new(&co, 0);
	struct defer_chunk *third = co.chunk, *second = third->previous;
	defer_pop(&co);
	ck_assert_ptr_eq(co.spare_chunk, third);
	ck_assert_ptr_eq(co.chunk, second);
	for (int i = 0; i < 50; i++)
		defer_pop(&co);
	ck_assert_ptr_eq(co.spare_chunk, second); /* the older one is freed */
	while (co.defers != NULL)
		defer_pop(&co);
	ck_assert(has_no_record(&co)); /* the first one stays in its place */
	ck_assert_ptr_null(co.spare_chunk);
	defer_free_chunks(&co);
}
END_TEST

START_TEST(test_d10_to_and_fro_over_an_edge_allocates_nothing)
{
	struct coro co = {0};

	for (int i = 0; i < 51; i++)
		defer_new(&co, 0);
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < 1000; i++) {
		defer_pop(&co);
		ck_assert_ptr_nonnull(co.spare_chunk);
		defer_pop(&co);
		defer_new(&co, 0);
		defer_new(&co, 0);
		ck_assert_ptr_null(co.spare_chunk);
	}
	ck_assert_uint_eq(mallinfo2().uordblks, before);
	while (co.defers != NULL)
		defer_pop(&co);
	defer_free_chunks(&co);
}
END_TEST

START_TEST(test_d11_a_popped_record_stays_valid_for_a_while)
{
	struct coro co = {0};
	struct defer *defer = defer_new(&co, 8);

	defer->args[0] = 0x1234;
	defer->fn = recover_any;
	defer_pop(&co); /* the chunk's only one: the chunk is kept */
	ck_assert_uint_eq(defer->args[0], 0x1234);
	ck_assert(defer->fn == recover_any);
	defer_free_chunks(&co);
}
END_TEST

static NOINLINE struct defer *defer_ones(size_t bytes)
{
	CORO_FRAME;
	unsigned char ones[64];

	memset(ones, 0xff, sizeof(ones));
	coro_defer(recover_any, ones, bytes);
	return here()->defers;
}

START_TEST(test_d12_a_freed_records_arguments_are_zeroed)
{
	struct coro co = {0};
	struct defer *defer = defer_new(&co, 24), special;

	memset(defer->args, 0xff, 24);
	defer_pop(&co);
	defer_free(defer);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(defer->args[i], 0);
	defer_push_special(&co, &special, recover_any);
	defer_pop(&co);
	defer_free(&special); /* on the stack: not freed */
	ck_assert(special.fn == recover_any);
	defer_free_chunks(&co);
	for (size_t bytes = 1; bytes <= 64; bytes++) { /* by a frame's end */
		const unsigned char *args = (const unsigned char *)defer_ones(bytes)->args;
		for (size_t i = 0; i < bytes; i++)
			ck_assert_uint_eq(args[i], 0);
	}
}
END_TEST

/* ---- functions' ends ---------------------------------------------------------------- */

static NOINLINE int defer_twice_and_panic(int which)
{
	CORO_FRAME;
	volatile int place = 0;

	if (coro_defer(which == 1 ? recover_any : note, &(int){1}, sizeof(int)) != 0)
		return 10 + place;
	place = 1;
	if (coro_defer(which == 2 ? recover_any : note, &(int){2}, sizeof(int)) != 0)
		return 20 + place;
	place = 2;
	if (which != 0)
		coro_panic(&calls);
	return place;
}

START_TEST(test_d13_deferring_returns_0_and_after_a_recovery_1_at_its_place)
{
	ck_assert_int_eq(defer_twice_and_panic(0), 2);
	CHECK_CALLS(2, 1);
	ck_assert_int_eq(defer_twice_and_panic(1), 12);
	CHECK_CALLS(2);
	ck_assert_int_eq(defer_twice_and_panic(2), 22);
	CHECK_CALLS(1);
}
END_TEST

static NOINLINE void defer_nothing(void)
{
	CORO_FRAME;

	coro_frame_return(CORO_FRAME_HERE);
	call(0);
}

static NOINLINE void defer_around(void)
{
	CORO_FRAME;

	coro_defer(note, &(int){1}, sizeof(int));
	defer_nothing();
	call(2);
}

START_TEST(test_d14_a_frames_end_leaves_other_frames_records)
{
	defer_nothing();
	CHECK_CALLS(0);
	defer_around();
	CHECK_CALLS(0, 2, 1);
}
END_TEST

/* The record that it was called by is free: its own takes the place. */
static void defer_in_its_place(void *was_at)
{
	CORO_FRAME;

	const void *popped = *(void **)was_at;
	coro_defer(note, &(int){7}, sizeof(int));
	ck_assert_ptr_eq(here()->defers, popped);
	ck_assert_ptr_eq(*(void **)was_at, popped); /* the argument is a copy */
}

static NOINLINE void defer_its_place(void)
{
	CORO_FRAME;
	void *place = NULL;

	coro_defer(defer_in_its_place, &place, sizeof(place));
	struct defer *record = here()->defers;
	memcpy(record->args, &record, sizeof(void *));
}

START_TEST(test_d15_a_record_can_be_used_again_by_what_it_calls)
{
	defer_its_place();
	CHECK_CALLS(7);
}
END_TEST

static void defer_more(void *depth)
{
	int left = *(int *)depth;
	CORO_FRAME;

	call(left);
	if (left > 0)
		coro_defer(defer_more, &(int){left - 1}, sizeof(int));
}

/* Where the copy of so many bytes lies; it says how many there should be. */
static void check_copy(void *args)
{
	size_t bytes = *(size_t *)args;

	ck_assert_uint_eq((uintptr_t)args % 16, 0);
	for (size_t i = sizeof(bytes); i < bytes; i++)
		ck_assert_int_eq(((char *)args)[i], (char)i);
	call((int)bytes);
}

static NOINLINE void defer_large(size_t bytes)
{
	CORO_FRAME;
	static char room[100001];
	char *args = room + 1; /* they need no alignment */

	for (size_t i = 0; i < bytes; i++)
		args[i] = (char)i;
	memcpy(args, &bytes, sizeof(bytes));
	coro_defer(check_copy, args, bytes);
	memset(room, 0, sizeof(room));
}

START_TEST(test_d15_arguments_of_any_size_are_copied_and_aligned)
{
	static const size_t sizes[] = {984, 985, 1992, 2048, 2049, 100000};

	for (size_t bytes = 8; bytes <= 72; bytes++) {
		defer_large(bytes);
		CHECK_CALLS((int)bytes);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		defer_large(sizes[i]);
		CHECK_CALLS((int)sizes[i]);
	}
}
END_TEST

static void defer_too_much(void *bytes)
{
	CORO_FRAME;

	coro_defer(note, &calls, (size_t)(uintptr_t)bytes);
}

START_TEST(test_d3_more_than_there_is_memory_for_is_fatal)
{
	dies_saying(defer_too_much, (void *)SIZE_MAX, "no memory for a deferred call");
	dies_saying(defer_too_much, (void *)(SIZE_MAX - 39), "no memory for a deferred call");
}
END_TEST

static NOINLINE void defer_some(void)
{
	CORO_FRAME;

	coro_defer(note, &(int){100}, sizeof(int));
	coro_defer(defer_more, &(int){3}, sizeof(int));
	coro_defer(note, &(int){101}, sizeof(int));
}

START_TEST(test_d16_a_frames_end_goes_on_until_its_records_are_done)
{
	defer_some();
	CHECK_CALLS(101, 3, 2, 1, 0, 100);
	ck_assert_ptr_null(here()->defers);
}
END_TEST

/* ---- panics ------------------------------------------------------------------------------ */

static void *recovered;

static void recover_noted(void *nothing)
{
	(void)nothing;
	recovered = coro_recover();
}

static void panic_again(void *value)
{
	call(1);
	coro_panic(*(void **)value);
}

static NOINLINE void panic_twice(void)
{
	CORO_FRAME;
	static char second[] = "second";
	void *value = second;

	if (coro_defer(recover_noted, NULL, 0) != 0)
		return;
	coro_defer(panic_again, &value, sizeof(value));
	coro_panic((void *)"first");
}

START_TEST(test_d17_a_panic_in_a_deferred_call_skips_that_record)
{
	panic_twice();
	CHECK_CALLS(1);
	ck_assert_str_eq(recovered, "second");
}
END_TEST

/* The slot of its own record gets other records before it recovers. */
static void overwrite_and_recover(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	for (int i = 0; i < 60; i++)
		coro_defer(note, &(int){i % 3}, sizeof(int));
	coro_recover();
	coro_frame_return(CORO_FRAME_HERE);
}

static NOINLINE int overwritten(void)
{
	CORO_FRAME;
	volatile int place = 1;

	if (coro_defer(overwrite_and_recover, NULL, 0) != 0)
		return place;
	place = 2;
	coro_panic(&calls);
}

START_TEST(test_d18_frame_and_place_are_read_before_the_call)
{
	ck_assert_int_eq(overwritten(), 2);
	ck_assert_int_eq(calls.count, 60);
}
END_TEST

START_TEST(test_d19_a_recovered_panic_is_gone)
{
	panic_twice();
	ck_assert_ptr_null(here()->panics);
	ck_assert_ptr_null(here()->defers);
	ck_assert_ptr_null(coro_recover());
	defer_twice_and_panic(1);
	ck_assert_ptr_null(here()->panics);
}
END_TEST

static void spoil_place(void *address)
{
	struct coro_frame *frame = *(struct coro_frame **)address;

	frame->point.pc = 1;
	coro_recover();
}

static void recover_to_nowhere(void *nothing)
{
	CORO_FRAME;
	struct coro_frame *frame = CORO_FRAME_HERE;

	if (coro_defer(spoil_place, &frame, sizeof(void *)) == 0)
		coro_panic(nothing);
}

START_TEST(test_d20_a_recovery_that_finds_no_place_is_fatal)
{
	dies_saying(recover_to_nowhere, NULL, "recovery failed");
}
END_TEST

static void value_text(void *value, char *text, size_t bytes)
{
	strncpy(text, value, bytes - 1);
}

static void recover_and_panic(void *nothing)
{
	(void)nothing;
	coro_recover();
	coro_panic((void *)"second");
}

static void panic_for_ever(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	coro_set_panic_text(value_text);
	coro_defer(recover_and_panic, NULL, 0);
	coro_panic((void *)"first");
}

static void panic_in_coro(void *nothing)
{
	(void)nothing;
	run_in_coro(panic_for_ever, NULL);
}

START_TEST(test_d21_no_record_left_prints_all_panics_and_exits_with_2)
{
	void (*const cases[])(void *) = {panic_for_ever, panic_in_coro};

	for (int i = 0; i < 2; i++) {
		struct ending ending = ending_of(cases[i], NULL);
		ck_assert(WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 2);
		ck_assert_msg(strstr(ending.text, "panic: first [recovered]\n\tpanic: second\n") != NULL,
			"%s", ending.text);
	}
}
END_TEST

static void recover_in_exit(void *nothing)
{
	(void)nothing;
	ck_assert_ptr_null(coro_recover());
	call(5);
}

static void panic_in_exit(void *nothing)
{
	coro_panic(nothing);
}

static void exit_through_panic(void *value)
{
	CORO_FRAME;

	coro_defer(recover_any, NULL, 0);
	coro_defer(panic_in_exit, NULL, 0);
	coro_exit(value);
}

static void exit_with_records(void *nothing)
{
	CORO_FRAME;

	coro_defer(note, &(int){1}, sizeof(int));
	coro_defer(recover_in_exit, NULL, 0);
	defer_around();
	coro_exit(nothing);
}

START_TEST(test_d22_an_exit_runs_all_records_and_nobody_recovers)
{
	run_in_coro(exit_with_records, NULL);
	CHECK_CALLS(0, 2, 1, 5, 1);
	/* A panic in it that is recovered from: the exit goes on, with its value. */
	struct coro *co = create_surely(NULL, exit_through_panic, &calls);
	ck_assert_ptr_eq(coro_resume(co, NULL), &calls);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static NOINLINE void *recover_for_another(void)
{
	void *value = coro_recover();

	__asm__ volatile("" ::: "memory");
	return value;
}

static void recover_by_helper(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (recover_for_another() != NULL)
		call(1);
	coro_defer(recover_noted, NULL, 0); /* called by this function's end */
	coro_frame_return(CORO_FRAME_HERE);
	if (recovered != NULL)
		call(2);
}

static NOINLINE void panic_past_helpers(void)
{
	CORO_FRAME;

	recovered = NULL;
	if (coro_defer(recover_any, NULL, 0) != 0) {
		call(3);
		return;
	}
	coro_defer(recover_by_helper, NULL, 0);
	coro_panic(&calls);
}

START_TEST(test_d23_only_the_deferred_function_itself_recovers)
{
	panic_past_helpers();
	CHECK_CALLS(3);
}
END_TEST

static void recover_twice(void *nothing)
{
	(void)nothing;
	ck_assert_ptr_eq(coro_recover(), &calls);
	ck_assert_ptr_null(coro_recover());
	call(1);
}

static NOINLINE void panic_recovered_by(void (*fn)(void *))
{
	CORO_FRAME;

	if (coro_defer(fn, NULL, 0) == 0)
		coro_panic(&calls);
}

START_TEST(test_d24_a_second_recover_returns_nothing)
{
	panic_recovered_by(recover_twice);
	CHECK_CALLS(1);
}
END_TEST

static void recover_and_go_on(void *nothing)
{
	(void)nothing;
	coro_recover();
	call(2);
}

static NOINLINE void recover_between(void)
{
	CORO_FRAME;

	coro_defer(note, &(int){4}, sizeof(int));
	if (coro_defer(recover_and_go_on, NULL, 0) != 0) {
		call(3);
		return;
	}
	coro_defer(note, &(int){1}, sizeof(int));
	coro_panic(&calls);
}

START_TEST(test_d25_recovery_takes_effect_when_that_function_returns)
{
	recover_between();
	CHECK_CALLS(1, 2, 3, 4);
}
END_TEST

START_TEST(test_d26_a_nested_panic_aborts_the_one_that_it_overtakes)
{
	/* The second was raised by a call of the first, and recovered below it. */
	panic_twice();
	ck_assert_ptr_null(here()->panics);
	CHECK_CALLS(1);
	ck_assert_ptr_null(coro_recover());
	panic_recovered_by(recover_twice);
	CHECK_CALLS(1);
}
END_TEST

static const volatile int *panicking;

static void look_at_frame(void *nothing)
{
	(void)nothing;
	call(*panicking);
	coro_recover();
}

static NOINLINE void panic_from_frame(void)
{
	volatile int local = 42;

	panicking = &local;
	coro_panic(&calls);
}

static NOINLINE void panic_below(void)
{
	CORO_FRAME;

	if (coro_defer(look_at_frame, NULL, 0) == 0)
		panic_from_frame();
}

START_TEST(test_d27_the_panicking_frames_are_still_there)
{
	panic_below();
	CHECK_CALLS(42);
}
END_TEST

static void panic_on(void *left)
{
	CORO_FRAME;
	int number = *(int *)left;

	coro_recover();
	if (number > 0) {
		coro_defer(panic_on, &(int){number - 1}, sizeof(int));
		coro_panic(&calls);
	}
}

static NOINLINE void panic_on_and_on(void)
{
	CORO_FRAME;

	if (coro_defer(recover_any, NULL, 0) != 0)
		return;
	coro_defer(panic_on, &(int){100}, sizeof(int));
	coro_panic(&calls);
}

START_TEST(test_d28_repeated_panics_leave_no_stale_records)
{
	for (int i = 0; i < 10; i++) {
		panic_on_and_on();
		ck_assert_ptr_null(here()->defers);
		ck_assert_ptr_null(here()->panics);
		ck_assert(has_no_record(here()));
	}
}
END_TEST

static void read_current(void *address)
{
	call(**(volatile int **)address);
	coro_recover();
}

static NOINLINE int change_and_panic(void)
{
	CORO_FRAME;
	volatile int value = 1;
	volatile int *address = &value;

	if (coro_defer(read_current, &address, sizeof(address)) != 0)
		return value;
	value = 2;
	coro_panic(&calls);
}

START_TEST(test_d29_deferred_calls_and_what_follows_read_current_values)
{
	ck_assert_int_eq(change_and_panic(), 2);
	CHECK_CALLS(2);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/defer", begin, NULL);

	tcase_add_test(tests, test_d1_last_in_first_out_with_copied_arguments);
	tcase_add_test(tests, test_d2_50_records_without_arguments_a_chunk_31_with_24_bytes);
	tcase_add_test(tests, test_d3_one_over_half_a_chunk_that_does_not_fit_is_a_block);
	tcase_add_test(tests, test_d4_one_over_half_a_chunk_that_fits_goes_into_it);
	tcase_add_test(tests, test_d5_no_room_takes_the_spare_chunk_else_a_new_one);
	tcase_add_test(tests, test_d6_popping_with_no_record_is_fatal);
	tcase_add_test(tests, test_d7_a_record_that_is_not_the_chunks_last_is_fatal);
	tcase_add_test(tests, test_d8_popping_a_special_record_leaves_the_chunk);
	tcase_add_test(tests, test_d9_a_chunk_that_empties_becomes_the_spare);
	tcase_add_test(tests, test_d10_to_and_fro_over_an_edge_allocates_nothing);
	tcase_add_test(tests, test_d11_a_popped_record_stays_valid_for_a_while);
	tcase_add_test(tests, test_d12_a_freed_records_arguments_are_zeroed);
	tcase_add_test(tests, test_d13_deferring_returns_0_and_after_a_recovery_1_at_its_place);
	tcase_add_test(tests, test_d14_a_frames_end_leaves_other_frames_records);
	tcase_add_test(tests, test_d15_a_record_can_be_used_again_by_what_it_calls);
	tcase_add_test(tests, test_d15_arguments_of_any_size_are_copied_and_aligned);
	tcase_add_test(tests, test_d3_more_than_there_is_memory_for_is_fatal);
	tcase_add_test(tests, test_d16_a_frames_end_goes_on_until_its_records_are_done);
	tcase_add_test(tests, test_d17_a_panic_in_a_deferred_call_skips_that_record);
	tcase_add_test(tests, test_d18_frame_and_place_are_read_before_the_call);
	tcase_add_test(tests, test_d19_a_recovered_panic_is_gone);
	tcase_add_test(tests, test_d20_a_recovery_that_finds_no_place_is_fatal);
	tcase_add_test(tests, test_d21_no_record_left_prints_all_panics_and_exits_with_2);
	tcase_add_test(tests, test_d22_an_exit_runs_all_records_and_nobody_recovers);
	tcase_add_test(tests, test_d23_only_the_deferred_function_itself_recovers);
	tcase_add_test(tests, test_d24_a_second_recover_returns_nothing);
	tcase_add_test(tests, test_d25_recovery_takes_effect_when_that_function_returns);
	tcase_add_test(tests, test_d26_a_nested_panic_aborts_the_one_that_it_overtakes);
	tcase_add_test(tests, test_d27_the_panicking_frames_are_still_there);
	tcase_add_test(tests, test_d28_repeated_panics_leave_no_stale_records);
	tcase_add_test(tests, test_d29_deferred_calls_and_what_follows_read_current_values);
	return suite_end();
}
