/*
 * check_world.c - profile/world.c.
 *
 * Proves: all threads stand still, with what they hold to be seen, and then go on,
 * whatever they were doing: computing, waiting in system calls, being born or ending; a
 * thread that does not stop is given up in time, and nothing is left behind.
 */
#include "profile/world.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/poll.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "heap/fastpath.h"
#include "profile/collect.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

enum { THREADS = 8, STOPS = 60, STOP_SIGNAL = 50 };

static void begin(void)
{
	hinted_begin();
	world_init(STOP_SIGNAL, sigaction);
}

static void nothing(void *arg)
{
	(void)arg;
}

static int stop(void (*when_still)(void *), void *arg)
{
	struct world_job job = {.when_still = when_still, .in_copy = nothing, .arg = arg};
	pid_t copy;
	int error = world_copy(&job, &copy);

	if (error == 0)
		ck_assert(world_wait(copy));
	return error;
}

static bool ends;
static uint64_t steps[THREADS];

static void *compute(void *step)
{
	while (!__atomic_load_n(&ends, __ATOMIC_RELAXED))
		__atomic_fetch_add((uint64_t *)step, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Nothing moves while all stand still. */
static void watch_them(void *arg)
{
	uint64_t before[THREADS];
	struct timespec moment = {.tv_nsec = 3000000};
	uint32_t count;

	(void)arg;
	memcpy(before, steps, sizeof(before));
	nanosleep(&moment, NULL);
	if (memcmp(before, steps, sizeof(before)) != 0)
		ck_abort_msg("a thread goes on");
	const struct world_thread *threads = world_threads(&count);
	for (uint32_t i = 1; i < count; i++)
		if (threads[i].stack_pointer == 0 || threads[i].stack_pointer > threads[i].thread_pointer)
			ck_abort_msg("thread %u stands nowhere", i);
	ck_assert_uint_eq(count, THREADS + 1);
}

static void threads_begin(pthread_t threads[THREADS], void *(*run)(void *))
{
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &steps[i]), 0);
}

static void threads_end(pthread_t threads[THREADS])
{
	__atomic_store_n(&ends, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(test_all_stand_still_and_go_on)
{
	pthread_t threads[THREADS];

	threads_begin(threads, compute);
	for (int i = 0; i < STOPS; i++)
		ck_assert_int_eq(stop(watch_them, NULL), 0);
	uint64_t before = __atomic_load_n(&steps[0], __ATOMIC_RELAXED);
	while (__atomic_load_n(&steps[0], __ATOMIC_RELAXED) == before)
		sched_yield();
	threads_end(threads);
}
END_TEST

static int pipe_ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *wait_for_byte(void *step)
{
	char byte;
	ssize_t got;

	*(uint64_t *)step = 1;
	while ((got = read(pipe_ends[0], &byte, 1)) < 0)
		ck_assert_int_eq(errno, EINTR);
	return got == 1 ? step : NULL;
}

static void *wait_for_condition(void *step)
{
	pthread_mutex_lock(&mutex);
	*(uint64_t *)step = 1;
	while (!__atomic_load_n(&ends, __ATOMIC_RELAXED))
		pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
	return step;
}

static void *wait_for_time(void *step)
{
	struct timespec rest = {.tv_nsec = 300000000};

	*(uint64_t *)step = 1;
	while (nanosleep(&rest, &rest) != 0)
		ck_assert_int_eq(errno, EINTR);
	return step;
}

static void *wait_for_poll(void *step)
{
	struct pollfd none = {.fd = -1};

	*(uint64_t *)step = 1;
	while (poll(&none, 1, 200) != 0)
		ck_assert_int_eq(errno, EINTR);
	return step;
}

START_TEST(test_system_calls_go_on_or_say_so)
{
	static void *(*const waits[])(void *) = {wait_for_byte, wait_for_condition, wait_for_time,
		wait_for_poll};
	pthread_t threads[4];
	void *result;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, waits[i], &steps[i]), 0);
	for (int i = 0; i < 4; i++)
		while (__atomic_load_n((volatile uint64_t *)&steps[i], __ATOMIC_RELAXED) == 0)
			sched_yield();
	for (int i = 0; i < STOPS; i++)
		ck_assert_int_eq(stop(nothing, NULL), 0);
	ck_assert_int_eq(write(pipe_ends[1], "", 1), 1);
	pthread_mutex_lock(&mutex);
	__atomic_store_n(&ends, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&condition);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
	}
}
END_TEST

static void *live_briefly(void *argument)
{
	return argument;
}

/* Threads are born and end all the time. */
static void *give_birth(void *step)
{
	while (!__atomic_load_n(&ends, __ATOMIC_RELAXED)) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, live_briefly, NULL) == 0)
			pthread_join(thread, NULL);
		(*(uint64_t *)step)++;
	}
	return NULL;
}

START_TEST(test_threads_that_are_born_and_end)
{
	pthread_t threads[THREADS];

	threads_begin(threads, give_birth);
	for (int i = 0; i < STOPS; i++)
		ck_assert_int_eq(stop(nothing, NULL), 0);
	threads_end(threads);
}
END_TEST

/* Each holds a chain of objects by nothing but its own stack, and looks at it. */
struct link {
	struct link *next;
	uint64_t number;
};

static NOINLINE void chain_live(uint64_t length)
{
	struct link *first = NULL;

	for (uint64_t i = 0; i < length; i++) {
		struct link *link = collectable_surely(sizeof(*link), false);
		link->next = first;
		link->number = i;
		first = link;
	}
	for (uint64_t i = length; i > 0; i--, first = first->next)
		if (first->number != i - 1)
			ck_abort_msg("a live link was collected");
}

static void *live_with_chains(void *step)
{
	const struct timespec rest = {.tv_nsec = 200000}; /* one sweeps after eight */

	random_start((uintptr_t)step);
	while (!__atomic_load_n(&ends, __ATOMIC_RELAXED)) {
		chain_live(1 + random_below(300));
		nanosleep(&rest, NULL);
	}
	cache_detach();
	return NULL;
}

static void *live_with_a_chain(void *argument)
{
	chain_live(100);
	cache_detach();
	return argument;
}

START_TEST(test_what_threads_hold_outlives_every_collection)
{
	pthread_t threads[THREADS], young;
	uint64_t count, all = 0;

	threads_begin(threads, live_with_chains);
	for (int i = 0; i < STOPS; i++) {
		ck_assert_int_eq(pthread_create(&young, NULL, live_with_a_chain, NULL), 0);
		int error = collect_now(&count);
		ck_assert(error == 0 || (error == ENOMEM && is_excused()));
		all += count;
		pthread_join(young, NULL);
	}
	threads_end(threads);
	ck_assert_uint_gt(all, 0);
}
END_TEST

static void *block_signals(void *step)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return compute(step);
}

START_TEST(test_a_thread_that_does_not_stop_is_given_up)
{
	pthread_t threads[THREADS], deaf;
	uint64_t deaf_steps = 0, count;

	threads_begin(threads, compute);
	ck_assert_int_eq(pthread_create(&deaf, NULL, block_signals, &deaf_steps), 0);
	while (__atomic_load_n(&deaf_steps, __ATOMIC_RELAXED) == 0)
		sched_yield();
	ck_assert_int_eq(stop(nothing, NULL), ETIMEDOUT);
	ck_assert_int_eq(collect_now(&count), ETIMEDOUT);
	ck_assert_uint_eq(count, 0);
	/* The others went on, and what was sent to it does nothing once it is let in. */
	uint64_t before = __atomic_load_n(&steps[3], __ATOMIC_RELAXED);
	while (__atomic_load_n(&steps[3], __ATOMIC_RELAXED) == before)
		sched_yield();
	threads_end(threads);
	pthread_join(deaf, NULL);
	ck_assert_int_eq(stop(nothing, NULL), 0);
}
END_TEST

static void *block_then_listen(void *step)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	*(uint64_t *)step = 1;
	while (!__atomic_load_n(&ends, __ATOMIC_RELAXED))
		sched_yield();
	pthread_sigmask(SIG_SETMASK, &before, NULL); /* the late signals arrive */
	*(uint64_t *)step = 2;
	while (__atomic_load_n((uint64_t *)step, __ATOMIC_RELAXED) == 2)
		sched_yield();
	return step;
}

START_TEST(test_a_signal_that_comes_too_late_does_nothing)
{
	pthread_t thread;
	uint64_t step = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, block_then_listen, &step), 0);
	while (__atomic_load_n(&step, __ATOMIC_RELAXED) == 0)
		sched_yield();
	ck_assert_int_eq(stop(nothing, NULL), ETIMEDOUT);
	__atomic_store_n(&ends, true, __ATOMIC_RELAXED);
	while (__atomic_load_n(&step, __ATOMIC_RELAXED) == 1)
		sched_yield();
	ck_assert_int_eq(stop(nothing, NULL), 0); /* it listens now */
	__atomic_store_n(&step, 3, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}
END_TEST

static void programs_own(int number)
{
	(void)number;
}

START_TEST(test_a_signal_of_the_programs_is_not_taken)
{
	uint64_t count;

	signal(STOP_SIGNAL, programs_own);
	ck_assert_int_eq(stop(nothing, NULL), EBUSY);
	ck_assert_int_eq(collect_now(&count), EBUSY);
	signal(STOP_SIGNAL, SIG_DFL);
	ck_assert_int_eq(stop(nothing, NULL), 0);
	/* And what others send is no stop. */
	union sigval value = {.sival_int = 7};
	ck_assert_int_eq(sigqueue(getpid(), STOP_SIGNAL, value), 0);
	ck_assert_int_eq(kill(getpid(), STOP_SIGNAL), 0);
	ck_assert_int_eq(stop(nothing, NULL), 0);
}
END_TEST

static void *collect_too(void *result)
{
	uint64_t count;

	*(int *)result = collect_now(&count);
	return NULL;
}

static uint32_t collecting;
static int second_result = -1;

static void collect_again(void *ptr, void *arg)
{
	pthread_t thread;
	uint64_t count;

	(void)ptr;
	(void)arg;
	collecting++;
	ck_assert_int_eq(collect_now(&count), EBUSY); /* from a finalizer */
	pthread_create(&thread, NULL, collect_too, &second_result);
	pthread_join(thread, NULL);
}

static NOINLINE void make_collecting(void)
{
	for (int i = 0; i < 20; i++) {
		void *ptr = object_alloc_collectable(100, false);
		if (ptr != NULL)
			special_set_finalizer(ptr, collect_again, NULL);
	}
}

START_TEST(test_one_collection_at_a_time)
{
	uint64_t count;

	make_collecting();
	while (collect_now(&count) == ENOMEM)
		refusal_pass();
	ck_assert_uint_gt(collecting, 0);
	ck_assert_int_eq(second_result, EBUSY);
	while (collect_now(&count) == ENOMEM)
		refusal_pass();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/world", begin, NULL);

	tcase_add_test(tests, test_all_stand_still_and_go_on);
	tcase_add_test(tests, test_system_calls_go_on_or_say_so);
	tcase_add_test(tests, test_threads_that_are_born_and_end);
	tcase_add_test(tests, test_what_threads_hold_outlives_every_collection);
	tcase_add_test(tests, test_a_thread_that_does_not_stop_is_given_up);
	tcase_add_test(tests, test_a_signal_that_comes_too_late_does_nothing);
	tcase_add_test(tests, test_a_signal_of_the_programs_is_not_taken);
	tcase_add_test(tests, test_one_collection_at_a_time);
	return suite_end();
}
