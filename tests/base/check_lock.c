/*
 * check_lock.c - base/lock.c.
 *
 * Proves: one holder at a time, and nobody sleeps for ever, with more threads than
 * processors; debug builds refuse a wrong order; a reset lock is free.
 */
#include "base/lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sched.h>

#include "base/config.h"
#include "tests/suite.h"

enum { THREADS = 8, TURNS = 20000 };

static struct lock lock;

/* What is done here with locks no checker can follow. */
static void take(struct lock *which) UNCHECKED_LOCKING
{
	lock_acquire(which);
}

static void leave(struct lock *which) UNCHECKED_LOCKING
{
	lock_release(which);
}

static bool try(struct lock *which) UNCHECKED_LOCKING
{
	return lock_try(which);
}

static uint64_t total;
static int inside;
static bool was_shared;

static void *take_turns(void *argument)
{
	for (int i = 0; i < TURNS; i++) {
		lock_acquire(&lock);
		if (inside++ != 0)
			was_shared = true;
		total++;
		if (i % 512 == 0)
			sched_yield(); /* let the others find it held, and sleep */
		inside--;
		lock_release(&lock);
	}
	return argument;
}

static void *try_turns(void *argument)
{
	uint64_t *got = argument;

	for (int i = 0; i < TURNS; i++) {
		if (!lock_try(&lock))
			continue;
		if (inside++ != 0)
			was_shared = true;
		total++;
		(*got)++;
		inside--;
		lock_release(&lock);
	}
	return NULL;
}

START_TEST(test_one_thread_holds_it_at_a_time)
{
	pthread_t threads[THREADS], trier;
	uint64_t tried = 0;

	lock_init(&lock, LOCK_RANK_PAGES);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_turns, NULL), 0);
	ck_assert_int_eq(pthread_create(&trier, NULL, try_turns, &tried), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(trier, NULL);
	ck_assert(!was_shared);
	ck_assert_uint_eq(total, THREADS * TURNS + tried);
	ck_assert_uint_eq(lock.state, 0);
}
END_TEST

START_TEST(test_trying_does_not_wait)
{
	lock_init(&lock, LOCK_RANK_PAGES);
	ck_assert(try(&lock));
	ck_assert(!try(&lock));
	leave(&lock);
	ck_assert(try(&lock));
	leave(&lock);
}
END_TEST

START_TEST(test_a_reset_lock_is_free)
{
	lock_init(&lock, LOCK_RANK_PAGES);
	take(&lock);
	lock_reset(&lock);
	ck_assert(try(&lock));
	leave(&lock);
}
END_TEST

START_TEST(test_errno_is_left_alone)
{
	pthread_t thread;

	lock_init(&lock, LOCK_RANK_PAGES);
	take(&lock);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_turns, NULL), 0);
	for (int i = 0; i < 100; i++)
		sched_yield();
	errno = 99;
	leave(&lock);
	for (int i = 0; i < 1000; i++) {
		take(&lock);
		leave(&lock);
	}
	ck_assert_int_eq(errno, 99);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(test_locks_are_taken_in_rising_rank)
{
	struct lock locks[6];

	for (uint32_t rank = 1; rank <= 6; rank++)
		lock_init(&locks[rank - 1], (enum lock_rank)rank);
	for (int i = 0; i < 6; i++)
		take(&locks[i]);
	for (int i = 5; i >= 0; i--)
		leave(&locks[i]);
	/* One left out, and released in the other order. */
	take(&locks[1]);
	take(&locks[4]);
	leave(&locks[1]);
	leave(&locks[4]);
	take(&locks[0]);
	leave(&locks[0]);
}
END_TEST

START_TEST(test_a_wrong_order_is_fatal_in_debug_builds)
{
	struct lock low, high;

	lock_init(&low, LOCK_RANK_CENTRAL);
	lock_init(&high, LOCK_RANK_PAGES);
	take(&high);
	take(&low);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/lock", NULL, NULL);

	tcase_add_test(tests, test_one_thread_holds_it_at_a_time);
	tcase_add_test(tests, test_trying_does_not_wait);
	tcase_add_test(tests, test_a_reset_lock_is_free);
	tcase_add_test(tests, test_errno_is_left_alone);
	tcase_add_test(tests, test_locks_are_taken_in_rising_rank);
	if (CONFIG_DEBUG)
		tcase_add_test_raise_signal(tests, test_a_wrong_order_is_fatal_in_debug_builds, SIGABRT);
	return suite_end();
}
