/*
 * check_cache_read.c - heap/cache_read.c: reading figures while they change.
 *
 * Proves: what another thread, or a handler that interrupts the owner anywhere,
 * reads of a row is never out by more than the operations in flight.
 */
#include "heap/cache.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "heap/fastpath.h"
#include "heap/heap.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum { BYTES = 20000, HELD_MAX = 48, READS = 1000000, SIGNALS = 4000, STEPPED = 8 };

/* What the owner has begun and what it has finished: at every moment
   finished <= the truth <= begun. */
struct counts {
	uint64_t allocs_begun;
	uint64_t allocs_done;
	uint64_t frees_begun;
	uint64_t frees_done;
};

static struct counts counts;
static struct cache *owner;
static bool stop;
static uint64_t wrong, reads;
static sem_t answered;

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void count(uint64_t *word)
{
	__atomic_store_n(word, *word + 1, __ATOMIC_SEQ_CST);
}

/* Whether one reading lies within what was possible while it was made. */
static bool read_is_right(uint32_t class)
{
	uint64_t allocs_least = load(&counts.allocs_done), frees_least = load(&counts.frees_done);
	struct cache_row row = cache_read_row(owner, class);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint64_t frees_most = load(&counts.frees_begun), allocs_most = load(&counts.allocs_begun);

	reads++;
	return row.nmalloc >= allocs_least && row.nmalloc <= allocs_most &&
		row.live_objects >= (int64_t)allocs_least - (int64_t)frees_most &&
		row.live_objects <= (int64_t)allocs_most - (int64_t)frees_least;
}

static void *own(void *argument)
{
	void *objects[HELD_MAX];
	size_t held = 0;

	random_start(1);
	attach_surely();
	owner = cache_self;
	sem_post(argument);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (held < HELD_MAX && (held == 0 || random_below(2) == 0)) {
			count(&counts.allocs_begun);
			objects[held] = alloc_surely(BYTES);
			held++;
			count(&counts.allocs_done);
		} else {
			count(&counts.frees_begun);
			heap_free(objects[--held]);
			count(&counts.frees_done);
		}
	}
	while (held > 0)
		heap_free(objects[--held]);
	cache_detach();
	return NULL;
}

static pthread_t owner_start(void)
{
	pthread_t thread;
	sem_t ready;

	sem_init(&ready, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, own, &ready), 0);
	sem_wait(&ready);
	return thread;
}

static void owner_end(pthread_t thread)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

START_TEST(test_another_thread_reads_what_was_possible_meanwhile)
{
	pthread_t thread = owner_start();

	while (reads < READS)
		wrong += !read_is_right(size_class_of(BYTES));
	owner_end(thread);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

static void interrupt(int number)
{
	(void)number;
	wrong += !read_is_right(size_class_of(BYTES));
	sem_post(&answered);
}

START_TEST(test_a_handler_reads_all_but_the_operation_it_interrupts)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};

	sem_init(&answered, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	pthread_t thread = owner_start();
	for (int i = 0; i < SIGNALS; i++) {
		pthread_kill(thread, SIGUSR1);
		while (sem_wait(&answered) != 0)
			;
	}
	owner_end(thread);
	ck_assert_uint_eq(reads, SIGNALS);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

#if defined(__x86_64__)
static const bool CAN_STEP = true;

/* The processor traps after each instruction, or no longer. */
static void steps_begin(void)
{
	__asm__ volatile("subq $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
			 "addq $128, %%rsp" ::: "memory", "cc");
}

static void steps_end(void)
{
	__asm__ volatile("subq $128, %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
			 "addq $128, %%rsp" ::: "memory", "cc");
}
#else
static const bool CAN_STEP = false;

static void steps_begin(void)
{
}

static void steps_end(void)
{
}
#endif

static void step(int number)
{
	(void)number;
	wrong += !read_is_right(size_class_of(BYTES));
}

START_TEST(test_a_handler_after_each_instruction_reads_what_is_possible)
{
	struct sigaction action = {.sa_handler = step};
	void *objects[STEPPED];

	if (SUITE_IS_THREAD_SANITIZED)
		return; /* a thousand times the steps */
	attach_surely();
	owner = cache_self;
	sigaction(SIGTRAP, &action, NULL);
	heap_free(alloc_surely(1 << 20)); /* the pages are there: fewer steps */
	steps_begin();
	for (int i = 0; i < STEPPED; i++) {
		count(&counts.allocs_begun);
		objects[i] = heap_alloc(BYTES);
		if (objects[i] != NULL)
			count(&counts.allocs_done);
	}
	for (int i = 0; i < STEPPED; i++) {
		count(&counts.frees_begun);
		heap_free(objects[i]);
		if (objects[i] != NULL)
			count(&counts.frees_done);
	}
	steps_end();
	ck_assert_uint_eq(wrong, 0);
	ck_assert(reads > 2 * STEPPED || !CAN_STEP);
}
END_TEST

/* The owner stopped in between, as a handler finds it. */
START_TEST(test_a_row_in_the_midst_of_a_change_reads_as_before_it)
{
	uint32_t class = size_class_of(100), other = size_class_of(200);
	attach_surely();
	void *object = alloc_surely(100);
	struct cache *cache = cache_self;
	struct cache_row before = cache_read_row(cache, class), now;

	cache_change_begin(cache, class);
	cache->classes[class].net += 5;
	cache->classes[class].armed += 7;
	now = cache_read_row(cache, class);
	ck_assert_uint_eq(now.nmalloc, before.nmalloc);
	ck_assert_int_eq(now.live_objects, before.live_objects);
	ck_assert_uint_eq(cache_read_row(cache, other).nmalloc, 0);
	cache->classes[class].net -= 5;
	cache->classes[class].armed -= 7;
	cache_change_end(cache);
	now = cache_read_row(cache, class);
	ck_assert_uint_eq(now.nmalloc, before.nmalloc);
	heap_free(object);
}
END_TEST

START_TEST(test_the_sums_are_those_of_the_rows)
{
	attach_surely();
	void *small[3] = {alloc_surely(10), alloc_surely(1000), alloc_surely(1000)};
	void *large = alloc_surely(100000);

	heap_free(small[1]);
	struct cache_sums sums = cache_read_sums(cache_self);
	ck_assert_uint_eq(sums.nmalloc, 4);
	ck_assert_uint_eq(sums.nfree, 1);
	ck_assert_uint_eq(sums.total_alloc, 16 + 2 * 1024 + 13 * PAGE_BYTES);
	ck_assert_int_eq(sums.alloc, 16 + 1024 + 13 * PAGE_BYTES);
	heap_free(small[0]);
	heap_free(small[2]);
	heap_free(large);
	sums = cache_read_sums(cache_self);
	ck_assert_int_eq(sums.alloc, 0);
	ck_assert_uint_eq(sums.nfree, 4);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/cache_read", world_begin, world_end);

	tcase_add_test(tests, test_another_thread_reads_what_was_possible_meanwhile);
	tcase_add_test(tests, test_a_handler_reads_all_but_the_operation_it_interrupts);
	tcase_add_test(tests, test_a_handler_after_each_instruction_reads_what_is_possible);
	tcase_add_test(tests, test_a_row_in_the_midst_of_a_change_reads_as_before_it);
	tcase_add_test(tests, test_the_sums_are_those_of_the_rows);
	return suite_end();
}
