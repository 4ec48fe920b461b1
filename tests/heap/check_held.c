/*
 * check_held.c - heap/held.c.
 *
 * Proves: what was freed twice is found wherever both lie, in one magazine, in two threads'
 * or in the pool, and so is an address inside an object; nothing is found in a heap that
 * is used rightly, however many threads pass objects to each other meanwhile; a child of
 * a fork looks at what it freed itself, against all that is held.
 */
#include "heap/held.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/magazine.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BYTES = 48, THREADS = 4, PASSED = 64, LOOKS = 500, OBJECTS_MAX = 5000 };

static bool is_freed_twice;

/* Puts it into this thread's magazine as free() would; a torture build's is small. */
static void free_unseen(void *object)
{
	struct cache *cache = cache_self;
	uint32_t class = size_class_of(BYTES);

	if (!cache_push(cache, class, object)) {
		magazine_make_room(cache, class, NULL);
		ck_assert(cache_push(cache, class, object));
	}
}

static void found(const void *object, bool twice)
{
	ck_assert_ptr_eq(held_find_misused(&is_freed_twice), object);
	ck_assert_int_eq(is_freed_twice, twice);
}

START_TEST(test_nothing_is_found_where_nothing_is_wrong)
{
	static void *objects[OBJECTS_MAX];

	found(NULL, false); /* nor in a heap that nobody has used */
	for (int i = 0; i < OBJECTS_MAX; i++)
		objects[i] = alloc_surely(random_size(40000));
	for (int i = 0; i < OBJECTS_MAX; i++)
		if (random_below(4) != 0)
			heap_free(objects[i]);
	found(NULL, false);
	heap_reclaim(cache_self); /* all that was freed is home */
	found(NULL, false);
}
END_TEST

START_TEST(test_an_object_twice_in_one_magazine_is_found)
{
	void *object = alloc_surely(BYTES), *other = alloc_surely(BYTES);

	free_unseen(object);
	free_unseen(other);
	free_unseen(object);
	found(object, true);
}
END_TEST

START_TEST(test_an_address_inside_an_object_is_found)
{
	char *object = alloc_surely(BYTES);

	free_unseen(object + 16);
	found(object + 16, false);
}
END_TEST

START_TEST(test_what_is_home_and_held_is_found)
{
	void *object = alloc_surely(BYTES), *kept = alloc_surely(BYTES);

	heap_free(object);
	heap_trim(0);
	free_unseen(object);
	found(object, true);
	(void)kept; /* the span stays */
}
END_TEST

static void *object_of_both;
static pthread_barrier_t both;

static void *free_and_stay(void *argument)
{
	(void)argument;
	attach_surely();
	free_unseen(object_of_both);
	pthread_barrier_wait(&both); /* it is freed */
	pthread_barrier_wait(&both); /* it was looked at */
	return NULL;
}

START_TEST(test_an_object_in_two_living_threads_magazines_is_found)
{
	pthread_t thread;

	object_of_both = alloc_surely(BYTES);
	pthread_barrier_init(&both, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_and_stay, NULL), 0);
	pthread_barrier_wait(&both);
	found(NULL, false);
	free_unseen(object_of_both);
	found(object_of_both, true);
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
}
END_TEST

static void *free_and_end(void *argument)
{
	attach_surely();
	free_unseen(argument);
	cache_detach();
	return NULL;
}

START_TEST(test_what_an_ended_thread_freed_lies_in_the_pool_and_is_found)
{
	void *object = alloc_surely(BYTES);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, free_and_end, object), 0);
	pthread_join(thread, NULL);
	free_unseen(object);
	found(object, true);
}
END_TEST

static bool stop;
static void *passed[PASSED];

/* Whoever comes takes what another has left there, and frees it. */
static void *pass(void *argument)
{
	random_start((uintptr_t)argument);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *mine = heap_alloc(random_size(random_below(100) == 0 ? 100000 : 512));
		heap_free(__atomic_exchange_n(&passed[random_below(PASSED)], mine, __ATOMIC_ACQ_REL));
	}
	cache_detach();
	return NULL;
}

START_TEST(test_nothing_is_found_amid_objects_that_go_from_thread_to_thread)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, pass, (void *)(i + 1)), 0);
	for (int i = 0; i < LOOKS; i++) {
		found(NULL, false);
		sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	found(NULL, false);
	for (int i = 0; i < PASSED; i++)
		heap_free(passed[i]);
}
END_TEST

static int found_in_child(void *object)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		held_fork_child();
		if (object != NULL)
			free_unseen(object);
		_exit(held_find_misused(&is_freed_twice) != object);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

START_TEST(test_a_child_looks_at_what_it_freed_itself)
{
	void *object = alloc_surely(BYTES), *other = alloc_surely(BYTES);

	free_unseen(object);
	free_unseen(other);
	ck_assert_int_eq(found_in_child(object), 0);
	free_unseen(object);
	ck_assert_int_eq(found_in_child(NULL), 0);
	found(object, true);
}
END_TEST

START_TEST(test_a_class_that_somebody_works_on_is_passed_over)
{
	uint32_t class = size_class_of(BYTES);
	void *object = alloc_surely(BYTES), *other = alloc_surely(BYTES);

	free_unseen(object);
	free_unseen(other);
	free_unseen(object);
	central_lock(class);
	found(NULL, false);
	central_unlock(class);
	cache_self->sequence++; /* interrupted by a signal amid a slow path */
	found(NULL, false);
	cache_self->sequence++;
	found(object, true);
}
END_TEST

static void begin(void)
{
	world_begin();
	attach_surely();
}

int main(void)
{
	TCase *sound = suite_begin("heap/held", begin, world_end);
	tcase_add_test(sound, test_nothing_is_found_where_nothing_is_wrong);
	tcase_add_test(sound, test_nothing_is_found_amid_objects_that_go_from_thread_to_thread);

	/* What these leave behind no audit would pass. */
	TCase *misused = suite_case("misused", begin, NULL);
	tcase_add_test(misused, test_an_object_twice_in_one_magazine_is_found);
	tcase_add_test(misused, test_an_address_inside_an_object_is_found);
	tcase_add_test(misused, test_what_is_home_and_held_is_found);
	tcase_add_test(misused, test_an_object_in_two_living_threads_magazines_is_found);
	tcase_add_test(misused, test_what_an_ended_thread_freed_lies_in_the_pool_and_is_found);
	tcase_add_test(misused, test_a_child_looks_at_what_it_freed_itself);
	tcase_add_test(misused, test_a_class_that_somebody_works_on_is_passed_over);
	return suite_end();
}
