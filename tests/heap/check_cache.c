/*
 * check_cache.c - heap/cache.c, and a fork among caches.
 *
 * Proves: a thread has a slot from its first use to its end, and the next thread
 * goes on with its sums; magazines overlap nobody's; who has no cache goes by the
 * shared one; the child of a fork gives back what other threads held, and finds a
 * heap in order however busy they were, whether the fork was prepared or not; its
 * threads can use the slots of those that were opening theirs.
 */
#include "heap/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"
#include "base/os.h"
#include "heap/arena.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/recover.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum {
	THREADS = 3,
	FORKS = 30,
	BARE_FORKS = 150,
	OBJECTS = 64,    /* of a thread in the storm */
	OPEN_OBJECTS = 400,
	OPENERS = 6,
	OPENINGS = 100,
	OPENINGS_NS = 1000 * 1000 * 1000
};

/* Runs to its end in a thread of its own. */
static void in_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
	pthread_join(thread, NULL);
}

START_TEST(test_slot_0_is_nobodys)
{
	attach_surely();
	ck_assert_ptr_ne(cache_self, &cache_none);
	ck_assert_uint_eq(cache_self->index, 1);
	ck_assert_ptr_eq(cache_at(1), cache_self);
	ck_assert_int_eq(cache_self->state, CACHE_LIVE);
	ck_assert_int_eq(cache_at(CACHE_SHARED)->state, CACHE_NEVER);
	ck_assert_uint_eq(cache_count(), 2);
	ck_assert_uint_eq(cache_live_count(), 1);
}
END_TEST

START_TEST(test_magazines_overlap_nobodys)
{
	attach_surely();
	while (!cache_open_hinted(cache_self))
		ck_assert(is_excused());
	void **slots = cache_slots(cache_self), **last = (void **)(cache_self + 1);

	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++) {
		const struct magazine *magazine = &cache_self->magazines[class];
		void **bottom = slots + magazine->bottom;
		ck_assert(bottom >= last);
		ck_assert_ptr_null(*bottom);
		ck_assert_uint_eq(magazine->top, magazine->bottom);
		ck_assert_uint_eq(magazine->limit, magazine->bottom + cache_first_objects(class));
		last = bottom + 1 + cache_most_objects(class);
	}
	ck_assert((char *)last <= (char *)cache_at(cache_self->index + 1));
}
END_TEST

static void has_no_room(struct cache *cache, uint32_t class)
{
	const struct magazine *magazine = &cache->magazines[class];

	ck_assert_uint_eq(magazine->top, magazine->bottom);
	ck_assert_uint_eq(magazine->top, magazine->limit);
	ck_assert_ptr_null(cache_slots(cache)[magazine->top]);
}

START_TEST(test_what_is_unusual_has_no_room)
{
	for (uint32_t class = 0; class < SIZE_CLASS_COUNT; class++)
		has_no_room((struct cache *)&cache_none, class);
	attach_surely();
	has_no_room(cache_self, 0);
	for (uint32_t class = SIZED_CLASS_COUNT; class < SIZE_CLASS_COUNT; class++)
		has_no_room(cache_self, class);
	has_no_room(cache_at(CACHE_SHARED), 0);
}
END_TEST

static void *use_and_leave(void *argument)
{
	struct cache **slot = argument;
	void *objects[20];

	attach_surely();
	for (int i = 0; i < 20; i++)
		objects[i] = alloc_surely(100);
	*slot = cache_self;
	for (int i = 0; i < 20; i++)
		heap_free(objects[i]);
	cache_detach();
	ck_assert_ptr_eq(cache_self, &cache_none);
	ck_assert(!cache_attach());
	return NULL;
}

START_TEST(test_the_next_thread_goes_on_with_the_sums)
{
	struct cache *first, *second;

	in_thread(use_and_leave, &first);
	ck_assert_int_eq(first->state, CACHE_ENDED);
	ck_assert_uint_eq(cache_live_count(), 0);
	struct cache_sums sums = cache_read_sums(first);
	ck_assert_uint_eq(sums.nmalloc, 20);
	ck_assert_uint_eq(sums.nfree, 20);
	ck_assert_int_eq(sums.alloc, 0);
	for (uint32_t class = 1; class < SIZE_CLASS_COUNT; class++)
		ck_assert_uint_eq(cache_held(first, class), 0);

	in_thread(use_and_leave, &second);
	ck_assert_ptr_eq(second, first);
	ck_assert_uint_eq(cache_read_sums(second).nmalloc, 40);
	ck_assert_uint_eq(second->base.nmalloc, 20);
	ck_assert_uint_eq(second->base.nfree, 20);
	ck_assert_uint_eq(second->base.total_alloc, sums.total_alloc);
}
END_TEST

static void *use_after_leaving(void *argument)
{
	void *object;

	attach_surely();
	object = alloc_surely(100);
	cache_detach();
	heap_free(object);
	object = alloc_surely(100);
	heap_free(object);
	object = alloc_surely(100000);
	heap_free(object);
	ck_assert_ptr_eq(cache_self, &cache_none);
	return argument;
}

START_TEST(test_a_thread_at_its_end_goes_by_the_shared_cache)
{
	in_thread(use_after_leaving, NULL);
	struct cache_sums shared = cache_read_sums(cache_at(CACHE_SHARED));
	ck_assert_uint_eq(shared.nmalloc, 2);
	ck_assert_uint_eq(shared.nfree, 3);
	ck_assert_int_eq(shared.alloc, -(int64_t)size_classes[size_class_of(100)].object_bytes);
	ck_assert_int_eq(cache_at(CACHE_SHARED)->state, CACHE_LIVE);
	ck_assert_uint_eq(cache_live_count(), 0); /* no thread of its own */
}
END_TEST

static int attached_count;

static void attached(void)
{
	ck_assert_ptr_ne(cache_self, &cache_none);
	__atomic_fetch_add(&attached_count, 1, __ATOMIC_RELAXED);
}

START_TEST(test_each_thread_is_announced_once)
{
	struct cache *slot;

	heap_hooks.thread_attached = attached;
	for (int i = 0; i < 3; i++)
		in_thread(use_and_leave, &slot);
	heap_free(alloc_surely(1));
	heap_free(alloc_surely(1));
	ck_assert_int_eq(attached_count, 4);
}
END_TEST

/* Threads that allocate until they are told to stop, and hold objects meanwhile. */
static bool stop;
static uint32_t running;

static void *storm(void *argument)
{
	void *objects[OBJECTS] = {NULL};

	random_start((uintptr_t)argument);
	__atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		size_t which = random_below(OBJECTS);
		heap_free(objects[which]);
		objects[which] = heap_alloc(random_size(random_below(50) == 0 ? 1 << 20 : 4096));
	}
	for (int i = 0; i < OBJECTS; i++)
		heap_free(objects[i]);
	cache_detach();
	return NULL;
}

static int forked_count;

static void forked(void)
{
	forked_count++;
}

/* Of which a span holds few: spans are made and given up all the time. */
static const size_t span_sizes[] = {6000, 7000, 8000, 5000, 12000, 14000};

enum { SPAN_SIZES = sizeof(span_sizes) / sizeof(span_sizes[0]) };

static void spans_turn_over(size_t bytes, int count)
{
	void *objects[OPEN_OBJECTS];

	for (int i = 0; i < count; i++)
		objects[i] = heap_alloc(bytes);
	for (int i = 0; i < count; i++)
		heap_free(objects[i]);
}

/* In the child: its own heap, all of it, at once.  No assertion: Check's belong
   to the parent. */
static _Noreturn void child_run(void)
{
	struct mstat_snapshot snapshot;
	void *objects[200];
	bool good = true;

	heap_audit();
	good = good && cache_live_count() == (cache_self != &cache_none);
	for (int i = 0; i < 200; i++) {
		objects[i] = heap_alloc(random_size(100000));
		good = good && (objects[i] != NULL || is_excused());
	}
	for (int i = 0; i < 200; i++)
		heap_free(objects[i]);
	for (size_t i = 0; i < SPAN_SIZES; i++)
		spans_turn_over(span_sizes[i], OPEN_OBJECTS / 4);
	for (uint32_t index = 0; index < cache_count(); index++)
		good = good && (cache_at(index)->sequence & 1) == 0;
	heap_snapshot(&snapshot);
	good = good && snapshot.heap_inuse == snapshot.heap_alloc + snapshot.span_free_bytes;
	heap_audit();
	_exit(good ? 0 : 1);
}

static pid_t fork_in(bool is_prepared)
{
	if (is_prepared)
		heap_fork_prepare();
	pid_t child = fork();
	if (child != 0 && is_prepared)
		heap_fork_parent();
	if (child == 0 && is_prepared)
		heap_fork_child();
	if (child == 0 && !is_prepared) {
		heap_process_is_known();
		heap_fork_recover();
	}
	return child;
}

static void child_join(pid_t child)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
}

static void *span_storm(void *argument)
{
	__atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
	for (size_t round = (uintptr_t)argument; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++)
		spans_turn_over(span_sizes[round % SPAN_SIZES], OPEN_OBJECTS);
	cache_detach();
	return NULL;
}

static void storm_begin(pthread_t threads[THREADS], void *(*run)(void *))
{
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
	while (__atomic_load_n(&running, __ATOMIC_RELAXED) < THREADS)
		sched_yield();
}

static void storm_end(pthread_t threads[THREADS])
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(test_a_fork_amid_a_storm_leaves_both_heaps_in_order)
{
	pthread_t threads[THREADS];

	storm_begin(threads, storm);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork_in(true);
		if (child == 0)
			child_run();
		child_join(child);
		heap_free(alloc_surely(100));
	}
	storm_end(threads);
}
END_TEST

/* What a thread was in the middle of is seen to, of each lock that it held. */
START_TEST(test_a_fork_amid_a_storm_that_nobody_prepared_leaves_a_heap_in_order)
{
	pthread_t threads[THREADS];

	storm_begin(threads, _i == 0 ? storm : span_storm);
	for (int i = 0; i < BARE_FORKS; i++) {
		pid_t child = fork_in(false);
		if (child == 0)
			child_run();
		child_join(child);
		heap_free(alloc_surely(100));
	}
	storm_end(threads);
}
END_TEST

START_TEST(test_a_child_that_no_handler_saw_is_noticed)
{
	struct cache *slot;
	void *object = alloc_surely(100);

	in_thread(use_and_leave, &slot);
	heap_hooks.process_forked = forked;
	pid_t child = fork();
	if (child == 0) {
		heap_free(alloc_surely(40000)); /* a slow path */
		/* In torture builds the word that tells may have been refused. */
		if (forked_count != 1 && !is_excused())
			_exit(2);
		child_run();
	}
	child_join(child);
	heap_free(alloc_surely(40000));
	ck_assert_int_eq(forked_count, 0);
	heap_free(object);
}
END_TEST

enum { POPPED_BYTES = 24, TAKEN = 6000 };

static uint32_t popped_state;

/* Stands between the fast path's subtraction, which ended the countdown, and the slow
   path, which takes what was popped. */
static void *stand_at_the_event(void *argument)
{
	uint32_t class = size_class_of(POPPED_BYTES);
	void *objects[8];

	attach_surely();
	for (int i = 0; i < 8; i++)
		objects[i] = alloc_surely(POPPED_BYTES);
	for (int i = 0; i < 8; i++)
		heap_free(objects[i]);
	struct magazine *magazine = &cache_self->magazines[class];
	cache_self->classes[class].armed -= (uint64_t)magazine->until;
	magazine->until = 0;
	ck_assert(cache_pop(cache_self, class) == NULL || !CONFIG_BOOKS);
	__atomic_store_n(&popped_state, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&popped_state, __ATOMIC_ACQUIRE) == 1)
		sched_yield();
	heap_free(heap_alloc_slow(POPPED_BYTES));
	cache_detach();
	return argument;
}

static int compare_pointers(const void *a, const void *b)
{
	const char *left = *(char *const *)a, *right = *(char *const *)b;

	return (left > right) - (left < right);
}

static void *take_many(void *argument)
{
	static void *objects[TAKEN];
	bool *twice = argument;

	for (int i = 0; i < TAKEN; i++)
		objects[i] = heap_alloc(POPPED_BYTES);
	qsort(objects, TAKEN, sizeof(objects[0]), compare_pointers);
	for (int i = 1; i < TAKEN; i++)
		*twice = *twice || (objects[i] == objects[i - 1] && objects[i] != NULL);
	return NULL;
}

START_TEST(test_what_a_thread_had_just_popped_is_nobodys_in_the_child)
{
	pthread_t thread, young;

	if (SUITE_IS_THREAD_SANITIZED)
		return; /* which has no threads in a child */
	ck_assert_int_eq(pthread_create(&thread, NULL, stand_at_the_event, NULL), 0);
	while (__atomic_load_n(&popped_state, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	pid_t child = fork_in(true);
	if (child == 0) {
		bool twice = false;
		pthread_create(&young, NULL, take_many, &twice);
		pthread_join(young, NULL);
		heap_audit();
		_exit(twice ? 1 : 0);
	}
	__atomic_store_n(&popped_state, 2, __ATOMIC_RELEASE);
	child_join(child);
	pthread_join(thread, NULL);
}
END_TEST

/* Threads that are let go all at once. */
static bool go;
static uint32_t ready, opened, refused;

static void *open_hinted(void *argument)
{
	attach_surely();
	__atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&go, __ATOMIC_RELAXED))
		sched_yield();
	void *object = heap_alloc_noscan(100);
	if (object == NULL && !is_excused())
		__atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
	heap_free(object);
	/* Keeps its slot until each has had one. */
	__atomic_fetch_add(&opened, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&opened, __ATOMIC_RELAXED) < OPENERS)
		sched_yield();
	cache_detach();
	return argument;
}

static void openers_begin(pthread_t threads[OPENERS])
{
	ready = opened = 0;
	go = false;
	for (int i = 0; i < OPENERS; i++)
		if (pthread_create(&threads[i], NULL, open_hinted, NULL) != 0)
			_exit(3);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < OPENERS)
		sched_yield();
	__atomic_store_n(&go, true, __ATOMIC_RELAXED);
}

static void openers_end(pthread_t threads[OPENERS])
{
	for (int i = 0; i < OPENERS; i++)
		pthread_join(threads[i], NULL);
}

/* In a child, whose threads open their slots for the first time: a fork amid that. */
static _Noreturn void fork_amid_openings(bool is_prepared, size_t spins)
{
	pthread_t threads[OPENERS];
	int status = 0;

	openers_begin(threads);
	for (size_t i = 0; i < spins; i++)
		__asm__ volatile("" ::: "memory");
	pid_t child = fork_in(is_prepared);
	if (child == 0) {
		openers_begin(threads);
		openers_end(threads);
		heap_audit();
		_exit(refused == 0 ? 0 : 1);
	}
	openers_end(threads);
	waitpid(child, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
}

START_TEST(test_a_fork_amid_threads_that_open_their_slots)
{
	if (SUITE_IS_THREAD_SANITIZED)
		return; /* which has no threads in a child */
	uint64_t end_ns = os_coarse_ns() + OPENINGS_NS; /* on a busy machine there are fewer */
	heap_free(alloc_surely(100));
	for (int i = 0; i < OPENINGS && os_coarse_ns() < end_ns; i++) {
		size_t spins = random_size(1 << 18);
		pid_t child = fork_in(true);
		if (child == 0)
			fork_amid_openings(_i == 0, spins);
		child_join(child);
	}
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/cache", world_begin, world_end);

	tcase_add_test(tests, test_slot_0_is_nobodys);
	tcase_add_test(tests, test_magazines_overlap_nobodys);
	tcase_add_test(tests, test_what_is_unusual_has_no_room);
	tcase_add_test(tests, test_the_next_thread_goes_on_with_the_sums);
	tcase_add_test(tests, test_a_thread_at_its_end_goes_by_the_shared_cache);
	tcase_add_test(tests, test_each_thread_is_announced_once);
	tcase_add_test(tests, test_a_fork_amid_a_storm_leaves_both_heaps_in_order);
	tcase_add_loop_test(tests,
		test_a_fork_amid_a_storm_that_nobody_prepared_leaves_a_heap_in_order, 0, 2);
	tcase_add_test(tests, test_a_child_that_no_handler_saw_is_noticed);
	tcase_add_test(tests, test_what_a_thread_had_just_popped_is_nobodys_in_the_child);
	tcase_add_loop_test(tests, test_a_fork_amid_threads_that_open_their_slots, 0, 2);
	return suite_end();
}
