/*
 * check_key.c - coro/key.c.
 *
 * Proves: each coroutine and each thread has values of its own; their destructors are
 * called however it ends, on it and after its deferred calls, and again for what they
 * set, four times at most; a key that takes the place of a deleted one finds nothing.
 */
#include "coro/key.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/config.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

static coro_key key, other_key;
static uint32_t destroyed;
static uintptr_t destroyed_sum;

static void destroy(void *value)
{
	ck_assert_ptr_null(coro_getspecific(key));
	destroyed++;
	destroyed_sum += (uintptr_t)value;
}

static void begin(void)
{
	destroyed = 0;
	destroyed_sum = 0;
	ck_assert_int_eq(coro_key_create(&key, destroy), 0);
	ck_assert_int_eq(coro_key_create(&other_key, NULL), 0);
}

static void end(void)
{
	ck_assert_int_eq(coro_setspecific(key, NULL), 0);
	ck_assert_int_eq(coro_setspecific(other_key, NULL), 0);
	ck_assert_int_eq(coro_key_delete(key), 0);
	ck_assert_int_eq(coro_key_delete(other_key), 0);
}

static void set_surely(coro_key by, uintptr_t value)
{
	int error;

	while ((error = coro_setspecific(by, (void *)value)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, 0);
}

static uintptr_t get(coro_key by)
{
	return (uintptr_t)coro_getspecific(by);
}

static void set_and_yield(void *value)
{
	ck_assert_uint_eq(get(key), 0);
	set_surely(key, (uintptr_t)value);
	set_surely(other_key, 1000 + (uintptr_t)value);
	coro_yield(NULL);
	ck_assert_uint_eq(get(key), (uintptr_t)value);
	ck_assert_uint_eq(get(other_key), 1000 + (uintptr_t)value);
}

START_TEST(test_each_has_its_own)
{
	struct coro *cos[20];

	ck_assert_uint_eq(get(key), 0);
	set_surely(key, 77);
	for (int round = 0; round < 3; round++) {
		for (uintptr_t i = 0; i < 20; i++) {
			cos[i] = create_surely(NULL, set_and_yield, (void *)(i + 1));
			coro_resume(cos[i], NULL);
			ck_assert_uint_eq(get(key), 77);
		}
		for (uintptr_t i = 0; i < 20; i++) {
			ck_assert_ptr_null(coro_resume(cos[i], NULL));
			ck_assert_int_eq(coro_destroy(cos[i]), 0);
		}
	}
	ck_assert_uint_eq(destroyed, 60);
	ck_assert_uint_eq(destroyed_sum, 3 * 20 * 21 / 2);
	ck_assert_uint_eq(get(key), 77);
}
END_TEST

static void *get_in_foreign(void *unused)
{
	return unused == NULL ? coro_getspecific(key) : NULL;
}

static void set_and_call(void *unused)
{
	(void)unused;
	set_surely(key, 5);
	ck_assert_uint_eq((uintptr_t)coro_foreign(get_in_foreign, NULL), 5);
}

START_TEST(test_foreign_code_has_the_coroutines)
{
	run_in_coro(set_and_call, NULL);
	ck_assert_uint_eq(destroyed_sum, 5);
}
END_TEST

/* ---- the ways to end ----------------------------------------------------------- */

static void check_not_destroyed(void *was)
{
	ck_assert_uint_eq(destroyed, *(uint32_t *)was);
	ck_assert_uint_eq(get(key), 9);
}

static void end_so(void *how)
{
	CORO_FRAME;

	coro_defer(check_not_destroyed, &destroyed, sizeof(destroyed));
	set_surely(key, 9);
	switch ((uintptr_t)how) {
	case 0:
		return;
	case 1:
		coro_exit(NULL);
	default:
		coro_yield(NULL);
	}
}

START_TEST(test_every_way_to_end_destroys_after_the_deferred_calls)
{
	for (uintptr_t how = 0; how < 4; how++) {
		struct coro *co = create_surely(NULL, end_so, (void *)how);
		coro_resume(co, NULL);
		if (how == 2) {
			ck_assert_uint_eq(destroyed, 2);
			ck_assert_int_eq(coro_cancel(co), 0);
			ck_assert_uint_eq(destroyed, 3);
		}
		ck_assert_int_eq(coro_destroy(co), 0);
		ck_assert_uint_eq(destroyed, how + 1);
		ck_assert_uint_eq(destroyed_sum, 9 * (how + 1));
	}
}
END_TEST

static void *set_in_thread(void *value)
{
	ck_assert_uint_eq(get(key), 0);
	set_surely(key, (uintptr_t)value);
	return coro_getspecific(key);
}

START_TEST(test_the_end_of_a_thread_destroys_its_own)
{
	pthread_t thread;
	void *value;

	for (uintptr_t i = 1; i <= 3; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, set_in_thread, (void *)i), 0);
		ck_assert_int_eq(pthread_join(thread, &value), 0);
		ck_assert_uint_eq((uintptr_t)value, i);
		ck_assert_uint_eq(destroyed, i);
	}
	ck_assert_uint_eq(destroyed_sum, 6);
}
END_TEST

/* ---- destructors that do more ------------------------------------------------------ */

static coro_key again_key;
static uint32_t agains;

static void set_again(void *value)
{
	agains++;
	set_surely(again_key, (uintptr_t)value);
}

static void set_one(void *unused)
{
	(void)unused;
	set_surely(again_key, 1);
}

static void exit_again(void *value)
{
	agains++;
	set_surely(again_key, (uintptr_t)value);
	coro_exit(NULL);
}

START_TEST(test_values_set_by_destructors_have_four_rounds)
{
	static void (*const destructors[])(void *) = {set_again, exit_again};

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_key_create(&again_key, destructors[i]), 0);
		for (int round = 0; round < 2; round++) {
			agains = 0;
			run_in_coro(set_one, NULL);
			ck_assert_uint_eq(agains, 4);
		}
		ck_assert_int_eq(coro_key_delete(again_key), 0);
	}
}
END_TEST

enum { EXITING = 8 };

static coro_key exiting_keys[EXITING];

static void count_and_exit(void *value)
{
	agains++;
	coro_exit(value);
}

static void set_exiting(void *unused)
{
	(void)unused;
	for (int i = 0; i < EXITING; i++)
		set_surely(exiting_keys[i], 1);
}

START_TEST(test_a_destructor_that_exits_leaves_the_others_to_be_called)
{
	for (int i = 0; i < EXITING; i++)
		ck_assert_int_eq(coro_key_create(&exiting_keys[i], count_and_exit), 0);
	struct coro *co = create_surely(NULL, set_exiting, NULL);

	agains = 0;
	coro_resume(co, NULL);
	ck_assert_uint_eq(agains, EXITING);
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
	for (int i = 0; i < EXITING; i++)
		ck_assert_int_eq(coro_key_delete(exiting_keys[i]), 0);
}
END_TEST

static void yield_once(void *value)
{
	ck_assert_ptr_eq(coro_yield(NULL), value);
}

START_TEST(test_a_destructor_may_yield)
{
	ck_assert_int_eq(coro_key_create(&again_key, yield_once), 0);
	struct coro *co = create_surely(NULL, set_one, NULL);

	coro_resume(co, NULL);
	ck_assert_int_eq(coro_status(co), CORO_SUSPENDED);
	ck_assert_ptr_null(coro_resume(co, (void *)1));
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);

	co = create_surely(NULL, set_one, NULL);
	coro_resume(co, NULL);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_int_eq(coro_key_delete(again_key), 0);
}
END_TEST

static uint32_t deferred;

static void count_deferred(void *unused)
{
	(void)unused;
	deferred++;
}

static void panic_and_recover(void *unused)
{
	(void)unused;
	deferred++;
	ck_assert_str_eq(coro_recover(), "at the end");
}

static void defer_and_panic(void *value)
{
	CORO_FRAME;

	(void)value;
	coro_defer(count_deferred, NULL, 0);
	if (coro_defer(panic_and_recover, NULL, 0) == 0)
		coro_panic((void *)"at the end");
}

static void set_one_and_exit(void *unused)
{
	set_one(unused);
	coro_exit(NULL);
}

START_TEST(test_a_destructor_may_defer_and_panic)
{
	ck_assert_int_eq(coro_key_create(&again_key, defer_and_panic), 0);
	run_in_coro(set_one, NULL);
	ck_assert_uint_eq(deferred, 2);
	run_in_coro(set_one_and_exit, NULL);
	ck_assert_uint_eq(deferred, 4);
	ck_assert_int_eq(coro_key_delete(again_key), 0);
}
END_TEST

/* ---- keys ----------------------------------------------------------------------- */

static void keep_a_deleted_keys_value(void *unused)
{
	coro_key deleted;

	(void)unused;
	ck_assert_int_eq(coro_key_create(&deleted, destroy), 0);
	set_surely(deleted, 5);
	ck_assert_int_eq(coro_key_delete(deleted), 0);
	ck_assert_int_eq(coro_key_create(&again_key, set_again), 0);
	ck_assert_uint_eq(get(again_key), 0);
	ck_assert_uint_ne(again_key, deleted);
	ck_assert_int_eq(coro_setspecific(deleted, (void *)6), EINVAL);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(coro_key_delete(deleted), EINVAL);
	ck_assert_int_eq(coro_key_delete(again_key), 0);
}

START_TEST(test_what_a_deleted_key_left_is_nobodys)
{
	agains = 0;
	run_in_coro(keep_a_deleted_keys_value, NULL);
	ck_assert_uint_eq(agains, 0);
	ck_assert_uint_eq(destroyed, 0);
}
END_TEST

static coro_key all[CORO_KEYS_MAX];

static void set_all(void *count)
{
	for (uintptr_t i = 0; i < (uintptr_t)count; i++)
		set_surely(all[i], i + 1);
	for (uintptr_t i = 0; i < (uintptr_t)count; i++)
		ck_assert_uint_eq(get(all[i]), i + 1);
}

START_TEST(test_there_are_so_many_and_no_more)
{
	uintptr_t count = 0;
	coro_key one_more;

	while (count < CORO_KEYS_MAX && coro_key_create(&all[count], destroy) == 0)
		count++;
	ck_assert_uint_eq(count, CORO_KEYS_MAX - 2); /* and those that every test has */
	ck_assert_int_eq(coro_key_create(&one_more, NULL), EAGAIN);
	ck_assert_int_eq(errno, EAGAIN);
	run_in_coro(set_all, (void *)count);
	ck_assert_uint_eq(destroyed, count);
	for (uintptr_t i = 0; i < count; i++)
		ck_assert_int_eq(coro_key_delete(all[i]), 0);
}
END_TEST

START_TEST(test_what_is_no_key_is_told)
{
	ck_assert_int_eq(coro_key_create(NULL, NULL), EINVAL);
	ck_assert_int_eq(coro_key_delete(0), EINVAL);
	ck_assert_int_eq(coro_key_delete(UINT64_MAX), EINVAL);
	ck_assert_int_eq(coro_setspecific(0, NULL), EINVAL);
	ck_assert_int_eq(coro_setspecific(UINT64_MAX, NULL), EINVAL);
	ck_assert_uint_eq(get(0), 0);
	ck_assert_uint_eq(get(UINT64_MAX), 0);
}
END_TEST

/* ---- threads that make and delete them at one time ------------------------------------ */

enum { ROUNDS = 20000 };

static void never(void *value)
{
	ck_abort_msg("another key's destructor got %p", value);
}

static void use_own(void *own)
{
	set_surely(*(const coro_key *)own, 1);
}

static void *make_and_delete(void *result)
{
	coro_key own;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 2 == 0) {
			ck_assert_int_eq(coro_key_create(&own, never), 0);
			ck_assert_uint_eq(get(own), 0);
		} else {
			ck_assert_int_eq(coro_key_create(&own, NULL), 0);
			run_in_coro(use_own, &own);
		}
		ck_assert_int_eq(coro_key_delete(own), 0);
	}
	return result;
}

START_TEST(test_threads_make_and_delete_them)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, make_and_delete, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("coro/key", begin, end);

	tcase_add_test(tests, test_each_has_its_own);
	tcase_add_test(tests, test_foreign_code_has_the_coroutines);
	tcase_add_test(tests, test_every_way_to_end_destroys_after_the_deferred_calls);
	tcase_add_test(tests, test_the_end_of_a_thread_destroys_its_own);
	tcase_add_test(tests, test_values_set_by_destructors_have_four_rounds);
	tcase_add_test(tests, test_a_destructor_that_exits_leaves_the_others_to_be_called);
	tcase_add_test(tests, test_a_destructor_may_yield);
	tcase_add_test(tests, test_a_destructor_may_defer_and_panic);
	tcase_add_test(tests, test_what_a_deleted_key_left_is_nobodys);
	tcase_add_test(tests, test_there_are_so_many_and_no_more);
	tcase_add_test(tests, test_what_is_no_key_is_told);
	tcase_add_test(tests, test_threads_make_and_delete_them);
	return suite_end();
}
