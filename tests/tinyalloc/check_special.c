/*
 * check_special.c - tinyalloc/special.c and special_pool.c.
 *
 * Proves: a finalizer runs once, when its object goes, whatever the object's kind and
 * whoever frees it, or never if it was cleared; what is no live object gets none; its
 * span's neighbours are allocated, freed and counted as ever; a random program of
 * several threads finds each that it set called once, with its own argument; a child that
 * nobody prepared may begin with any of it, whoever held which lock.
 */
#include "tinyalloc/special.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "heap/magazine.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"

enum { THREADS = 4, OBJECTS = 400, STEPS = 20000 };

/* What finalizers were called with. */
static struct {
	void *ptr;
	void *arg;
	uint32_t count;
} called;

static void note(void *ptr, void *arg)
{
	called.ptr = ptr;
	called.arg = arg;
	called.count++;
}

static void end(void)
{
	for (size_t page = 0; page < arena.page_count; page++)
		if (arena.spans[page].kind == SPAN_SMALL || arena.spans[page].kind == SPAN_LARGE)
			special_audit(&arena.spans[page]);
	world_end();
}

static int set_surely(void *ptr, finalizer_fn *finalizer, void *arg)
{
	int error;

	while ((error = special_set_finalizer(ptr, finalizer, arg)) == ENOMEM)
		ck_assert(is_excused());
	return error;
}

static void *make(size_t bytes, bool is_hinted)
{
	return is_hinted ? chars_surely(bytes) : alloc_surely(bytes);
}

static const size_t sizes[] = {1, 3, 8, 15, 16, 17, 100, 1000, 8192, 40000, 262144, 262145, 5000000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(test_it_runs_once_when_the_object_goes)   /* _i: size, hinted or not */
{
	char *ptr = make(sizes[_i / 2], _i % 2 == 1);
	uint32_t class = tally_class(ptr);

	ck_assert_int_eq(set_surely(ptr, note, &called), 0);
	ck_assert_uint_eq(arena.class_map[arena_page_of(ptr)], 0);
	memset(ptr, 1, sizes[_i / 2]);
	errno = 4711;
	object_free(ptr);
	ck_assert_int_eq(errno, 4711);
	ck_assert_uint_eq(called.count, 1);
	ck_assert_ptr_eq(called.ptr, ptr);
	ck_assert_ptr_eq(called.arg, &called);
	/* The span is as it was; the object's next life is none of ours. */
	if (class != 0 && sizes[_i / 2] >= 16)
		ck_assert_uint_ne(arena.class_map[arena_page_of(ptr)], 0);
	for (int i = 0; i < 3; i++)
		object_free(make(sizes[_i / 2], _i % 2 == 1));
	ck_assert_uint_eq(called.count, 1);
}
END_TEST

START_TEST(test_one_that_was_cleared_does_not_run)   /* _i: size, hinted or not */
{
	char *ptr = make(sizes[_i / 2], _i % 2 == 1);

	ck_assert_int_eq(special_clear_finalizer(ptr), ENOENT);
	ck_assert_int_eq(set_surely(ptr, note, NULL), 0);
	ck_assert_int_eq(set_surely(ptr, note, NULL), EEXIST);
	ck_assert_int_eq(special_clear_finalizer(ptr), 0);
	ck_assert_int_eq(special_clear_finalizer(ptr), ENOENT);
	object_free(ptr);
	ck_assert_uint_eq(called.count, 0);
}
END_TEST

START_TEST(test_realloc_takes_it_along)   /* _i: from which size to which */
{
	size_t from = sizes[_i / SIZES], to = sizes[_i % SIZES];
	char *ptr = alloc_surely(from), *moved;

	ck_assert_int_eq(set_surely(ptr, note, &called), 0);
	while ((moved = object_realloc(ptr, to, NULL)) == NULL)
		ck_assert(is_excused());
	ck_assert_uint_eq(called.count, 0);
	object_free(moved);
	ck_assert_uint_eq(called.count, 1);
	ck_assert_ptr_eq(called.ptr, moved);
}
END_TEST

START_TEST(test_bytes_that_realloc_takes_away_are_finalized)
{
	char *ptr = chars_surely(15), *moved;

	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(set_surely(ptr + i, note, ptr + i), 0);
	while ((moved = object_realloc(ptr, 10, NULL)) == NULL)
		ck_assert(is_excused());
	ck_assert_ptr_eq(moved, ptr);
	ck_assert_uint_eq(called.count, 5);
	ck_assert_ptr_eq(called.ptr, ptr + 14); /* in the order of their addresses */
	while ((moved = object_realloc(ptr, 100, NULL)) == NULL)
		ck_assert(is_excused());
	ck_assert_ptr_ne(moved, ptr);
	object_free(moved);
	ck_assert_uint_eq(called.count, 15);
	ck_assert_ptr_eq(called.ptr, moved + 9);
	ck_assert_ptr_eq(called.arg, ptr + 9);
}
END_TEST

static char in_data[64];

START_TEST(test_what_is_no_live_object_gets_none)
{
	struct mstat_snapshot before, after;
	char on_stack[64];

	heap_snapshot(&before);
	for (int i = 0; i < 2 * SIZES; i++) {
		size_t bytes = sizes[i / 2];
		bool is_tiny = i % 2 == 1 && bytes < 16;
		char *ptr = make(bytes, i % 2 == 1);
		if (bytes > 1)
			ck_assert_int_eq(set_surely(ptr + 1, note, NULL), is_tiny ? 0 : EINVAL);
		if (bytes > 1 && is_tiny)
			ck_assert_int_eq(special_clear_finalizer(ptr + 1), 0);
		ck_assert_int_eq(set_surely(ptr, NULL, NULL), EINVAL);
		object_free(ptr);
		ck_assert_int_eq(set_surely(ptr, note, NULL), EINVAL); /* in the magazine, or free */
		if (tally_class(make(bytes, false)) != 0)
			heap_reclaim(cache_self);
		ck_assert_int_eq(set_surely(ptr, note, NULL) == 0 ? special_clear_finalizer(ptr) : 0, 0);
	}
	ck_assert_int_eq(set_surely(NULL, note, NULL), EINVAL);
	ck_assert_int_eq(set_surely(on_stack, note, NULL), EINVAL);
	ck_assert_int_eq(set_surely(in_data, note, NULL), EINVAL);
	ck_assert_int_eq(set_surely((void *)1, note, NULL), EINVAL);
	ck_assert_int_eq(set_surely((void *)UINTPTR_MAX, note, NULL), EINVAL);
	ck_assert_int_eq(special_clear_finalizer(on_stack), ENOENT);
	ck_assert_int_eq(special_clear_finalizer(NULL), ENOENT);
	heap_snapshot(&after);
	ck_assert_uint_eq(called.count, 0);
}
END_TEST

static void *take_and_keep(void *slot)
{
	char **objects = slot;

	/* Both in the block that this thread goes on to cut up. */
	objects[0] = chars_surely(4);
	objects[1] = chars_surely(4);
	object_free(objects[1]);
	__atomic_store_n(&objects[2], objects[0], __ATOMIC_RELEASE);
	while (__atomic_load_n(&objects[2], __ATOMIC_ACQUIRE) != NULL)
		sched_yield();
	object_free(objects[0]);
	cache_detach();
	return NULL;
}

START_TEST(test_in_a_block_that_another_thread_cuts_up)
{
	char *objects[3] = {NULL};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, take_and_keep, objects), 0);
	while (__atomic_load_n(&objects[2], __ATOMIC_ACQUIRE) == NULL)
		sched_yield();
	ck_assert_int_eq(set_surely(objects[1], note, NULL), EINVAL);
	ck_assert_int_eq(set_surely(objects[0], note, objects), 0);
	__atomic_store_n(&objects[2], NULL, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(called.count, 1);
	ck_assert_ptr_eq(called.ptr, objects[0]);
}
END_TEST

/* Its neighbours in magazines, handed out and freed while it is there. */
START_TEST(test_neighbours_are_counted_as_ever)
{
	static struct tally tally;
	struct mstat_snapshot snapshot;
	void *objects[300];

	for (int i = 0; i < 300; i++) {
		objects[i] = alloc_surely(100);
		tally_alloc(&tally, objects[i]);
	}
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(set_surely(objects[150], note, NULL), 0);
		for (int i = 0; i < 3000; i++) {
			size_t which = random_below(300);
			if (which == 150)
				continue;
			tally_free(&tally, objects[which]);
			object_free(objects[which]);
			objects[which] = alloc_surely(100);
			tally_alloc(&tally, objects[which]);
		}
		heap_snapshot(&snapshot);
		tally_compare(&tally, &snapshot);
		heap_audit();
		ck_assert_int_eq(special_clear_finalizer(objects[150]), 0);
		heap_audit();
	}
	for (int i = 0; i < 300; i++) {
		tally_free(&tally, objects[i]);
		object_free(objects[i]);
	}
	heap_snapshot(&snapshot);
	tally_compare(&tally, &snapshot);
	ck_assert_uint_eq(called.count, 0);
}
END_TEST

/* A finalizer that allocates, frees, sets and clears finalizers of others, and at last
   of its own object. */
static void busy(void *ptr, void *arg)
{
	void *other = alloc_surely(100), *hinted = chars_surely(5);

	ck_assert_int_eq(set_surely(other, note, NULL), 0);
	ck_assert_int_eq(set_surely(hinted, note, NULL), 0);
	ck_assert_int_eq(special_clear_finalizer(hinted), 0);
	object_free(hinted);
	object_free(other);
	if (arg != NULL)
		ck_assert_int_eq(set_surely(arg, note, NULL), 0);
	ck_assert_int_eq(special_clear_finalizer(ptr), ENOENT);
	errno = 1;
}

START_TEST(test_a_finalizer_may_use_the_heap)
{
	void *neighbour = alloc_surely(100), *ptr = alloc_surely(100);

	ck_assert_int_eq(set_surely(ptr, busy, neighbour), 0);
	errno = 4711;
	object_free(ptr);
	ck_assert_int_eq(errno, 4711);
	ck_assert_uint_eq(called.count, 1);
	object_free(neighbour);
	ck_assert_uint_eq(called.count, 2);
}
END_TEST

/* Of a random program: who was told to be called, and was. */
struct owned {
	char *ptr;
	size_t bytes;
	bool is_hinted;
	uint32_t set_mask;     /* the bytes with a finalizer */
	uint32_t called_mask;
};

static struct owned owned[THREADS][OBJECTS];

static void tick(void *ptr, void *arg)
{
	struct owned *owner = arg;
	uint32_t bit = 1u << ((char *)ptr - owner->ptr);

	if ((owner->set_mask & bit) == 0 || (owner->called_mask & bit) != 0)
		ck_abort_msg("byte %zd was not set, or is called again", (char *)ptr - owner->ptr);
	owner->called_mask |= bit;
}

static void owned_step(struct owned *owner)
{
	int error;
	uint32_t byte = owner->is_hinted && owner->bytes < 16 ? (uint32_t)random_below(owner->bytes) : 0;

	switch (random_below(4)) {
	case 0:
		if ((error = set_surely(owner->ptr + byte, tick, owner)) !=
			((owner->set_mask >> byte & 1) != 0 ? EEXIST : 0))
			ck_abort_msg("set %p of %zu bytes: error %d", (void *)owner->ptr, owner->bytes,
				error);
		owner->set_mask |= 1u << byte;
		break;
	case 1:
		if (special_clear_finalizer(owner->ptr + byte) !=
			((owner->set_mask >> byte & 1) != 0 ? 0 : ENOENT))
			ck_abort_msg("clear");
		owner->set_mask &= ~(1u << byte);
		break;
	default:
		object_free(owner->ptr);
		if (owner->called_mask != owner->set_mask)
			ck_abort_msg("called %x of %x", owner->called_mask, owner->set_mask);
		owner->ptr = NULL;
	}
}

static void *act(void *index)
{
	struct owned *mine = owned[(uintptr_t)index];

	random_start((uintptr_t)index);
	for (int i = 0; i < STEPS; i++) {
		struct owned *owner = &mine[random_below(OBJECTS)];
		if (owner->ptr != NULL) {
			owned_step(owner);
			continue;
		}
		size_t bytes = random_size(random_below(50) == 0 ? 300000 : 40);
		bool is_hinted = random_below(2) == 0;
		*owner = (struct owned){.ptr = make(bytes, is_hinted), .bytes = bytes,
			.is_hinted = is_hinted};
	}
	for (int i = 0; i < OBJECTS; i++)
		if (mine[i].ptr != NULL)
			object_free(mine[i].ptr);
	cache_detach();
	return NULL;
}

START_TEST(test_a_random_program_of_threads)
{
	pthread_t threads[THREADS];
	struct mstat_snapshot before, after;

	heap_snapshot(&before);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, act, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	heap_snapshot(&after);
	ck_assert_uint_eq(after.alloc, before.alloc);
	for (size_t page = 0; page < arena.page_count; page++)
		ck_assert(arena.spans[page].kind != SPAN_SMALL || arena.spans[page].special == 0);
}
END_TEST

static void free_first(void *ptr)
{
	object_free(ptr);
}

static void realloc_first(void *ptr)
{
	object_free(object_realloc(ptr, 5000, NULL));
}

static void set_first(void *ptr)
{
	special_clear_finalizer(ptr);
	set_surely(ptr, note, NULL);
}

static void clear_first(void *ptr)
{
	special_clear_finalizer(ptr);
}

static void (*const firsts[])(void *) = {free_first, realloc_first, set_first, clear_first};

enum { FIRSTS = sizeof(firsts) / sizeof(firsts[0]) };

/* The locks are held by a thread that the child does not have. */
START_TEST(test_the_first_that_a_child_does)
{
	void *ptr = make(100, false);
	uint32_t class = span_of_small(ptr)->class;
	int status;

	ck_assert_int_eq(set_surely(ptr, note, NULL), 0);
	if (heap_process_is_asked())
		return; /* no word tells a child that it is one */
	heap_hooks.process_forked = special_fork_recover;
	central_lock(class);
	lock_acquire(&page_heap_lock);
	special_fork_prepare();
	pid_t child = fork();
	if (child == 0) {
		alarm(30);
		firsts[_i](ptr);
		heap_audit();
		_exit(0);
	}
	special_fork_end();
	lock_release(&page_heap_lock);
	central_unlock(class);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	object_free(ptr);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tinyalloc/special", hinted_begin, end);

	tcase_add_loop_test(tests, test_it_runs_once_when_the_object_goes, 0, 2 * SIZES);
	tcase_add_loop_test(tests, test_one_that_was_cleared_does_not_run, 0, 2 * SIZES);
	tcase_add_loop_test(tests, test_realloc_takes_it_along, 0, SIZES * SIZES);
	tcase_add_test(tests, test_bytes_that_realloc_takes_away_are_finalized);
	tcase_add_test(tests, test_what_is_no_live_object_gets_none);
	tcase_add_test(tests, test_in_a_block_that_another_thread_cuts_up);
	tcase_add_test(tests, test_neighbours_are_counted_as_ever);
	tcase_add_test(tests, test_a_finalizer_may_use_the_heap);
	tcase_add_test(tests, test_a_random_program_of_threads);
	tcase_add_loop_test(tests, test_the_first_that_a_child_does, 0, FIRSTS);
	return suite_end();
}
