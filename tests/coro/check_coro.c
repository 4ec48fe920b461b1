/*
 * check_coro.c - coro/coro.c.
 *
 * Proves: values pass both ways, coroutines resume others to any depth and change places;
 * what a call must keep is kept over a switch, on another thread too, and by a recovery;
 * what cannot be done is told and changes nothing; all that was taken is given back.
 */
#include "coro/coro.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

enum { MANY = 3000, STEPS = 200000 };

static void count_up(void *start)
{
	uintptr_t number = (uintptr_t)start;

	for (;;)
		number += (uintptr_t)coro_yield((void *)number);
}

START_TEST(test_values_pass_both_ways)
{
	struct coro *co = create_surely(NULL, count_up, (void *)100);

	ck_assert_int_eq(coro_status(co), CORO_SUSPENDED);
	ck_assert_uint_eq((uintptr_t)coro_resume(co, NULL), 100);
	for (uintptr_t i = 1; i < 100; i++)
		ck_assert_uint_eq((uintptr_t)coro_resume(co, (void *)i), 100 + i * (i + 1) / 2);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void return_at_once(void *arg)
{
	*(int *)arg = 1;
}

START_TEST(test_a_dead_one_whose_stack_was_given_back_is_not_used_again)
{
	int is_done = 0;
	struct coro *co = create_surely(NULL, return_at_once, &is_done);

	coro_resume(co, NULL);
	ck_assert_int_eq(coro_shrink(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	is_done = 0;
	co = create_surely(NULL, return_at_once, &is_done);
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(is_done, 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void exit_with(void *value)
{
	coro_exit(value);
}

START_TEST(test_it_ends_by_return_or_exit)
{
	int was_here = 0;
	struct coro *co = create_surely(NULL, return_at_once, &was_here);

	ck_assert_ptr_null(coro_resume(co, &was_here));
	ck_assert_int_eq(was_here, 1);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_ptr_eq(coro_resume(co, NULL), CORO_FAILED);
	ck_assert_int_eq(errno, ESRCH);
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(NULL, exit_with, (void *)"the end");
	ck_assert_str_eq(coro_resume(co, NULL), "the end");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* Each resumes the next one. */
static void nest(void *depth)
{
	uintptr_t left = (uintptr_t)depth;

	if (left == 0) {
		coro_yield((void *)"at the bottom");
		return;
	}
	struct coro *co = create_surely(NULL, nest, (void *)(left - 1));
	coro_yield(coro_resume(co, NULL));
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(coro_destroy(co), 0);
}

START_TEST(test_coroutines_resume_others_to_any_depth)
{
	struct coro *co = create_surely(NULL, nest, (void *)500);

	ck_assert_str_eq(coro_resume(co, NULL), "at the bottom");
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static struct coro *places[2];

static void change_places(void *self)
{
	uintptr_t mine = (uintptr_t)self, got = 0;

	for (int i = 0; i < 10; i++)
		got = (uintptr_t)coro_transfer(places[1 - mine], (void *)(got + 1));
	coro_exit((void *)got);
}

START_TEST(test_two_change_places_under_one_resumer)
{
	places[0] = create_surely(NULL, change_places, (void *)0);
	places[1] = create_surely(NULL, change_places, (void *)1);

	/* The first value that each gets by being started nobody hears of. */
	ck_assert_uint_ge((uintptr_t)coro_resume(places[0], NULL), 10);
	ck_assert_int_eq(coro_status(places[0]), CORO_FINISHED);
	ck_assert_int_eq(coro_status(places[1]), CORO_SUSPENDED);
	ck_assert_int_eq(coro_destroy(places[0]), 0);
	ck_assert_int_eq(coro_destroy(places[1]), 0);
}
END_TEST

static void yield_at_once(void *nothing)
{
	coro_yield(nothing);
}

static void change_places_once(void *co)
{
	coro_transfer(co, NULL);
}

/* What called it, the outermost: the same of all. */
static void *outermost_of(const struct coro *co)
{
	void *pcs[32];
	int count = coro_backtrace(co, pcs, 32);

	ck_assert_int_ge(count, 2);
	return pcs[count - 1];
}

START_TEST(test_one_that_changed_places_is_seen_as_one_that_yielded)
{
	struct coro *other = create_surely(NULL, yield_at_once, NULL);
	struct coro *co = create_surely(NULL, change_places_once, other);

	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_ptr_eq(outermost_of(co), outermost_of(other));
	ck_assert_int_eq(coro_barriers_install(co), 0);
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_int_eq(coro_destroy(other), 0);
}
END_TEST

static void try_all_that_cannot_be(void *arg)
{
	struct coro *self = coro_self(), *other = arg;

	ck_assert_int_eq(coro_status(self), CORO_RUNNING);
	ck_assert_ptr_eq(coro_resume(self, NULL), CORO_FAILED);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_ptr_eq(coro_transfer(self, NULL), CORO_FAILED);
	ck_assert_int_eq(coro_destroy(self), EBUSY);
	ck_assert_int_eq(coro_cancel(self), EBUSY);
	if (other != NULL) {
		ck_assert_int_eq(coro_status(other), CORO_WAITING);
		ck_assert_ptr_eq(coro_resume(other, NULL), CORO_FAILED);
		ck_assert_int_eq(errno, EBUSY);
		ck_assert_int_eq(coro_destroy(other), EBUSY);
		return;
	}
	struct coro *co = create_surely(NULL, try_all_that_cannot_be, self);
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(coro_destroy(co), 0);
}

START_TEST(test_what_cannot_be_is_told)
{
	struct coro_attr attr = {0};
	struct coro *co;

	run_in_coro(try_all_that_cannot_be, NULL);
	ck_assert_ptr_null(coro_self());
	ck_assert_ptr_eq(coro_yield(NULL), CORO_FAILED);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_ptr_eq(coro_resume(NULL, NULL), CORO_FAILED);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_eq(coro_transfer(NULL, NULL), CORO_FAILED);
	ck_assert_int_eq(coro_destroy(NULL), EINVAL);
	ck_assert_int_eq(coro_cancel(NULL), EINVAL);
	ck_assert_int_eq(coro_status(NULL), -1);
	ck_assert_str_eq(coro_name(NULL), "");
	ck_assert_int_eq(coro_create(NULL, NULL, exit_with, NULL), EINVAL);
	ck_assert_int_eq(coro_create(&co, NULL, NULL, NULL), EINVAL);
	static const size_t sizes[] = {1, 2048, 4095, 4097, 100000, (size_t)2 << 30, SIZE_MAX};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		attr.stack_bytes = sizes[i];
		ck_assert_int_eq(coro_create(&co, &attr, exit_with, NULL), EINVAL);
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

static void exit_outside(void *nothing)
{
	coro_exit(nothing);
}

START_TEST(test_an_exit_outside_is_fatal)
{
	dies_saying(exit_outside, NULL, "exit outside a coroutine");
}
END_TEST

static NOINLINE int recurse(volatile char *below, int left)
{
	volatile char here[256];

	here[0] = below[0];
	return left > 0 ? recurse(here, left - 1) + here[0] : 0;
}

static void recurse_for_ever(void *nothing)
{
	volatile char first = 0;

	(void)nothing;
	recurse(&first, INT_MAX);
}

static void recurse_a_little(void *nothing)
{
	volatile char first = 0;

	(void)nothing;
	recurse(&first, 5);
}

static void overflow(void *name)
{
	struct coro_attr attr = {.name = name, .stack_bytes = 16 << 10};

	coro_resume(create_surely(&attr, recurse_for_ever, NULL), NULL);
}

static void *overflow_in_thread(void *name)
{
	overflow(name);
	return NULL;
}

static void overflow_elsewhere(void *name)
{
	pthread_t thread;

	pthread_create(&thread, NULL, overflow_in_thread, name);
	pthread_join(thread, NULL);
}

static void fault(void *nothing)
{
	volatile uintptr_t nowhere = 16;

	(void)nothing;
	*(volatile char *)nowhere = 1;
}

static void send_itself_the_signal(void *nothing)
{
	run_in_coro(recurse_a_little, nothing);
	raise(SIGSEGV);
}

static void fault_in_coro(void *nothing)
{
	run_in_coro(fault, nothing);
}

START_TEST(test_an_overflow_says_whose_and_another_fault_is_one)
{
	if (SUITE_IS_SANITIZED || SUITE_IS_THREAD_SANITIZED)
		return; /* which handles the signal itself */
	static const char sentence[] = "stack overflow in coroutine greedy, a stack of 16384 bytes";

	dies_saying(overflow, (void *)"greedy", sentence);
	dies_saying(overflow_elsewhere, (void *)"greedy", sentence);
	dies_saying(overflow, NULL, "stack overflow in coroutine 0x");
	void (*const faults[])(void *) = {fault_in_coro, send_itself_the_signal};
	for (int i = 0; i < 2; i++) {
		struct ending ending = ending_of(faults[i], NULL);
		ck_assert(WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGSEGV);
		ck_assert_str_eq(ending.text, "");
	}
}
END_TEST

static bool is_over;

/* Asserts nothing: a child may be made while Check's own lock is held. */
static int create_and_destroy_one(void)
{
	struct coro_attr attr = {.stack_bytes = 8 << 10};
	struct coro *co;

	while (coro_create(&co, &attr, recurse_a_little, NULL) != 0)
		;
	coro_resume(co, NULL);
	return coro_destroy(co);
}

static void *create_and_destroy(void *nothing)
{
	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
		create_and_destroy_one();
	return nothing;
}

START_TEST(test_a_child_of_fork_goes_on)
{
	pthread_t threads[3];

	if (SUITE_IS_SANITIZED)
		return; /* whose own locks stay taken in a child */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, create_and_destroy, NULL), 0);
	for (int i = 0; i < 100; i++) {
		int status;
		pid_t child = fork();
		if (child == 0)
			_exit(create_and_destroy_one() != 0 || coro_foreign_count() != 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static int cancelled;

static void note_cancel(void *nothing)
{
	(void)nothing;
	cancelled++;
}

static void wait_for_ever(void *how)
{
	CORO_FRAME;

	coro_defer(note_cancel, NULL, 0);
	if (how != NULL)
		coro_defer((void (*)(void *))how, NULL, 0);
	for (;;)
		coro_yield(NULL);
}

static struct coro *victim;

static void destroy_victim(void *nothing)
{
	(void)nothing;
	ck_assert_int_eq(coro_destroy(victim), EBUSY);
	ck_assert_int_eq(coro_cancel(victim), EBUSY);
	note_cancel(NULL);
}

START_TEST(test_one_that_is_being_cancelled_is_busy)
{
	victim = create_surely(NULL, wait_for_ever, (void *)destroy_victim);
	coro_resume(victim, NULL);
	ck_assert_int_eq(coro_destroy(victim), 0);
	ck_assert_int_eq(cancelled, 2);
}
END_TEST

static void yield_once(void *nothing)
{
	coro_yield((void *)"not yet");
	note_cancel(nothing);
}

START_TEST(test_a_cancelled_one_makes_its_deferred_calls)
{
	struct coro *co = create_surely(NULL, wait_for_ever, NULL);

	ck_assert_int_eq(coro_cancel(co), 0); /* it never began */
	ck_assert_int_eq(cancelled, 0);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_cancel(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(NULL, wait_for_ever, NULL);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_int_eq(cancelled, 1);
	co = create_surely(NULL, wait_for_ever, (void *)yield_once);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_destroy(co), EAGAIN);
	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(cancelled, 3);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/*
 * Whether all are, over fn(n), what they were: as many numbers of each kind as there are
 * registers of it that a call keeps, where most are.  They come from what is volatile, so
 * that each must stay in one.
 */
static NOINLINE bool are_kept(uint64_t n, void (*fn)(uint64_t n))
{
	volatile uint64_t words[10];
	volatile double reals[8];

	for (int i = 0; i < 10; i++)
		words[i] = 11 * n + (uint64_t)i;
	for (int i = 0; i < 8; i++)
		reals[i] = (double)n / (i + 1);
	uint64_t a = words[0], b = words[1], c = words[2], d = words[3], e = words[4];
	uint64_t f = words[5], g = words[6], h = words[7], k = words[8], l = words[9];
	double s = reals[0], t = reals[1], u = reals[2], v = reals[3];
	double w = reals[4], x = reals[5], y = reals[6], z = reals[7];
	fn(n);
	return a == words[0] && b == words[1] && c == words[2] && d == words[3] &&
		e == words[4] && f == words[5] && g == words[6] && h == words[7] &&
		k == words[8] && l == words[9] && s == reals[0] && t == reals[1] &&
		u == reals[2] && v == reals[3] && w == reals[4] && x == reals[5] &&
		y == reals[6] && z == reals[7];
}

static void yield_number(uint64_t n)
{
	if (coro_yield((void *)(uintptr_t)n) != (void *)(uintptr_t)n)
		coro_exit((void *)"wrong");
}

static void compute(void *seed)
{
	uint64_t n = (uintptr_t)seed;

	for (int i = 0; i < 1000; i++, n = n * 5 + 1)
		if (!are_kept(n, yield_number))
			coro_exit((void *)"wrong");
	coro_exit((void *)"right");
}

struct computing {
	struct coro *co;
	void *value;
};

static void *compute_on(void *arg)
{
	struct computing *computing = arg;

	for (int i = 0; i < 10 && coro_status(computing->co) != CORO_FINISHED; i++)
		computing->value = coro_resume(computing->co, computing->value);
	return NULL;
}

START_TEST(test_what_calls_keep_is_kept_on_any_thread)
{
	struct computing all[20] = {{0}};
	pthread_t thread;

	for (uintptr_t i = 0; i < 20; i++)
		all[i].co = create_surely(NULL, compute, (void *)(i * 12345));
	for (int left = 20; left > 0;) {
		struct computing *one = &all[random_below(20)];
		if (coro_status(one->co) == CORO_FINISHED)
			continue;
		if (random_below(3) == 0) {
			ck_assert_int_eq(pthread_create(&thread, NULL, compute_on, one), 0);
			pthread_join(thread, NULL);
		} else {
			compute_on(one);
		}
		left -= coro_status(one->co) == CORO_FINISHED;
	}
	for (int i = 0; i < 20; i++) {
		ck_assert_str_eq(all[i].value, "right");
		ck_assert_int_eq(coro_destroy(all[i].co), 0);
	}
}
END_TEST

static void recover_any(void *nothing)
{
	(void)nothing;
	coro_recover();
}

static void panic_number(uint64_t n)
{
	coro_panic((void *)(uintptr_t)n);
}

static void recover_below(uint64_t n)
{
	CORO_FRAME;

	if (coro_defer(recover_any, NULL, 0) == 0)
		are_kept(n + 1, panic_number);
}

static void recover_with_numbers(void *nothing)
{
	(void)nothing;
	for (uint64_t n = 1; n <= 100; n++)
		ck_assert(are_kept(n, recover_below));
}

START_TEST(test_what_calls_keep_is_kept_by_a_recovery)
{
	run_in_coro(recover_with_numbers, NULL);
}
END_TEST

static void stay_here(void *nothing)
{
	ck_assert_int_eq(coro_unlock_thread(), EPERM);
	ck_assert_int_eq(coro_lock_thread(), 0);
	ck_assert_int_eq(coro_lock_thread(), 0);
	coro_yield(nothing);
	ck_assert_int_eq(coro_unlock_thread(), 0);
	coro_yield(nothing);
	ck_assert_int_eq(coro_unlock_thread(), 0);
	coro_yield(nothing);
}

static void *resume_elsewhere(void *co)
{
	void *value = coro_resume(co, NULL);

	return (void *)(uintptr_t)(value == CORO_FAILED ? errno : 0);
}

static uintptr_t error_elsewhere(struct coro *co)
{
	pthread_t thread;
	void *error;

	ck_assert_int_eq(pthread_create(&thread, NULL, resume_elsewhere, co), 0);
	pthread_join(thread, &error);
	return (uintptr_t)error;
}

START_TEST(test_one_that_is_locked_stays_on_its_thread)
{
	struct coro *co = create_surely(NULL, stay_here, NULL);

	ck_assert_int_eq(coro_lock_thread(), EPERM);
	coro_resume(co, NULL);
	ck_assert_uint_eq(error_elsewhere(co), EPERM);
	coro_resume(co, NULL); /* locked twice, unlocked once */
	ck_assert_uint_eq(error_elsewhere(co), EPERM);
	coro_resume(co, NULL);
	ck_assert_uint_eq(error_elsewhere(co), 0);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(test_a_name_is_copied_and_cut)
{
	char name[] = "a name that is longer than there is room for, by far";
	struct coro_attr attr = {.name = name, .stack_bytes = 16 << 10};
	struct coro *co = create_surely(&attr, count_up, NULL);

	name[0] = 'A';
	ck_assert_str_eq(coro_name(co), "a name that is longer than ther");
	ck_assert_int_eq(coro_destroy(co), 0);
	co = create_surely(NULL, count_up, NULL);
	ck_assert_str_eq(coro_name(co), "");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* Sizes by chance; any may be resumed, cancelled, destroyed at any time. */
START_TEST(test_a_random_program_gives_all_back)
{
	static struct coro *all[MANY];
	static const size_t sizes[] = {0, 4 << 10, 16 << 10, 64 << 10, 256 << 10};
	uint64_t inuse_bytes, sys_bytes;

	for (int i = 0; i < STEPS; i++) {
		struct coro **one = &all[random_below(MANY)];
		struct coro_attr attr = {.stack_bytes = sizes[random_below(5)]};
		if (*one == NULL) {
			*one = create_surely(&attr, count_up, (void *)7);
		} else if (random_below(4) != 0) {
			ck_assert_ptr_ne(coro_resume(*one, (void *)1), CORO_FAILED);
		} else {
			ck_assert_int_eq(coro_destroy(*one), 0);
			*one = NULL;
		}
	}
	for (int i = 0; i < MANY; i++)
		if (all[i] != NULL)
			ck_assert_int_eq(coro_destroy(all[i]), 0);
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_le(inuse_bytes, 64 * CORO_STACK_BYTES); /* kept by the thread */
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("coro/coro", NULL, NULL);

	tcase_add_test(tests, test_values_pass_both_ways);
	tcase_add_test(tests, test_it_ends_by_return_or_exit);
	tcase_add_test(tests, test_a_dead_one_whose_stack_was_given_back_is_not_used_again);
	tcase_add_test(tests, test_coroutines_resume_others_to_any_depth);
	tcase_add_test(tests, test_two_change_places_under_one_resumer);
	tcase_add_test(tests, test_one_that_changed_places_is_seen_as_one_that_yielded);
	tcase_add_test(tests, test_what_cannot_be_is_told);
	tcase_add_test(tests, test_an_exit_outside_is_fatal);
	tcase_add_test(tests, test_a_cancelled_one_makes_its_deferred_calls);
	tcase_add_test(tests, test_what_calls_keep_is_kept_on_any_thread);
	tcase_add_test(tests, test_what_calls_keep_is_kept_by_a_recovery);
	tcase_add_test(tests, test_one_that_is_locked_stays_on_its_thread);
	tcase_add_test(tests, test_a_name_is_copied_and_cut);
	tcase_add_test(tests, test_an_overflow_says_whose_and_another_fault_is_one);
	tcase_add_test(tests, test_a_child_of_fork_goes_on);
	tcase_add_test(tests, test_one_that_is_being_cancelled_is_busy);
	tcase_add_test(tests, test_a_random_program_gives_all_back);
	return suite_end();
}
