/*
 * check_foreign.c - table F of docs/conformance.md, a test a rule.
 */
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "coro/coro.h"
#include "coro/defer.h"
#include "coro/foreign.h"
#include "coro/thread.h"
#include "include/mstat_coro.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

static struct coro *here(void)
{
	return thread_current(thread_self());
}

static void *same(void *arg)
{
	return arg;
}

static void *call_back(void *arg)
{
	return coro_callback(same, arg);
}

static void recover_any(void *nothing)
{
	(void)nothing;
	coro_recover();
}

static bool is_in_coro_stack(const void *address)
{
	const struct stack *stack = &here()->stack;

	return (const char *)address >= stack->lo && (const char *)address < stack->hi;
}

static void call_same(void *arg)
{
	coro_foreign(same, arg);
}

static void call_nil(void *nothing)
{
	(void)nothing;
	coro_foreign(NULL, NULL);
}

static void call_nil_in_coro(void *nothing)
{
	(void)nothing;
	run_in_coro(call_nil, NULL);
}

START_TEST(test_f1_without_a_coroutine_or_a_function_it_is_fatal)
{
	dies_saying(call_same, NULL, "foreign call unavailable");
	dies_saying(call_nil_in_coro, NULL, "foreign call of nil");
}
END_TEST

static void call_a_hundred(void *nothing)
{
	for (int i = 0; i < 100; i++)
		coro_foreign(same, nothing);
}

static void *thread_of_hundred(void *nothing)
{
	run_in_coro(call_a_hundred, nothing);
	return NULL;
}

START_TEST(test_f2_the_count_is_the_sum_over_threads)
{
	pthread_t threads[4];

	run_in_coro(call_a_hundred, NULL);
	ck_assert_uint_eq(thread_self()->foreign_count, 100);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_of_hundred, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(coro_foreign_count(), 500); /* of threads that ended too */
	ck_assert_uint_eq(thread_self()->foreign_count, 100);
}
END_TEST

static void *look_at_the_lock(void *nothing)
{
	const struct defer *record = here()->defers;

	ck_assert_uint_eq(here()->locked_to, thread_self()->id);
	ck_assert(is_in_coro_stack(record));
	ck_assert(record->is_special && !record->is_freed && record->bytes == 0);
	ck_assert_ptr_eq(record->frame, DEFER_NO_FRAME);
	ck_assert(!is_in_coro_stack(__builtin_frame_address(0)));
	return nothing;
}

static void call_unlocked(void *nothing)
{
	ck_assert_uint_eq(here()->locked_to, 0);
	coro_foreign(look_at_the_lock, nothing);
	ck_assert_uint_eq(here()->locked_to, 0);
	ck_assert_ptr_null(here()->defers);
}

START_TEST(test_f3_not_yet_locked_it_is_and_a_record_on_the_stack_unlocks)
{
	run_in_coro(call_unlocked, NULL);
}
END_TEST

static void *count_records(void *nothing)
{
	uintptr_t count = 0;

	(void)nothing;
	for (const struct defer *record = here()->defers; record != NULL; record = record->next)
		count++;
	return (void *)count;
}

static void *call_nested(void *fn)
{
	return coro_foreign(*(void *(**)(void *))fn, NULL);
}

static void *nest_by_callback(void *fn)
{
	return coro_callback(call_nested, fn);
}

static void call_locked(void *nothing)
{
	void *(*fn)(void *) = count_records;

	(void)nothing;
	coro_lock_thread();
	ck_assert_uint_eq((uintptr_t)coro_foreign(count_records, NULL), 0);
	ck_assert_uint_eq(here()->locked_to, thread_self()->id);
	coro_unlock_thread();
	/* Nested: the outer one's, and the callback's. */
	ck_assert_uint_eq((uintptr_t)coro_foreign(nest_by_callback, &fn), 2);
	ck_assert_uint_eq(here()->locked_to, 0);
}

START_TEST(test_f4_already_locked_nothing_is_pushed_and_it_stays_so)
{
	run_in_coro(call_locked, NULL);
}
END_TEST

static void *look_around(void *before)
{
	ck_assert(thread_self()->is_foreign);
	ck_assert_ptr_nonnull(here()->defers);
	ck_assert_uint_eq(mallinfo2().uordblks, *(size_t *)before);
	return NULL;
}

static void call_in_order(void *nothing)
{
	size_t before = mallinfo2().uordblks;

	(void)nothing;
	ck_assert(!thread_self()->is_foreign);
	coro_foreign(look_around, &before);
	ck_assert(!thread_self()->is_foreign);
	ck_assert_ptr_null(here()->defers);
}

START_TEST(test_f5_push_enter_call_leave_pop)
{
	run_in_coro(call_in_order, NULL);
}
END_TEST

static void *spoil_order(void *how)
{
	static struct defer extra;

	if (how != NULL)
		here()->defers->fn = recover_any;
	else
		defer_push_special(here(), &extra, recover_any);
	return NULL;
}

static void call_spoilt(void *how)
{
	coro_foreign(spoil_order, how);
}

static void call_spoilt_in_coro(void *how)
{
	run_in_coro(call_spoilt, how);
}

START_TEST(test_f6_another_record_on_top_is_fatal)
{
	dies_saying(call_spoilt_in_coro, NULL, "bad defer entry in foreign call");
	dies_saying(call_spoilt_in_coro, &here, "bad defer entry in foreign call");
}
END_TEST

static void call_back_outside(void *nothing)
{
	coro_callback(same, nothing);
}

static void call_back_in_coro(void *nothing)
{
	run_in_coro(call_back_outside, nothing);
}

static void *call_back_elsewhere(void *nothing)
{
	call_back_outside(nothing);
	return NULL;
}

static void *start_thread(void *nothing)
{
	pthread_t thread;

	pthread_create(&thread, NULL, call_back_elsewhere, nothing);
	pthread_join(thread, NULL);
	return NULL;
}

static void call_thread(void *nothing)
{
	coro_foreign(start_thread, nothing);
}

static void call_thread_in_coro(void *nothing)
{
	run_in_coro(call_thread, nothing);
}

START_TEST(test_f7_a_callback_to_another_coroutine_is_fatal)
{
	dies_saying(call_back_outside, NULL, "bad coroutine in callback");
	dies_saying(call_back_in_coro, NULL, "bad coroutine in callback");
	dies_saying(call_thread_in_coro, NULL, "bad coroutine in callback");
}
END_TEST

static void *look_at_callback(void *nothing)
{
	const struct defer *record = here()->defers;

	ck_assert(!thread_self()->is_foreign);
	ck_assert(is_in_coro_stack(__builtin_frame_address(0)));
	ck_assert(record->is_special && is_in_coro_stack(record));
	ck_assert_ptr_nonnull(record->next); /* that which unlocks */
	ck_assert_ptr_null(record->next->next);
	return nothing;
}

static void *call_back_and_look(void *arg)
{
	void *value = coro_callback(look_at_callback, arg);

	ck_assert(thread_self()->is_foreign);
	ck_assert_ptr_null(here()->defers->next);
	return value;
}

static void *spoil_callback(void *how)
{
	return coro_callback(spoil_order, how);
}

static void call_with_callback(void *spoiling)
{
	if (spoiling != NULL)
		coro_foreign(spoil_callback, spoiling);
	ck_assert_ptr_eq(coro_foreign(call_back_and_look, &here), &here);
}

static void call_spoilt_callback(void *nothing)
{
	(void)nothing;
	run_in_coro(call_with_callback, &here);
}

START_TEST(test_f8_a_callback_has_a_record_of_its_own)
{
	run_in_coro(call_with_callback, NULL);
	dies_saying(call_spoilt_callback, NULL, "bad defer entry in foreign call");
}
END_TEST

static const void *outer_left;

static void *look_at_left(void *nothing)
{
	const struct thread *thread = thread_self();

	ck_assert_ptr_ne(thread->root.left.sp, outer_left);
	ck_assert_ptr_eq(*(void **)thread->root.left.sp, outer_left); /* on that stack itself */
	return nothing;
}

static void *call_back_and_compare(void *nothing)
{
	outer_left = thread_self()->root.left.sp;
	coro_callback(look_at_left, nothing);
	ck_assert_ptr_eq(thread_self()->root.left.sp, outer_left);
	return NULL;
}

static void call_and_compare(void *nothing)
{
	const void *before = thread_self()->root.left.sp;

	coro_foreign(call_back_and_compare, nothing);
	ck_assert_ptr_eq(thread_self()->root.left.sp, before);
}

START_TEST(test_f9_the_threads_stack_is_where_it_was_after_a_callback)
{
	run_in_coro(call_and_compare, NULL);
}
END_TEST

/* ---- panics through both stacks --------------------------------------------------- */

static void *panic_at_depth(void *depth);

static void *call_back_deeper(void *depth)
{
	return coro_callback(panic_at_depth, depth);
}

static void *panic_at_depth(void *depth)
{
	uintptr_t left = (uintptr_t)depth;

	if (left == 0)
		coro_panic(&here);
	return coro_foreign(call_back_deeper, (void *)(left - 1));
}

static NOINLINE void panic_through(uintptr_t depth)
{
	CORO_FRAME;
	const void *before = thread_self()->root.left.sp;

	if (coro_defer(recover_any, NULL, 0) == 0)
		panic_at_depth((void *)depth);
	ck_assert_ptr_eq(thread_self()->root.left.sp, before);
	ck_assert(!thread_self()->is_foreign);
	ck_assert_ptr_null(here()->foreign);
	ck_assert_uint_eq(here()->locked_to, 0);
}

static void panic_through_three(void *nothing)
{
	(void)nothing;
	for (int i = 0; i < 100; i++)
		for (uintptr_t depth = 1; depth <= 3; depth++) {
			panic_through(depth);
			ck_assert_ptr_eq(coro_foreign(call_back, &here), &here);
		}
}

START_TEST(test_f10_a_panic_through_callbacks_unwinds_both_stacks)
{
	run_in_coro(panic_through_three, NULL);
}
END_TEST

static NOINLINE void *trace(void *found)
{
	void *addresses[64];
	int count = backtrace(addresses, 64);
	char **names = backtrace_symbols(addresses, count);
	static const char *const expected[] = {"trace_in_callback", "foreign_caller", "trace_in_coro"};
	int at = 0;

	for (int i = 0; i < count && at < 3; i++)
		at += strstr(names[i], expected[at]) != NULL;
	free(names);
	*(int *)found = at;
	return NULL;
}

/* So that they have names. */
EXPORT NOINLINE void *trace_in_callback(void *found);
EXPORT NOINLINE void *foreign_caller(void *found);
EXPORT NOINLINE void trace_in_coro(void *found);

void *trace_in_callback(void *found)
{
	trace(found);
	__asm__ volatile("");
	return NULL;
}

void *foreign_caller(void *found)
{
	void *value = coro_callback(trace_in_callback, found);

	__asm__ volatile("");
	return value;
}

void trace_in_coro(void *found)
{
	coro_foreign(foreign_caller, found);
	__asm__ volatile("");
}

START_TEST(test_f11_a_backtrace_has_no_seam)
{
	int found = 0;

	run_in_coro(trace_in_coro, &found);
	ck_assert_int_eq(found, 3);
}
END_TEST

static NOINLINE void end_a_frame(void)
{
	CORO_FRAME;

	coro_frame_return(CORO_FRAME_HERE);
}

static void *frames_in_callback(void *nothing)
{
	const struct defer *record = here()->defers;

	end_a_frame();
	ck_assert_ptr_eq(here()->defers, record);
	return nothing;
}

static void *call_back_with_frames(void *nothing)
{
	return coro_callback(frames_in_callback, nothing);
}

static void *exit_in_callback(void *value)
{
	coro_exit(value);
}

static void *call_back_to_exit(void *value)
{
	return coro_callback(exit_in_callback, value);
}

static void exit_through(void *value)
{
	coro_foreign(call_back_with_frames, NULL);
	coro_foreign(call_back_to_exit, value);
}

START_TEST(test_f12_such_records_run_on_panic_or_exit_only)
{
	const void *before = thread_self()->root.left.sp;
	struct coro *co = create_surely(NULL, exit_through, &before);

	ck_assert_ptr_eq(coro_resume(co, NULL), &before);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert(!thread_self()->is_foreign);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static char order[16];

static void note(void *letter)
{
	strncat(order, letter, 1);
}

static void note_state(void *letter)
{
	strncat(order, letter, 1);
	strcat(order, here()->locked_to != 0 ? "L" : "u");
	strcat(order, here()->foreign != NULL ? "F" : "r");
}

static void *panic_with_defers(void *nothing)
{
	CORO_FRAME;

	coro_defer(note_state, "b", 1);
	coro_defer(note, "a", 1);
	coro_panic(nothing);
}

static void *call_back_to_panic(void *nothing)
{
	return coro_callback(panic_with_defers, nothing);
}

static void recover_above(void *nothing)
{
	CORO_FRAME;
	const void *before = thread_self()->root.left.sp;

	if (coro_defer(recover_any, NULL, 0) != 0) {
		ck_assert_str_eq(order, "abLFcur");
		ck_assert_uint_eq(here()->locked_to, 0);
		ck_assert_ptr_eq(thread_self()->root.left.sp, before);
		return;
	}
	coro_defer(note_state, "c", 1);
	coro_foreign(call_back_to_panic, nothing);
}

START_TEST(test_f13_callbacks_defers_then_unwind_then_unlock_then_the_outer)
{
	run_in_coro(recover_above, NULL);
}
END_TEST

static NOINLINE void special_at_end(void)
{
	CORO_FRAME;
	struct defer special;

	coro_defer(note, "x", 1);
	coro_frame_return(CORO_FRAME_HERE);
	defer_push_special(here(), &special, recover_any);
	special.frame = CORO_FRAME_HERE; /* a frame's end finds it, and frees nothing */
	coro_frame_return(CORO_FRAME_HERE);
	ck_assert_ptr_null(here()->defers);
}

static void honour_special(void *nothing)
{
	(void)nothing;
	special_at_end();
	panic_through(2);
}

START_TEST(test_f14_special_records_are_honoured_wherever_records_are_consumed)
{
	run_in_coro(honour_special, NULL);
}
END_TEST

static void call_many(void *nothing)
{
	size_t before = mallinfo2().uordblks;

	for (int i = 0; i < 1000; i++) {
		coro_foreign(same, nothing);
		coro_foreign(call_back, nothing);
	}
	ck_assert_uint_eq(mallinfo2().uordblks, before);
}

START_TEST(test_f15_nothing_is_allocated)
{
	run_in_coro(call_many, NULL);
}
END_TEST

#if defined(__x86_64__)
static void *call_back_misaligned(void *nothing)
{
	(void)nothing;
	__asm__ volatile("mov %%rsp, %%rbx\n\tand $-16, %%rsp\n\tsub $8, %%rsp\n\t"
			 "call coro_callback\n\tmov %%rbx, %%rsp"
			 : : "D"(same), "S"(NULL)
			 : "memory", "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11");
	return NULL;
}

static void call_misaligned(void *nothing)
{
	coro_foreign(call_back_misaligned, nothing);
}

static void call_misaligned_in_coro(void *nothing)
{
	run_in_coro(call_misaligned, nothing);
}
#endif

START_TEST(test_f16_a_misaligned_stack_is_fatal)
{
#if defined(__x86_64__)
	dies_saying(call_misaligned_in_coro, NULL, "misaligned stack in callback");
#endif
}
END_TEST

static NOINLINE void poison_stack(void)
{
	volatile char bytes[4096];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)0xa5;
}

static void *look_at_fields(void *nothing)
{
	const struct defer *record = here()->defers;

	ck_assert(record->is_special && !record->is_freed);
	ck_assert_int_eq(record->bytes, 0);
	ck_assert_uint_eq(record->pc, 0);
	ck_assert_ptr_eq(record->frame, DEFER_NO_FRAME);
	return nothing;
}

static void *call_back_and_look_at_fields(void *nothing)
{
	look_at_fields(nothing);
	return coro_callback(look_at_fields, nothing);
}

static void call_on_poison(void *nothing)
{
	poison_stack();
	coro_foreign(call_back_and_look_at_fields, nothing);
}

START_TEST(test_f17_every_field_of_a_stack_record_is_set)
{
	run_in_coro(call_on_poison, NULL);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/foreign", NULL, NULL);

	tcase_add_test(tests, test_f1_without_a_coroutine_or_a_function_it_is_fatal);
	tcase_add_test(tests, test_f2_the_count_is_the_sum_over_threads);
	tcase_add_test(tests, test_f3_not_yet_locked_it_is_and_a_record_on_the_stack_unlocks);
	tcase_add_test(tests, test_f4_already_locked_nothing_is_pushed_and_it_stays_so);
	tcase_add_test(tests, test_f5_push_enter_call_leave_pop);
	tcase_add_test(tests, test_f6_another_record_on_top_is_fatal);
	tcase_add_test(tests, test_f7_a_callback_to_another_coroutine_is_fatal);
	tcase_add_test(tests, test_f8_a_callback_has_a_record_of_its_own);
	tcase_add_test(tests, test_f9_the_threads_stack_is_where_it_was_after_a_callback);
	tcase_add_test(tests, test_f10_a_panic_through_callbacks_unwinds_both_stacks);
	tcase_add_test(tests, test_f11_a_backtrace_has_no_seam);
	tcase_add_test(tests, test_f12_such_records_run_on_panic_or_exit_only);
	tcase_add_test(tests, test_f13_callbacks_defers_then_unwind_then_unlock_then_the_outer);
	tcase_add_test(tests, test_f14_special_records_are_honoured_wherever_records_are_consumed);
	tcase_add_test(tests, test_f15_nothing_is_allocated);
	tcase_add_test(tests, test_f16_a_misaligned_stack_is_fatal);
	tcase_add_test(tests, test_f17_every_field_of_a_stack_record_is_set);
	return suite_end();
}
