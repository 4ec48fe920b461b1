/*
 * check_stack.c - check/stack.h.
 *
 * Proves: whatever was looked at before, and kept, the number of a call leads to the callers that
 * a look of its own finds: from random depths, from the same depth by other ways, in threads,
 * and with frames in between that have no callers of ours; the same call has the same number.
 */
#include "check/stack.h"

#include <pthread.h>

#include "base/config.h"
#include "heap/slowpath.h"
#include "profile/frames.h"
#include "tests/suite.h"

/* As many as there is room for their frames. */
enum { CALLS = 1000, THREADS = 4, THREAD_CALLS = 300, DEPTH_MOST = 100 };

static __thread uint64_t way;
static __thread const char *wrong;

static unsigned way_next(unsigned below)
{
	way = way * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(way >> 40) % below;
}

/* The callers of this, by number and by a look. */
static NOINLINE void compare(void)
{
	static __thread struct backtrace trace;
	struct backtrace_place place = backtrace_place_here();
	uint32_t number = stack_number(place);

	if (stack_number(place) != number)
		wrong = "the same call has another number";
	backtrace_capture(&trace);
	uint32_t i = 1; /* 0 is this one */
	for (; number != 0 && number != BOX_FRAME_CUT; number = frames_at(number)->caller, i++)
		if (i < trace.count ? frame_address(frames_at(number)) != trace.pcs[i] : !trace.is_cut)
			wrong = "a caller is another";
	if (i < trace.count && !trace.is_cut)
		wrong = "there are callers more";
	/* Where memory is refused now and then there is no room for all of them: that nothing
	   else goes wrong is left. */
	if (CONFIG_TORTURE)
		wrong = NULL;
}

static NOINLINE void go_even(unsigned depth);
static NOINLINE void go_odd(unsigned depth);

/* So that no call is the last thing that is done. */
static volatile unsigned done;

static NOINLINE void go_on(unsigned depth)
{
	if (depth == 0)
		compare();
	else if (way_next(2) == 0)
		go_even(depth - 1);
	else
		go_odd(depth - 1);
	done++;
}

static NOINLINE void go_even(unsigned depth)
{
	volatile char room[24] = {0};

	go_on(depth);
	done += (unsigned)room[depth % 24];
}

static NOINLINE void go_odd(unsigned depth)
{
	volatile char room[104] = {0};

	go_on(depth);
	go_on(depth / 4);
	done += (unsigned)room[depth % 104];
}

START_TEST(test_a_number_leads_to_the_callers)
{
	way = (uint64_t)_i + 1;
	for (int i = 0; i < CALLS && wrong == NULL; i++)
		go_on(way_next(i % 50 == 0 ? DEPTH_MOST : 12));
	ck_assert_msg(wrong == NULL, "%s", wrong);
}
END_TEST

static void *run(void *seed)
{
	way = (uintptr_t)seed;
	for (int i = 0; i < THREAD_CALLS && wrong == NULL; i++)
		go_on(way_next(12));
	return (void *)wrong;
}

START_TEST(test_threads_keep_their_own)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		void *said;
		pthread_join(threads[i], &said);
		ck_assert_msg(said == NULL, "%s", (const char *)said);
	}
}
END_TEST

static void init(void)
{
	wrong = NULL;
	if (heap_init()) {
		struct cache *cache = heap_cache_acquire();
		if (cache != NULL)
			heap_cache_release(cache);
	}
}

int main(void)
{
	TCase *tests = suite_begin("check/stack", init, NULL);

	tcase_add_loop_test(tests, test_a_number_leads_to_the_callers, 0, 20);
	tcase_add_test(tests, test_threads_keep_their_own);
	return suite_end();
}
