/*
 * check_collect.c - profile/collect.c and profile/reach.c.
 *
 * Proves: an object that may be collected lives as long as any root leads to it, of
 * whatever kind, and is freed when none does, of whatever size; plain objects are never
 * collected and always looked into, hinted ones never; finalizers run once, may make
 * their object known again, and find what it leads to.
 *
 * A pointer that is looked for is conservative: one that a register happened to keep
 * holds its object.  So what must go is tested by the hundred, and most must go.
 */
#include "profile/collect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/snapshot.h"
#include "profile/world.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

enum { COUNT = 200, MOST = COUNT * 9 / 10, HIDING = 0x5555 };

static void begin(void)
{
	hinted_begin();
	world_init(SIGRTMIN + 5, sigaction);
}

static uint64_t live_bytes(void)
{
	struct mstat_snapshot snapshot;

	heap_snapshot(&snapshot);
	return snapshot.alloc;
}

static const size_t sizes[] = {1, 8, 15, 16, 24, 100, 1000, 10000, 40000, 262144, 300000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static NOINLINE void make_and_forget(size_t bytes, bool is_noscan)
{
	for (int i = 0; i < COUNT; i++) {
		char *ptr = collectable_surely(bytes, is_noscan);
		ck_assert(is_zero(ptr, bytes));
		memset(ptr, 0x77, bytes);
	}
}

START_TEST(test_what_nothing_leads_to_goes)   /* _i: size, hinted or not */
{
	size_t bytes = sizes[_i / 2];

	uint64_t before = live_bytes();
	make_and_forget(bytes, _i % 2 == 1);
	uint64_t full = live_bytes() - before;
	ck_assert_uint_ge(collect_surely(), MOST);
	ck_assert_uint_le(live_bytes() - before, full / 10);
	collect_surely();
	/* The books say the same, and what is free is handed out again. */
	heap_audit();
	make_and_forget(bytes, _i % 2 == 1);
	ck_assert_uint_ge(collect_surely(), MOST);
}
END_TEST

/* Who died, by the number that its finalizer was given. */
static uint32_t died[COUNT];

static void note_death(void *ptr, void *arg)
{
	(void)ptr;
	died[(uintptr_t)arg]++;
}

static uint32_t dead_count(void)
{
	uint32_t count = 0;

	for (int i = 0; i < COUNT; i++) {
		ck_assert_uint_le(died[i], 1);
		count += died[i];
	}
	return count;
}

static void *watched(size_t bytes, bool is_noscan, uintptr_t number)
{
	void *ptr = collectable_surely(bytes, is_noscan);
	int error;

	while ((error = special_set_finalizer(ptr, note_death, (void *)number)) == ENOMEM)
		ck_assert(is_excused());
	ck_assert_int_eq(error, 0);
	return ptr;
}

/* Places that a program keeps pointers in. */
static void *in_data[COUNT] = {(void *)1};
static void *in_zeros[COUNT];
static THREAD_LOCAL void *in_thread[COUNT];

enum place { DATA, ZEROS, THREAD, STACK, PLAIN, PLAIN_LARGE, LIBC, MAPPED, INNER, CHAIN, PLACES };

static void **place_open(enum place place)
{
	switch (place) {
	case DATA:
		return in_data;
	case ZEROS:
	case INNER:
	case CHAIN:
		return in_zeros;
	case THREAD:
		return in_thread;
	case PLAIN:
		return alloc_surely(COUNT * sizeof(void *));
	case PLAIN_LARGE:
		return alloc_surely(5 << 20);
	case LIBC:
		return calloc(COUNT, sizeof(void *));
	default:
		return mmap(NULL, COUNT * sizeof(void *), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
}

static NOINLINE void place_fill(void **slots, enum place place)
{
	for (uintptr_t i = 0; i < COUNT; i++) {
		char *ptr = watched(100, false, i);
		slots[i] = place == INNER ? ptr + 99 : ptr;
		if (place == CHAIN && i > 0) {
			((void **)ptr)[6] = slots[i - 1];
			slots[i - 1] = NULL;
		}
	}
}

static void place_hold(void **slots, enum place place)
{
	memset(died, 0, sizeof(died));
	place_fill(slots, place);
	for (int i = 0; i < 2; i++)
		collect_surely();
	ck_assert_uint_eq(dead_count(), 0);
	for (int i = 0; i < COUNT; i++)
		slots[i] = NULL;
	for (int i = 0; i < COUNT + 5 && dead_count() < MOST; i++)
		if (collect_surely() == 0 && place != CHAIN)
			break;
	ck_assert_uint_ge(dead_count(), MOST);
}

START_TEST(test_a_root_holds_what_it_leads_to)   /* _i: which place */
{
	void *on_stack[COUNT];

	place_hold(_i == STACK ? on_stack : place_open((enum place)_i), (enum place)_i);
}
END_TEST

static pthread_barrier_t barrier;

static void *hold_elsewhere(void *argument)
{
	void *on_stack[COUNT];
	void **slots = argument != NULL ? in_thread : on_stack;

	attach_surely();
	place_fill(slots, STACK);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < COUNT; i++)
		slots[i] = NULL;
	stack_clear();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	cache_detach();
	return NULL;
}

START_TEST(test_another_threads_stack_is_a_root)   /* _i: or what is the thread's own */
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, hold_elsewhere, _i == 1 ? died : NULL), 0);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2; i++)
		collect_surely();
	ck_assert_uint_eq(dead_count(), 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 3; i++)
		collect_surely();
	ck_assert_uint_ge(dead_count(), MOST);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}
END_TEST

static NOINLINE void hide_in_hinted(void **slots, size_t bytes, bool is_collectable)
{
	for (uintptr_t i = 0; i < COUNT; i++) {
		slots[i] = is_collectable ? collectable_surely(bytes, true)
					  : object_alloc_noscan(bytes, 8);
		void *ptr = watched(64, false, i);
		memcpy(slots[i], &ptr, sizeof(void *));
	}
}

START_TEST(test_hinted_objects_are_not_looked_into)   /* _i: size, may be collected or not */
{
	static const size_t hinted[] = {8, 64, 5000, 300000};
	static void *slots[COUNT];

	hide_in_hinted(slots, hinted[_i / 2], _i % 2 == 1);
	for (int i = 0; i < 3; i++)
		collect_surely();
	ck_assert_uint_ge(dead_count(), MOST);
}
END_TEST

static NOINLINE void make_plain(uintptr_t *hidden)
{
	for (int i = 0; i < COUNT; i++) {
		size_t bytes = sizes[(size_t)i % SIZES];
		char *ptr = i % 2 == 0 ? alloc_surely(bytes) : object_alloc_noscan(bytes, 1);
		ck_assert_ptr_nonnull(ptr);
		fill(ptr, bytes, (uint64_t)i);
		hidden[i] = (uintptr_t)ptr ^ HIDING;
	}
}

START_TEST(test_what_may_not_be_collected_stays)
{
	static uintptr_t hidden[COUNT];

	if (is_excused())
		return;
	make_plain(hidden);
	uint64_t before = live_bytes();
	ck_assert_uint_eq(collect_surely(), 0);
	ck_assert_uint_eq(live_bytes(), before);
	for (int i = 0; i < COUNT; i++) {
		size_t bytes = sizes[(size_t)i % SIZES];
		char *ptr = (char *)(hidden[i] ^ HIDING);
		ck_assert_uint_eq(filled(ptr, bytes, bytes, (uint64_t)i), bytes);
		object_free(ptr);
	}
}
END_TEST

static void *saved;

static void save(void *ptr, void *arg)
{
	(void)arg;
	saved = ptr;
}

static NOINLINE void make_saved(void)
{
	char *ptr = collectable_surely(64, false);

	memset(ptr, 0x3c, 64);
	special_set_finalizer(ptr, save, NULL);
	memset(collectable_surely(64, false), 1, 64); /* what registers hold goes on */
}

START_TEST(test_a_finalizer_may_make_its_object_known_again)
{
	for (int tries = 0; tries < 10 && saved == NULL; tries++) {
		make_saved();
		for (int i = 0; i < 2; i++)
			collect_surely();
	}
	ck_assert_ptr_nonnull(saved);
	for (int i = 0; i < 3; i++)
		collect_surely();
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(((char *)saved)[i], 0x3c);
	ck_assert(object_lookup(saved, NULL, NULL));
}
END_TEST

struct link {
	struct link *next;
	uint64_t number;
};

static uint32_t chains_seen;

/* What the object leads to is there, whole. */
static void walk_chain(void *ptr, void *arg)
{
	uint64_t count = 0;

	for (const struct link *link = ptr; link != NULL; link = link->next, count++)
		if (link->number != count)
			ck_abort_msg("a link of a chain was taken");
	if (count != (uintptr_t)arg)
		ck_abort_msg("%lu links of %lu", count, (uintptr_t)arg);
	chains_seen++;
}

static NOINLINE void make_chains(void)
{
	for (int i = 0; i < COUNT; i++) {
		struct link *first = collectable_surely(sizeof(*first), false), *last = first;
		for (uint64_t number = 1; number < 50; number++) {
			last->next = collectable_surely(sizeof(*last), false);
			last = last->next;
			last->number = number;
		}
		while (special_set_finalizer(first, walk_chain, (void *)50) != 0)
			ck_assert(is_excused());
	}
}

START_TEST(test_what_a_finalizer_may_see_is_there)
{
	uint64_t before = live_bytes();

	make_chains();
	collect_surely();
	ck_assert_uint_ge(chains_seen, MOST);
	ck_assert_uint_ge(live_bytes() - before, (uint64_t)COUNT * 50 * 16);
	collect_surely();
	ck_assert_uint_le(live_bytes() - before, (uint64_t)COUNT * 50 * 16 / 10);
}
END_TEST

/* A pair that leads to each other, and a ring of many. */
static NOINLINE void make_rings(void)
{
	for (int i = 0; i < COUNT; i++) {
		struct link *first = collectable_surely(sizeof(*first), false), *last = first;
		for (int j = 0; j < i; j++) {
			last->next = collectable_surely(sizeof(*last), false);
			last = last->next;
		}
		last->next = first;
	}
}

START_TEST(test_rings_go)
{
	uint64_t before = live_bytes();

	make_rings();
	ck_assert_uint_ge(collect_surely(), (uint64_t)COUNT * (COUNT + 1) / 2 * 8 / 10);
	ck_assert_uint_le(live_bytes() - before, (uint64_t)COUNT * COUNT / 2 * 16 / 5);
}
END_TEST

static NOINLINE void make_and_free(void)
{
	for (int i = 0; i < 2 * SIZES; i++) {
		size_t bytes = sizes[i / 2];
		char *ptr = collectable_surely(bytes, i % 2 == 1), *moved;
		ck_assert_uint_ge(object_usable_bytes(ptr, NULL), bytes);
		memset(ptr, 7, bytes);
		while ((moved = object_realloc(ptr, 3 * bytes, NULL)) == NULL)
			ck_assert(is_excused());
		for (size_t at = 0; at < bytes; at++)
			if (moved[at] != 7)
				ck_abort_msg("byte %zu of %zu was lost", at, bytes);
		/* It is what it was. */
		ck_assert(span_is_collectable(span_containing(moved)));
		ck_assert(object_is_noscan(moved) == (i % 2 == 1));
		object_free(moved);
	}
}

START_TEST(test_the_program_may_free_what_could_be_collected)
{
	uint64_t before = live_bytes();

	make_and_free();
	collect_surely(); /* the block that this thread cut up is left */
	ck_assert_uint_le(live_bytes(), before + 16);
}
END_TEST

static volatile sig_atomic_t told;

static void on_child(int number)
{
	told = number;
}

START_TEST(test_nobody_sees_the_copy)
{
	signal(SIGCHLD, on_child);
	collect_surely();
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(told, 0);
	signal(SIGCHLD, SIG_IGN);
	collect_surely();
}
END_TEST

START_TEST(test_a_child_of_a_fork_collects_for_itself)
{
	make_and_forget(100, false);
	heap_fork_prepare();
	pid_t child = fork();
	if (child == 0) {
		uint64_t count = 0;
		int error;
		heap_fork_child();
		collect_forget();
		stack_clear();
		while ((error = collect_now(&count)) == ENOMEM && is_excused())
			refusal_pass();
		_exit(error == 0 && count >= MOST ? 0 : 1);
	}
	heap_fork_parent();
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ge(collect_surely(), MOST);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/collect", begin, world_end);

	tcase_add_loop_test(tests, test_what_nothing_leads_to_goes, 0, 2 * SIZES);
	tcase_add_loop_test(tests, test_a_root_holds_what_it_leads_to, 0, PLACES);
	tcase_add_loop_test(tests, test_another_threads_stack_is_a_root, 0, 2);
	tcase_add_loop_test(tests, test_hinted_objects_are_not_looked_into, 0, 8);
	tcase_add_test(tests, test_what_may_not_be_collected_stays);
	tcase_add_test(tests, test_a_finalizer_may_make_its_object_known_again);
	tcase_add_test(tests, test_what_a_finalizer_may_see_is_there);
	tcase_add_test(tests, test_rings_go);
	tcase_add_test(tests, test_the_program_may_free_what_could_be_collected);
	tcase_add_test(tests, test_nobody_sees_the_copy);
	tcase_add_test(tests, test_a_child_of_a_fork_collects_for_itself);
	return suite_end();
}
