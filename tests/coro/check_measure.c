/*
 * check_measure.c - coro/measure.c, base/pagemap.c.
 *
 * Proves: how much of its stack a coroutine has used at most is known to the word,
 * wherever it stands, also when the stack or a part of it has gone meanwhile; others that
 * had the stack before do not count; looking does not touch what nobody touched.
 */
#include "coro/measure.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/compiler.h"
#include "base/os.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

enum { LARGE_BYTES = 16 << 20 };

/* Frames of the library's, and all the CPU's registers, which the dynamic linker keeps there
   when it binds a name. */
enum { OWN_BYTES = 6 << 10 };

static const size_t sizes[] = {4 << 10, 16 << 10, CORO_STACK_BYTES, 256 << 10, LARGE_BYTES};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void yield_for_ever(void *unused)
{
	for (;;)
		coro_yield(unused);
}

static struct coro *measured_new(size_t stack_bytes, int is_relocatable, void (*fn)(void *), void *arg)
{
	struct coro_attr attr = {.stack_bytes = stack_bytes, .is_measured = 1,
		.is_relocatable = is_relocatable};

	return create_surely(&attr, fn, arg);
}

/* A word is written that far below the top. */
static void use(const struct coro *co, size_t bytes)
{
	*(volatile uintptr_t *)(co->stack.hi - bytes) = 1;
}

START_TEST(test_it_is_exact_to_the_word)   /* _i: the size */
{
	struct coro *co = measured_new(sizes[_i], 0, yield_for_ever, NULL);

	coro_resume(co, NULL);
	ck_assert_uint_gt(coro_stack_high_water(co), 0);
	ck_assert_uint_le(coro_stack_high_water(co), OWN_BYTES);
	size_t room = (size_t)(co->stack.hi - co->stack.lo);
	for (size_t bytes = OWN_BYTES; bytes < room; bytes = 2 * bytes + 8) {
		use(co, bytes);
		ck_assert_uint_eq(coro_stack_high_water(co), bytes);
		coro_resume(co, NULL);
		ck_assert_uint_eq(coro_stack_high_water(co), bytes);
	}
	use(co, room);
	ck_assert_uint_eq(coro_stack_high_water(co), room);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static NOINLINE void fill(size_t bytes)
{
	char *frame = __builtin_alloca(bytes);


	memset(frame, 0x55, bytes);
	__asm__ volatile("" ::"r"(frame) : "memory");
}

static size_t running_bytes;

static void use_and_look(void *bytes)
{
	fill((size_t)bytes);
	running_bytes = coro_stack_high_water(coro_self());
}

START_TEST(test_running_and_finished_ones_know_it)   /* _i: the size */
{
	size_t bytes = sizes[_i] / 4;
	struct coro *co = measured_new(sizes[_i], 0, use_and_look, (void *)bytes);

	coro_resume(co, NULL);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_uint_ge(running_bytes, bytes);
	ck_assert_uint_ge(coro_stack_high_water(co), running_bytes);
	ck_assert_uint_le(coro_stack_high_water(co), bytes + OWN_BYTES);
	if (bytes > OWN_BYTES)
		ck_assert_uint_eq(coro_stack_high_water(co), running_bytes);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void do_nothing(void *unused)
{
	(void)unused;
}

START_TEST(test_others_before_do_not_count)
{
	for (int i = 0; i < 3; i++) {
		struct coro *co = create_surely(NULL, use_and_look, (void *)(uintptr_t)(40 << 10));
		coro_resume(co, NULL);
		ck_assert_uint_ge(coro_stack_high_water(co), 40 << 10);
		ck_assert_int_eq(coro_destroy(co), 0);
		struct coro *other = create_surely(NULL, do_nothing, NULL);
		ck_assert_ptr_eq(other, co);
		coro_resume(other, NULL);
		ck_assert_uint_ge(coro_stack_high_water(other), 40 << 10); /* not measured */
		ck_assert_int_eq(coro_destroy(other), 0);
		other = measured_new(0, 0, do_nothing, NULL);
		ck_assert_ptr_eq(other, co);
		coro_resume(other, NULL);
		ck_assert_uint_le(coro_stack_high_water(other), OWN_BYTES);
		ck_assert_int_eq(coro_destroy(other), 0);
	}
}
END_TEST

START_TEST(test_it_outlives_what_was_used)
{
	struct coro *co = measured_new(0, 0, yield_for_ever, NULL);

	coro_resume(co, NULL);
	use(co, 33 << 10);
	ck_assert_int_eq(coro_shrink(co), 0);
	ck_assert_uint_eq(coro_stack_high_water(co), 33 << 10);
	use(co, 21 << 10);
	ck_assert_uint_eq(coro_stack_high_water(co), 33 << 10);
	ck_assert_int_eq(coro_cancel(co), 0);
	ck_assert_int_eq(coro_shrink(co), 0); /* its stack goes */
	ck_assert_uint_eq(coro_stack_high_water(co), 33 << 10);
	ck_assert_int_eq(coro_destroy(co), 0);

	co = measured_new(256 << 10, 1, yield_for_ever, NULL);
	coro_resume(co, NULL);
	use(co, 100 << 10);
	while (coro_shrink(co) == ENOMEM)
		;
	ck_assert_uint_eq(co->stack.bytes, SUITE_IS_SANITIZED ? 256 << 10 : 128 << 10);
	ck_assert_uint_eq(coro_stack_high_water(co), 100 << 10);
	use(co, 50 << 10);
	ck_assert_uint_eq(coro_stack_high_water(co), 100 << 10);
	use(co, 120 << 10);
	ck_assert_uint_eq(coro_stack_high_water(co), 120 << 10);
	ck_assert_int_eq(coro_destroy(co), 0);

	co = measured_new(0, 0, do_nothing, NULL);
	ck_assert_uint_eq(coro_stack_high_water(co), 0);
	coro_resume(co, NULL);
	ck_assert_uint_gt(coro_stack_high_water(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(NULL, do_nothing, NULL);
	ck_assert_int_eq(coro_cancel(co), 0);
	ck_assert_int_eq(coro_shrink(co), 0);
	ck_assert_uint_eq(coro_stack_high_water(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_uint_eq(coro_stack_high_water(NULL), 0);
}
END_TEST

START_TEST(test_pages_that_nobody_touched_stay_away)
{
	static unsigned char there[LARGE_BYTES >> 12];
	struct coro *co = measured_new(LARGE_BYTES, 0, yield_for_ever, NULL);
	size_t page_bytes = os_page_bytes(), pages = LARGE_BYTES / page_bytes, count = 0;

	coro_resume(co, NULL);
	use(co, 8 << 20);
	ck_assert_uint_eq(coro_stack_high_water(co), 8 << 20);
	ck_assert_int_eq(mincore(co->stack.lo, LARGE_BYTES, there), 0);
	for (size_t i = 0; i < pages; i++)
		count += there[i] & 1;
	ck_assert_uint_le(count, 4);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("coro/measure", NULL, NULL);

	tcase_add_loop_test(tests, test_it_is_exact_to_the_word, 0, SIZES);
	tcase_add_loop_test(tests, test_running_and_finished_ones_know_it, 1, SIZES);
	tcase_add_test(tests, test_others_before_do_not_count);
	tcase_add_test(tests, test_it_outlives_what_was_used);
	tcase_add_test(tests, test_pages_that_nobody_touched_stay_away);
	return suite_end();
}
