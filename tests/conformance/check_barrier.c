/*
 * check_barrier.c - table B of docs/conformance.md, a test a rule.
 */
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "base/compiler.h"
#include "base/config.h"
#include "coro/coro.h"
#include "coro/stack.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

enum { DEPTH = 100, PCS_MOST = 256, SIGNALS = 100 };

/* Calls that allocate. */
static uint32_t allocation_count;

void *__libc_malloc(size_t bytes);
void *malloc(size_t bytes)
{
	allocation_count++;
	return __libc_malloc(bytes);
}

/* ---- a deep stack ----------------------------------------------------------------- */

/* Frames of some hundred bytes, each with something to get wrong. */
static NOINLINE uint64_t descend(uint32_t depth, void (*bottom)(void))
{
	volatile uint64_t kept[8] = {depth};
	uint64_t below = 0;

	if (depth == 0)
		bottom();
	else
		below = descend(depth - 1, bottom);
	return below + kept[0];
}

static void yield_once(void)
{
	coro_yield(NULL);
}

static void go_down(void *bottom)
{
	coro_yield((void *)(uintptr_t)descend(DEPTH, *(void (**)(void))bottom));
}

static uint64_t sum_down(void)
{
	return (uint64_t)DEPTH * (DEPTH + 1) / 2;
}

/* One that is suspended DEPTH frames down. */
static struct coro *deep_new(void (**bottom)(void))
{
	struct coro *co = create_surely(NULL, go_down, bottom);

	coro_resume(co, NULL);
	return co;
}

static void deep_end(struct coro *co)
{
	ck_assert_uint_eq((uintptr_t)coro_resume(co, NULL), sum_down());
	ck_assert_int_eq(coro_destroy(co), 0);
}

START_TEST(test_b1_room_for_one_barrier_and_one_more_each_doubling)
{
	uint32_t expected = 2;

	ck_assert_uint_eq(stack_barriers_most(1), 1);
	ck_assert_uint_eq(stack_barriers_most(1024), 1);
	for (size_t bytes = 2 << 10; bytes <= (size_t)1 << 30; bytes *= 2)
		ck_assert_uint_eq(stack_barriers_most(bytes), expected++);
	ck_assert_uint_eq(stack_barriers_most((size_t)64 << 20), 17);
}
END_TEST

START_TEST(test_b2_in_the_debug_mode_half_of_the_stack_is_their_room)
{
	ck_assert_int_eq(coro_barriers_set(CORO_BARRIERS_ALL), 0);
	ck_assert_uint_eq(stack_barriers_most(2 << 10), 64);
	ck_assert_uint_eq(stack_barriers_most((size_t)1 << 30), 33554432);
	struct stack stack = stack_surely(64 << 10);
	ck_assert_uint_eq(stack.barrier_capacity, 2048);
	ck_assert_ptr_eq(stack.hi, stack.lo + (32 << 10));
	stack_free(&stack);
	ck_assert_int_eq(coro_barriers_set(CORO_BARRIERS_SPACED), 0);
}
END_TEST

START_TEST(test_b3_their_room_is_taken_off_the_top)
{
	for (size_t bytes = STACK_MIN_BYTES; bytes <= (size_t)256 << 20; bytes *= 2) {
		struct stack stack = stack_surely(bytes);
		uint32_t most = stack_barriers_most(bytes);
		ck_assert_uint_eq(sizeof(struct stack_barrier), 16);
		ck_assert_ptr_eq(stack.hi, stack.lo + bytes - 16 * most);
		ck_assert_ptr_eq(stack.barriers, stack.hi);
		ck_assert_uint_eq(stack.barrier_capacity, most);
		ck_assert_uint_eq(stack.barrier_count, 0);
		ck_assert_uint_eq(stack.barrier_position, 0);
		memset(stack.barriers, 0xff, 16 * most);
		stack_free(&stack);
	}
}
END_TEST

static void alloc_odd(void *bytes)
{
	struct stack stack;

	stack_alloc(&stack, (size_t)(uintptr_t)bytes);
}

START_TEST(test_b4_a_size_that_is_no_power_of_two_is_fatal)
{
	dies_saying(alloc_odd, (void *)(uintptr_t)3000, "stack size not a power of 2");
	dies_saying(alloc_odd, (void *)(uintptr_t)((64 << 10) - 16), "stack size not a power of 2");
}
END_TEST

START_TEST(test_b5_freeing_gives_back_the_whole_size)
{
	uint64_t inuse_bytes, sys_bytes;

	for (size_t bytes = STACK_MIN_BYTES; bytes <= (size_t)1 << 20; bytes *= 2) {
		struct stack stack = stack_surely(bytes);
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, bytes);
		stack_free(&stack);
		stack_totals(&inuse_bytes, &sys_bytes);
		ck_assert_uint_eq(inuse_bytes, 0);
	}
}
END_TEST

/* ---- moved ------------------------------------------------------------------------- */

static const struct coro_attr relocatable = {.is_relocatable = 1};

/* Each frame reaches the one above by a pointer. */
static NOINLINE uint64_t descend_linked(uint32_t depth, const uint64_t *above)
{
	volatile uint64_t here = depth;
	uint64_t below = 0;

	if (depth == 0)
		coro_yield(NULL);
	else
		below = descend_linked(depth - 1, (const uint64_t *)&here);
	return below + *above;
}

static void go_down_linked(void *nothing)
{
	uint64_t top = DEPTH + 1;

	(void)nothing;
	coro_yield((void *)(uintptr_t)descend_linked(DEPTH, &top));
}

static struct coro *linked_new(void)
{
	struct coro *co = create_surely(&relocatable, go_down_linked, NULL);

	coro_resume(co, NULL);
	return co;
}

static void linked_end(struct coro *co)
{
	ck_assert_uint_eq((uintptr_t)coro_resume(co, NULL), sum_down() + DEPTH + 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}

static void copy_surely(struct coro *co, size_t bytes)
{
	int error;

	while ((error = coro_copystack(co, bytes)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, 0);
}

START_TEST(test_b7_a_copy_has_all_that_was_used_and_the_array_of_its_size)
{
	uint64_t inuse_bytes, sys_bytes;
	struct coro *co = linked_new();
	const struct stack *stack = &co->stack;
	size_t used = (size_t)(stack->hi - co->left.sp);

	coro_barriers_install(co);
	uint32_t count = stack->barrier_count, position = stack->barrier_position;
	copy_surely(co, 256 << 10);
	ck_assert_uint_eq(stack->bytes, 256 << 10);
	ck_assert_uint_eq((size_t)(stack->hi - co->left.sp), used);
	ck_assert_uint_eq(stack->barrier_capacity, stack_barriers_most(256 << 10));
	ck_assert_uint_eq(stack->barrier_count, count);
	ck_assert_uint_eq(stack->barrier_position, position);
	ck_assert_ptr_eq(stack->barriers, stack->hi);
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_eq(inuse_bytes, 256 << 10);
	linked_end(co);
}
END_TEST

START_TEST(test_b7_what_cannot_be_copied_stays_as_it_is)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = linked_new(), *fixed = deep_new(&bottom);

	ck_assert_int_eq(coro_copystack(co, 12345), EINVAL);
	ck_assert_int_eq(coro_copystack(co, 2 << 10), EINVAL);
	ck_assert_int_eq(coro_copystack(NULL, 64 << 10), EINVAL);
	int error;
	while ((error = coro_copystack(co, 4 << 10)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, ENOSPC);
	ck_assert_int_eq(coro_copystack(fixed, 128 << 10), EPERM);
	linked_end(co);
	deep_end(fixed);
}
END_TEST

START_TEST(test_b8_barriers_that_were_not_hit_move_with_the_stack)
{
	struct coro *co = linked_new();
	const struct stack *stack = &co->stack;

	coro_barriers_install(co);
	for (size_t bytes = 32 << 10; bytes <= 1 << 20; bytes *= 2) {
		copy_surely(co, bytes);
		for (uint32_t i = 0; i < stack->barrier_count; i++) {
			const uintptr_t *slot = stack->barriers[i].slot;
			ck_assert((char *)slot > co->left.sp && (char *)slot < stack->hi);
			ck_assert_uint_ne(*slot, stack->barriers[i].saved);
		}
	}
	ck_assert_int_eq(coro_barriers_remove(co), 0);
	coro_barriers_install(co);
	copy_surely(co, 64 << 10);
	linked_end(co);
}
END_TEST

static void *shrink_here(void *result)
{
	*(int *)result = coro_shrink(coro_self());
	return NULL;
}

static void *call_back_to_shrink(void *result)
{
	return coro_callback(shrink_here, result);
}

static void shrink_in_a_foreign_call(void *result)
{
	coro_foreign(call_back_to_shrink, result);
}

static void shrink_surely(struct coro *co)
{
	int error;

	while ((error = coro_shrink(co)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, 0);
}

START_TEST(test_b9_a_stack_shrinks_when_less_than_a_quarter_is_used)
{
	struct coro *co = linked_new();
	size_t used = (size_t)(co->stack.hi - co->left.sp), bytes = 1 << 20;
	int result = 0;

	copy_surely(co, bytes);
	coro_barriers_install(co);
	for (uint32_t i = 0; i < 20; i++) {
		size_t expected = used < bytes / 4 ? bytes / 2 : bytes;
		shrink_surely(co);
		ck_assert_uint_eq(co->stack.bytes, expected);
		ck_assert_uint_le(co->stack.barrier_count, co->stack.barrier_capacity);
		bytes = expected;
	}
	ck_assert_uint_lt(bytes, 1 << 20);
	linked_end(co);
	run_in_coro(shrink_in_a_foreign_call, &result);
	ck_assert_int_eq(result, EBUSY);
}
END_TEST

static void yield_flat(void *nothing)
{
	(void)nothing;
	coro_yield(NULL);
}

START_TEST(test_b9_never_below_the_minimum)
{
	struct coro *co = create_surely(&relocatable, yield_flat, NULL);

	coro_resume(co, NULL);
	for (uint32_t i = 0; i < 20; i++)
		shrink_surely(co);
	ck_assert_uint_eq(co->stack.bytes, STACK_ATTR_MIN_BYTES);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void do_nothing(void *nothing)
{
	(void)nothing;
}

START_TEST(test_b10_a_dead_coroutine_of_another_size_has_no_stack)
{
	struct coro_attr attr = {.stack_bytes = 16 << 10};
	struct coro *co = create_surely(&attr, do_nothing, NULL);

	coro_resume(co, NULL);
	ck_assert_uint_eq(co->stack.bytes, 0);
	ck_assert_ptr_null(co->stack.barriers);
	ck_assert_uint_eq(co->stack.barrier_count + co->stack.barrier_position, 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(&attr, do_nothing, NULL);
	ck_assert_int_eq(coro_cancel(co), 0);
	ck_assert_uint_eq(co->stack.bytes, 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(test_b10_a_dead_one_is_shrunk_to_nothing)
{
	uint64_t inuse_bytes, sys_bytes;
	struct coro *co = create_surely(NULL, do_nothing, NULL);

	coro_resume(co, NULL);
	ck_assert_int_eq(coro_shrink(co), 0);
	ck_assert_uint_eq(co->stack.bytes, 0);
	ck_assert_ptr_null(co->stack.barriers);
	ck_assert_uint_eq(co->stack.barrier_count + co->stack.barrier_position, 0);
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_eq(inuse_bytes, 0);
	ck_assert_int_eq(coro_shrink(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(test_b6_the_position_is_the_lowest_that_was_not_hit)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);
	const struct stack *stack = &co->stack;

	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_uint_ge(stack->barrier_count, 3);
	ck_assert_uint_eq(stack->barrier_position, 0);
	for (uint32_t i = 1; i < stack->barrier_count; i++)
		ck_assert((char *)stack->barriers[i - 1].slot < (char *)stack->barriers[i].slot);
	deep_end(co);
}
END_TEST

/* Returns half of the way. */
static void yield_on_the_way(void *nothing)
{
	uint64_t sum = descend(DEPTH / 2, yield_once);

	(void)nothing;
	ck_assert_uint_gt(sum, 0);
	coro_yield(NULL);
}

static void half_way(void)
{
	yield_on_the_way(NULL);
}

START_TEST(test_b6_a_hit_moves_it_up_and_clears_the_entry)
{
	void (*bottom)(void) = half_way;
	struct coro *co = deep_new(&bottom);
	const struct stack *stack = &co->stack;

	ck_assert_int_eq(coro_barriers_install(co), 0);
	uint32_t count = stack->barrier_count;
	coro_resume(co, NULL);
	ck_assert_uint_eq(stack->barrier_count, count);
	ck_assert_uint_gt(stack->barrier_position, 0);
	ck_assert_uint_lt(stack->barrier_position, count);
	for (uint32_t i = 0; i < stack->barrier_position; i++)
		ck_assert_ptr_null(stack->barriers[i].slot);
	deep_end(co);
}
END_TEST

static void exit_deep_down(void)
{
	coro_yield(NULL);
	coro_exit(NULL);
}

START_TEST(test_b11_one_that_exits_leaves_no_stale_barrier)
{
	struct coro_attr sizes[] = {{0}, {.stack_bytes = 256 << 10}};
	void (*bottom)(void) = exit_deep_down;

	for (uint32_t i = 0; i < 2; i++) {
		struct coro *co = create_surely(&sizes[i], go_down, &bottom);
		coro_resume(co, NULL);
		ck_assert_int_eq(coro_barriers_install(co), 0);
		const struct stack_barrier *array = co->stack.barriers;
		ck_assert_uint_gt(co->stack.barrier_count, 0);
		coro_resume(co, NULL);
		ck_assert_int_eq(coro_status(co), CORO_FINISHED);
		ck_assert_uint_eq(co->stack.barrier_count + co->stack.barrier_position, 0);
		ck_assert_ptr_null(array->slot);
		ck_assert_int_eq(coro_destroy(co), 0);
	}
}
END_TEST

/* No frame here is larger; and how far below the stack pointer of a caller its frame's
   return address is: next to it, or at the other end of the frame. */
enum { FRAME_MOST_BYTES = 512 };
#if defined(__x86_64__)
enum { RETURN_MOST_BYTES = sizeof(void *) };
#else
enum { RETURN_MOST_BYTES = FRAME_MOST_BYTES };
#endif

START_TEST(test_b12_the_first_is_1024_bytes_up_and_the_distance_doubles)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);
	const struct stack *stack = &co->stack;
	char *beyond = co->left.sp + 1024;

	ck_assert_int_eq(coro_barriers_install(co), 0);
	for (uint32_t i = 0; i < stack->barrier_count; i++) {
		char *at = (char *)stack->barriers[i].slot;
		ck_assert(at >= beyond - RETURN_MOST_BYTES);
		ck_assert(at < beyond + FRAME_MOST_BYTES);
		beyond += (size_t)1024 << i;
	}
	deep_end(co);
}
END_TEST

static void *install_here(void *result)
{
	*(int *)result = coro_barriers_install(coro_self());
	return NULL;
}

static void *call_back(void *result)
{
	return coro_callback(install_here, result);
}

static void install_in_a_callback(void *result)
{
	coro_foreign(call_back, result);
}

START_TEST(test_b12_never_the_innermost_frame_nor_the_outermost_nor_in_a_callback)
{
	void (*bottom)(void) = yield_once;
	int result = 0;

	coro_barriers_set(CORO_BARRIERS_ALL);
	struct coro *co = deep_new(&bottom);
	void *pcs[PCS_MOST];
	int count = coro_backtrace(co, pcs, PCS_MOST);
	ck_assert_int_gt(count, DEPTH);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_uint_le(co->stack.barrier_count, (uint32_t)count - 1);
	ck_assert_uint_gt(co->stack.barrier_count, DEPTH);
	for (uint32_t i = 0; i < co->stack.barrier_count; i++)
		ck_assert_ptr_ne((void *)co->stack.barriers[i].saved, pcs[0]);
	deep_end(co);
	coro_barriers_set(CORO_BARRIERS_SPACED);
	run_in_coro(install_in_a_callback, &result);
	ck_assert_int_eq(result, EBUSY);
}
END_TEST

/* ---- what is returned, in whatever registers ---- */

struct two_words { uint64_t a, b; };
struct two_floats { double a, b; };
struct mixed { uint64_t a; double b; };
struct large { uint64_t words[9]; };

#define RETURNING(type, name, ...) \
	static NOINLINE type name(void) \
	{ \
		coro_yield(NULL); \
		return (type)__VA_ARGS__; \
	}

RETURNING(uint64_t, return_word, {UINT64_C(0x123456789abcdef0)})
RETURNING(unsigned __int128, return_wide, {((unsigned __int128)1 << 100 | 7)})
RETURNING(double, return_float, {1.5})
RETURNING(long double, return_long, {2.5L})
RETURNING(_Complex double, return_complex, {__builtin_complex(3.5, 4.5)})
RETURNING(struct two_words, return_words, {1, 2})
RETURNING(struct two_floats, return_floats, {3, 4})
RETURNING(struct mixed, return_mixed, {5, 6})
RETURNING(struct large, return_large, {{1, 2, 3, 4, 5, 6, 7, 8, 9}})

static NOINLINE void return_all(void)
{
	ck_assert_uint_eq(return_word(), UINT64_C(0x123456789abcdef0));
	ck_assert(return_wide() == ((unsigned __int128)1 << 100 | 7));
	ck_assert(return_float() == 1.5);
	ck_assert(return_long() == 2.5L);
	_Complex double complex_number = return_complex();
	ck_assert(__real__ complex_number == 3.5 && __imag__ complex_number == 4.5);
	struct two_words words = return_words();
	ck_assert(words.a == 1 && words.b == 2);
	struct two_floats floats = return_floats();
	ck_assert(floats.a == 3 && floats.b == 4);
	struct mixed mixed = return_mixed();
	ck_assert(mixed.a == 5 && mixed.b == 6);
	struct large large = return_large();
	ck_assert(large.words[0] == 1 && large.words[8] == 9);
}

static void return_them(void *nothing)
{
	(void)nothing;
	return_all();
}

START_TEST(test_b13_what_is_returned_through_one_is_intact)
{
	coro_barriers_set(CORO_BARRIERS_ALL);
	struct coro *co = create_surely(NULL, return_them, NULL);
	for (uint32_t i = 0; i < 9; i++) {
		coro_resume(co, NULL);
		ck_assert_int_eq(coro_barriers_install(co), 0);
		ck_assert_uint_ge(co->stack.barrier_count, 2);
	}
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
	coro_barriers_set(CORO_BARRIERS_SPACED);
}
END_TEST

struct range {
	const char *lo, *hi;
};

static void note_range(const void *lo, const void *hi, void *range)
{
	*(struct range *)range = (struct range){lo, hi};
}

START_TEST(test_b14_a_rescan_stops_at_the_lowest_barrier_that_was_not_hit)
{
	void (*bottom)(void) = half_way;
	struct coro *co = deep_new(&bottom);
	struct range all, some, fewer, rest;

	ck_assert_int_eq(coro_rescan(co, note_range, &all), 0);
	ck_assert_ptr_eq(all.lo, coro_used_lo(co));
	ck_assert_ptr_eq(all.hi, co->stack.hi);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_int_eq(coro_rescan(co, note_range, &some), 0);
	ck_assert_ptr_eq(some.lo, coro_used_lo(co));
	ck_assert(some.hi > (char *)co->stack.barriers[0].slot);
	ck_assert(some.hi < (char *)co->stack.barriers[1].slot);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_rescan(co, note_range, &fewer), 0);
	ck_assert(fewer.lo > some.lo);
	ck_assert(fewer.hi > some.hi);
	ck_assert(fewer.hi < co->stack.hi);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_rescan(co, note_range, &rest), 0);
	ck_assert_ptr_eq(rest.hi, co->stack.hi);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void overwrite_and_remove(void *nothing)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);

	(void)nothing;
	coro_barriers_install(co);
	*co->stack.barriers[0].slot = 0x1234;
	coro_barriers_remove(co);
}

START_TEST(test_b15_what_is_removed_must_stand_where_it_was_put)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);
	char before[8192], after[8192];

	memcpy(before, co->left.sp, sizeof(before));
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_int_ne(memcmp(before, co->left.sp, sizeof(before)), 0);
	ck_assert_int_eq(coro_barriers_remove(co), 0);
	memcpy(after, co->left.sp, sizeof(after));
	ck_assert_mem_eq(before, after, sizeof(before));
	ck_assert_uint_eq(co->stack.barrier_count + co->stack.barrier_position, 0);
	ck_assert_ptr_null(co->stack.barriers[0].slot);
	deep_end(co);
	dies_saying(overwrite_and_remove, NULL, "stack barrier lost");
}
END_TEST

static uint32_t jump_count;

static void recover(void *nothing)
{
	(void)nothing;
	ck_assert_ptr_nonnull(coro_recover());
}

static void panic_after_a_yield(void)
{
	coro_yield(NULL);
	coro_panic(&jump_count);
}

static NOINLINE void recovering(void)
{
	CORO_FRAME;
	if (coro_defer(recover, NULL, 0) != 0)
		return;
	descend(DEPTH / 2, panic_after_a_yield);
}

static void recovers(void)
{
	recovering();
	coro_yield(NULL);
}

START_TEST(test_b16_a_recovery_removes_those_below_it)
{
	void (*bottom)(void) = recovers;
	struct coro *co = deep_new(&bottom);
	struct stack *stack = &co->stack;

	coro_barriers_install(co);
	uint32_t count = stack->barrier_count;
	coro_resume(co, NULL);
	ck_assert_uint_eq(stack->barrier_count, count);
	ck_assert_uint_gt(stack->barrier_position, 0);
	ck_assert_uint_lt(stack->barrier_position, count);
	ck_assert((char *)stack->barriers[stack->barrier_position].slot > co->left.sp);
	deep_end(co);
}
END_TEST

START_TEST(test_b16_unwinding_to_an_address_removes_those_below_it)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);
	struct stack *stack = &co->stack;

	coro_barriers_install(co);
	uint32_t count = stack->barrier_count;
	const uintptr_t *second = stack->barriers[1].slot;
	uintptr_t saved = stack->barriers[0].saved, *first = stack->barriers[0].slot;
	ck_assert_int_eq(coro_barriers_unwind(co, second), 0);
	ck_assert_uint_eq(stack->barrier_position, 1);
	ck_assert_uint_eq(stack->barrier_count, count);
	ck_assert_uint_eq(*first, saved);
	ck_assert_uint_ne(*second, stack->barriers[1].saved);
	deep_end(co);
}
END_TEST

static void swap_and_walk(void *nothing)
{
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);
	void *pcs[PCS_MOST];

	(void)nothing;
	coro_barriers_install(co);
	struct stack_barrier first = co->stack.barriers[0];
	co->stack.barriers[0] = co->stack.barriers[1];
	co->stack.barriers[1] = first;
	coro_backtrace(co, pcs, PCS_MOST);
}

START_TEST(test_b17_a_walker_sees_the_saved_addresses)
{
	void (*bottom)(void) = yield_once;
	void *before[PCS_MOST], *after[PCS_MOST];

	for (enum coro_barriers mode = CORO_BARRIERS_SPACED; mode <= CORO_BARRIERS_ALL; mode++) {
		coro_barriers_set(mode);
		struct coro *co = deep_new(&bottom);
		int count = coro_backtrace(co, before, PCS_MOST);
		ck_assert_int_gt(count, DEPTH);
		ck_assert_int_eq(coro_barriers_install(co), 0);
		ck_assert_int_eq(coro_backtrace(co, after, PCS_MOST), count);
		ck_assert_mem_eq(before, after, (size_t)count * sizeof(void *));
		deep_end(co);
	}
	coro_barriers_set(CORO_BARRIERS_SPACED);
	dies_saying(swap_and_walk, NULL, "missed stack barrier");
}
END_TEST

static void yield_over(void *bytes)
{
	volatile char *frame = __builtin_alloca((uintptr_t)bytes);

	frame[0] = 0;
	coro_yield(NULL);
	frame[0] = 1;
}

/* So that with frames of some size it has the only barrier. */
START_TEST(test_b17_a_walker_passes_a_barrier_at_the_outermost_frame)
{
	void *before[PCS_MOST], *after[PCS_MOST];
	int only_count = 0;

	for (uintptr_t bytes = 16; bytes < 2048; bytes += 16) {
		struct coro *co = create_surely(NULL, yield_over, (void *)bytes);
		coro_resume(co, NULL);
		int count = coro_backtrace(co, before, PCS_MOST);
		ck_assert_int_eq(coro_barriers_install(co), 0);
		ck_assert_int_eq(coro_backtrace(co, after, PCS_MOST), count);
		ck_assert_mem_eq(before, after, (size_t)count * sizeof(void *));
		const struct stack *stack = &co->stack;
		only_count += stack->barrier_count == 1 &&
			stack->barriers[0].saved == (uintptr_t)before[count - 1];
		ck_assert_ptr_null(coro_resume(co, NULL));
		ck_assert_int_eq(coro_destroy(co), 0);
	}
	ck_assert_int_gt(only_count, 0);
}
END_TEST

static int frames_seen;

static void look_back(void)
{
	void *pcs[PCS_MOST];

	coro_yield(NULL);
	frames_seen = backtrace(pcs, PCS_MOST);
}

START_TEST(test_b18_backtrace_passes)
{
	void (*bottom)(void) = look_back;
	struct coro *co = deep_new(&bottom);

	deep_end(co);
	int without = frames_seen;
	ck_assert_int_gt(without, DEPTH);
	co = deep_new(&bottom);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	uint32_t count = co->stack.barrier_count;
	deep_end(co);
	ck_assert_int_eq(frames_seen, without + (int)count); /* the trampolines are frames */
}
END_TEST

static jmp_buf out;

static void jump_out(void)
{
	coro_yield(NULL);
	longjmp(out, 1);
}

static NOINLINE void jump(void)
{
	if (setjmp(out) == 0)
		descend(DEPTH / 2, jump_out);
	jump_count++;
}

/* The frames that come then have their return addresses where barriers were left behind. */
static void jumps(void)
{
	jump();
	descend(DEPTH / 2, yield_once);
	coro_yield(NULL);
}

static struct coro *jumped(void (**bottom)(void))
{
	struct coro *co = deep_new(bottom);

	ck_assert_int_eq(coro_barriers_install(co), 0);
	coro_resume(co, NULL);
	ck_assert_uint_eq(co->stack.barrier_position, 0); /* left behind */
	return co;
}

START_TEST(test_b18_longjmp_passes)
{
	void (*bottom)(void) = jumps;
	struct range range;
	void *pcs[PCS_MOST];

	struct coro *co = jumped(&bottom);
	ck_assert_int_gt(coro_backtrace(co, pcs, PCS_MOST), DEPTH);
	ck_assert_int_eq(coro_rescan(co, note_range, &range), 0);
	ck_assert(range.hi > range.lo + 4096);
	ck_assert_int_eq(coro_barriers_remove(co), 0);
	coro_resume(co, NULL);
	deep_end(co);
	co = jumped(&bottom);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	coro_resume(co, NULL);
	deep_end(co);
	co = jumped(&bottom);
	coro_resume(co, NULL);
	deep_end(co);
	ck_assert_uint_eq(jump_count, 3);
}
END_TEST

static uint32_t signal_count;

/* The next comes when this one was looked at, or a machine that is slow at that would do
   nothing else. */
static void next_signal(void)
{
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_usec = 100}}, NULL);
}

/* Nothing is asserted in a handler: Check may allocate, and what was interrupted may be
   malloc().  Between two stacks there are no frames of the coroutine's to be seen. */
static uint32_t bad_count;

static void on_signal(int number)
{
	void *pcs[PCS_MOST];

	(void)number;
	bad_count += backtrace(pcs, PCS_MOST) <= 0;
	if (coro_self() != NULL)
		bad_count += coro_backtrace(coro_self(), pcs, PCS_MOST) < 0;
	__atomic_fetch_add(&signal_count, 1, __ATOMIC_RELAXED);
	next_signal();
}

START_TEST(test_b19_a_profiling_signal_waits_for_no_lock)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	void (*bottom)(void) = yield_once;
	void *pcs[PCS_MOST];

	backtrace(pcs, PCS_MOST); /* loads what it needs */
	coro_barriers_set(CORO_BARRIERS_ALL);
	sigaction(SIGPROF, &action, NULL);
	next_signal();
	for (uint32_t i = 0; i < 1000000 && __atomic_load_n(&signal_count, __ATOMIC_RELAXED) < SIGNALS; i++) {
		struct coro *co = deep_new(&bottom);
		ck_assert_int_eq(coro_barriers_install(co), 0);
		deep_end(co);
	}
	setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
	ck_assert_uint_ge(__atomic_load_n(&signal_count, __ATOMIC_RELAXED), SIGNALS);
	ck_assert_uint_eq(bad_count, 0);
	coro_barriers_set(CORO_BARRIERS_SPACED);
}
END_TEST

/* ---- one signal an instruction ------------------------------------------------------ */

static bool is_stepping;
static uint32_t step_count;

/* Of switch_start(), where each coroutine begins and ends. */
static bool is_outermost(const void *pc)
{
	return (uintptr_t)pc - (uintptr_t)switch_start < 256;
}

static void look_at_step(void)
{
	void *pcs[PCS_MOST];
	int count = coro_self() != NULL ? coro_backtrace(coro_self(), pcs, PCS_MOST) : 0;

	bad_count += count < 0 || (count > 0 && !is_outermost(pcs[count - 1]));
	step_count++;
}

#if defined(__x86_64__)
enum { CAN_STEP = 1, TRAP_FLAG = 0x100 };
static void step_next(ucontext_t *context)
{
	greg_t *flags = &context->uc_mcontext.gregs[REG_EFL];

	*flags = is_stepping ? *flags | TRAP_FLAG : *flags & ~TRAP_FLAG;
}
#else
enum { CAN_STEP = 0 };
static void step_next(ucontext_t *context)
{
	(void)context;
}
#endif

static void on_step(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	look_at_step();
	step_next(context);
}

START_TEST(test_b19_frames_are_seen_at_every_instruction)
{
	struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	void (*bottom)(void) = yield_once;
	struct coro *co = deep_new(&bottom);

	ck_assert_int_eq(coro_barriers_install(co), 0);
	sigaction(SIGTRAP, &action, NULL);
	is_stepping = true;
	raise(SIGTRAP);
	coro_resume(co, NULL);
	is_stepping = false;
	ck_assert_uint_ge(step_count, CAN_STEP ? 5 * DEPTH : 1);
	ck_assert_uint_eq(bad_count, 0);
	ck_assert_uint_eq(co->stack.barrier_count, co->stack.barrier_position);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* Switches that the library makes, the second time by a call, and the coroutine's end. */
static void yield_locked(void *nothing)
{
	void *(*volatile yield)(void *) = coro_yield;

	coro_yield(nothing);
	coro_lock_thread();
	coro_yield(nothing);
	yield(nothing);
	coro_unlock_thread();
}

START_TEST(test_b19_and_of_a_switch_that_is_not_inline)
{
	struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	struct coro *co = create_surely(NULL, yield_locked, NULL);

	coro_resume(co, NULL);
	sigaction(SIGTRAP, &action, NULL);
	is_stepping = true;
	raise(SIGTRAP);
	for (int i = 0; i < 3; i++)
		coro_resume(co, NULL);
	is_stepping = false;
	ck_assert_uint_eq(bad_count, 0);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(test_b20_there_are_none_or_one_at_every_frame)
{
	void (*bottom)(void) = yield_once;

	ck_assert_int_eq(coro_barriers_set((enum coro_barriers)3), EINVAL);
	coro_barriers_set(CORO_BARRIERS_OFF);
	struct coro *co = deep_new(&bottom);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_uint_eq(co->stack.barrier_count, 0);
	deep_end(co);
	coro_barriers_set(CORO_BARRIERS_ALL);
	co = deep_new(&bottom);
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_uint_ge(co->stack.barrier_count, DEPTH);
	deep_end(co);
	coro_barriers_set(CORO_BARRIERS_SPACED);
}
END_TEST

START_TEST(test_b21_a_new_or_reused_coroutine_has_a_stack_and_a_fresh_array)
{
	struct coro *first = create_surely(NULL, do_nothing, NULL);

	for (int i = 0; i < 2; i++) {
		const struct stack *stack = &first->stack;
		ck_assert_uint_eq(stack->bytes, CORO_STACK_BYTES);
		ck_assert_ptr_eq(stack->barriers, stack->hi);
		ck_assert_uint_eq(stack->barrier_capacity, stack_barriers_most(CORO_STACK_BYTES));
		ck_assert_uint_eq(stack->barrier_count + stack->barrier_position, 0);
		coro_resume(first, NULL);
		ck_assert_int_eq(coro_destroy(first), 0);
		struct coro *again = create_surely(NULL, do_nothing, NULL);
		ck_assert_ptr_eq(again, first);
	}
	ck_assert_int_eq(coro_destroy(first), 0);
}
END_TEST

START_TEST(test_b22_installing_and_copying_the_array_allocate_nothing)
{
	struct coro *co = linked_new();

	copy_surely(co, 128 << 10);
	uint32_t before = allocation_count;
	int error = coro_barriers_install(co);
	error |= coro_barriers_remove(co) | coro_barriers_install(co);
	if (!CONFIG_TORTURE)
		error |= coro_copystack(co, 64 << 10);
	ck_assert_uint_eq(allocation_count, before);
	ck_assert_int_eq(error, 0);
	linked_end(co);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/barrier", NULL, NULL);

	tcase_add_test(tests, test_b1_room_for_one_barrier_and_one_more_each_doubling);
	tcase_add_test(tests, test_b2_in_the_debug_mode_half_of_the_stack_is_their_room);
	tcase_add_test(tests, test_b3_their_room_is_taken_off_the_top);
	tcase_add_test(tests, test_b4_a_size_that_is_no_power_of_two_is_fatal);
	tcase_add_test(tests, test_b5_freeing_gives_back_the_whole_size);
	tcase_add_test(tests, test_b6_the_position_is_the_lowest_that_was_not_hit);
	tcase_add_test(tests, test_b6_a_hit_moves_it_up_and_clears_the_entry);
	tcase_add_test(tests, test_b7_a_copy_has_all_that_was_used_and_the_array_of_its_size);
	tcase_add_test(tests, test_b7_what_cannot_be_copied_stays_as_it_is);
	tcase_add_test(tests, test_b8_barriers_that_were_not_hit_move_with_the_stack);
	tcase_add_test(tests, test_b9_a_stack_shrinks_when_less_than_a_quarter_is_used);
	tcase_add_test(tests, test_b9_never_below_the_minimum);
	tcase_add_test(tests, test_b10_a_dead_coroutine_of_another_size_has_no_stack);
	tcase_add_test(tests, test_b10_a_dead_one_is_shrunk_to_nothing);
	tcase_add_test(tests, test_b11_one_that_exits_leaves_no_stale_barrier);
	tcase_add_test(tests, test_b12_the_first_is_1024_bytes_up_and_the_distance_doubles);
	tcase_add_test(tests, test_b12_never_the_innermost_frame_nor_the_outermost_nor_in_a_callback);
	tcase_add_test(tests, test_b13_what_is_returned_through_one_is_intact);
	tcase_add_test(tests, test_b14_a_rescan_stops_at_the_lowest_barrier_that_was_not_hit);
	tcase_add_test(tests, test_b15_what_is_removed_must_stand_where_it_was_put);
	tcase_add_test(tests, test_b16_a_recovery_removes_those_below_it);
	tcase_add_test(tests, test_b16_unwinding_to_an_address_removes_those_below_it);
	tcase_add_test(tests, test_b17_a_walker_sees_the_saved_addresses);
	tcase_add_test(tests, test_b17_a_walker_passes_a_barrier_at_the_outermost_frame);
	tcase_add_test(tests, test_b18_backtrace_passes);
	tcase_add_test(tests, test_b18_longjmp_passes);
	tcase_add_test(tests, test_b19_a_profiling_signal_waits_for_no_lock);
	tcase_add_test(tests, test_b19_frames_are_seen_at_every_instruction);
	tcase_add_test(tests, test_b19_and_of_a_switch_that_is_not_inline);
	tcase_add_test(tests, test_b20_there_are_none_or_one_at_every_frame);
	tcase_add_test(tests, test_b21_a_new_or_reused_coroutine_has_a_stack_and_a_fresh_array);
	tcase_add_test(tests, test_b22_installing_and_copying_the_array_allocate_nothing);
	return suite_end();
}
