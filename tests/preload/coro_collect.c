/*
 * coro_collect.c - collections in a program that has coroutines.
 *
 * Proves: what only a coroutine's stack leads to is in reach, wherever the coroutine
 * stands: suspended, waiting, in a callback, in foreign code, running on this thread or
 * another; so is what leads from a deferred call's arguments, a value by key, the
 * argument of one that was never resumed, and the stack that a thread left for a
 * coroutine.  What only a finished one's stack leads to is not, nor what lies below where
 * a stack was left.
 *
 * What is left on stacks and in registers may hold some: of what must go, most must.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "include/mstat.h"
#include "include/mstat_coro.h"
#include "tests/preload/tap.h"

enum { COUNT = 100, MOST = COUNT * 9 / 10, DEEP = 30, BYTES = 48 };

#pragma weak mstat_alloc
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set

enum group {
	SUSPENDED, WAITING, RUNNING, CALLED_BACK, FOREIGN, OTHER_THREAD, DEFERRED, BY_KEY, ARGUMENT, LEFT,
	PROGRAMS,
	GROUPS
};

static const char *const names[] = {[SUSPENDED] = "on a suspended one's stack",
	[WAITING] = "on a waiting one's", [RUNNING] = "on the running one's",
	[CALLED_BACK] = "in a callback", [FOREIGN] = "in foreign code",
	[OTHER_THREAD] = "on one's that runs on another thread",
	[DEFERRED] = "in a deferred call's arguments", [BY_KEY] = "by a key",
	[PROGRAMS] = "on a stack that the program asked for",
	[ARGUMENT] = "the argument of a new one", [LEFT] = "on the stack that the thread left"};

/* Of the last objects that were made: others may die at any time later. */
static int died[GROUPS];
static int generation[GROUPS];

struct object {
	enum group group;
	int generation;
	int number;
	char rest[BYTES];
};

static void die(void *ptr, void *unused)
{
	const struct object *object = ptr;

	(void)unused;
	if (object->generation == generation[object->group])
		died[object->group]++;
}

static __attribute__((noinline)) struct object *make(enum group group, int number)
{
	struct object *object = mstat_alloc(sizeof(*object), MSTAT_COLLECTABLE);

	if (object == NULL || mstat_finalizer_set(object, die, NULL) != 0)
		abort();
	object->group = group;
	object->generation = generation[group];
	object->number = number;
	return object;
}

/* Where the caller wants them. */
static __attribute__((noinline)) void make_all(struct object **held, enum group group)
{
	generation[group]++;
	died[group] = 0;
	for (int i = 0; i < COUNT; i++)
		held[i] = make(group, i);
}

/* One that leads to all of them. */
static __attribute__((noinline)) struct object **make_table(enum group group)
{
	struct object **table = mstat_alloc(COUNT * sizeof(struct object *), MSTAT_COLLECTABLE);

	if (table == NULL)
		abort();
	make_all(table, group);
	return table;
}

static void check_all(struct object *const *held, enum group group)
{
	int good = 0;

	for (int i = 0; i < COUNT; i++)
		good += held[i]->group == group && held[i]->number == i;
	tap_is(COUNT, good, "they are as they were");
}

static void collect(void)
{
	tap_ok(mstat_collect() >= 0, "a collection");
}

static void all_live(enum group group)
{
	tap_ok(died[group] == 0, "%s: all %d live", names[group], COUNT);
	if (died[group] != 0)
		tap_note("%d do not", died[group]);
}

static void most_died(enum group group, const char *when)
{
	tap_ok(died[group] >= MOST, "%s, %s: most of %d go", names[group], when, COUNT);
	if (died[group] < MOST)
		tap_note("%d do", died[group]);
	died[group] = 0;
}

static __attribute__((noinline)) void hold(enum group group, void (*meanwhile)(void))
{
	struct object *held[COUNT];

	make_all(held, group);
	meanwhile();
	check_all(held, group);
}

static struct coro *create(void (*fn)(void *), void *arg)
{
	struct coro *co;

	if (coro_create(&co, NULL, fn, arg) != 0)
		abort();
	return co;
}

static void yield(void)
{
	coro_yield(NULL);
}

/* ---- suspended, and how it ends ---------------------------------------------------- */

static void hold_suspended(void *unused)
{
	(void)unused;
	hold(SUSPENDED, yield);
}

static void test_suspended(void)
{
	struct coro *co = create(hold_suspended, NULL);

	coro_resume(co, NULL);
	collect();
	all_live(SUSPENDED);
	coro_resume(co, NULL);
	collect();
	most_died(SUSPENDED, "which finished");
	coro_destroy(co);

	co = create(hold_suspended, NULL);
	coro_resume(co, NULL);
	coro_destroy(co);
	collect();
	most_died(SUSPENDED, "which was destroyed");

	static const struct coro_attr attr = {.stack_bytes = 32 << 10};
	coro_create(&co, &attr, hold_suspended, NULL);
	coro_resume(co, NULL);
	collect();
	all_live(SUSPENDED);
	coro_resume(co, NULL);
	collect();
	most_died(SUSPENDED, "on a stack of another size");
	coro_destroy(co);
}

static __attribute__((noinline)) void go_deep(int depth)
{
	char frame[1024];

	memset(frame, depth, sizeof(frame));
	if (depth > 0)
		go_deep(depth - 1);
	else
		hold(SUSPENDED, yield);
	__asm__ volatile("" ::"r"(frame) : "memory");
}

static void come_back_and_yield(void *unused)
{
	(void)unused;
	go_deep(DEEP);
	coro_yield(NULL);
}

static void test_below_the_stack_pointer(void)
{
	struct coro *co = create(come_back_and_yield, NULL);

	coro_resume(co, NULL);
	collect();
	all_live(SUSPENDED);
	coro_resume(co, NULL);
	collect();
	most_died(SUSPENDED, "which has returned from there");
	coro_destroy(co);
}

/* ---- running, waiting ---------------------------------------------------------------- */

static void collect_and_look(void)
{
	collect();
	all_live(WAITING);
	all_live(RUNNING);
	all_live(LEFT);
}

static void hold_running(void *unused)
{
	(void)unused;
	hold(RUNNING, collect_and_look);
}

static void run_another(void)
{
	struct coro *co = create(hold_running, NULL);

	coro_resume(co, NULL);
	coro_destroy(co);
}

static void hold_waiting(void *unused)
{
	(void)unused;
	hold(WAITING, run_another);
}

static void run_the_first(void)
{
	struct coro *co = create(hold_waiting, NULL);

	coro_resume(co, NULL);
	coro_destroy(co);
}

static void test_running_and_waiting(void)
{
	hold(LEFT, run_the_first);
	collect();
	most_died(WAITING, "afterwards");
	most_died(RUNNING, "afterwards");
}

static void nothing(void)
{
}

static __attribute__((noinline)) void leave_deep(int depth)
{
	char frame[1024];

	memset(frame, depth, sizeof(frame));
	if (depth > 0)
		leave_deep(depth - 1);
	else
		hold(LEFT, nothing);
	__asm__ volatile("" ::"r"(frame) : "memory");
}

static void collect_in_coro(void *unused)
{
	(void)unused;
	collect();
}

/* What lies below where the thread left its own stack. */
static void test_below_what_the_thread_left(void)
{
	died[LEFT] = 0;
	leave_deep(DEEP);
	struct coro *co = create(collect_in_coro, NULL);
	coro_resume(co, NULL);
	coro_destroy(co);
	most_died(LEFT, "below");
}

/* ---- foreign code and callbacks --------------------------------------------------------- */

static void collect_called_back(void)
{
	collect();
	all_live(FOREIGN);
	all_live(CALLED_BACK);
	all_live(RUNNING);
}

static void *hold_in_callback(void *unused)
{
	hold(CALLED_BACK, collect_called_back);
	return unused;
}

static void call_back(void)
{
	collect();
	all_live(FOREIGN);
	all_live(RUNNING);
	coro_callback(hold_in_callback, NULL);
}

static void *hold_in_foreign(void *unused)
{
	hold(FOREIGN, call_back);
	return unused;
}

static void call_out(void)
{
	coro_foreign(hold_in_foreign, NULL);
}

static void hold_and_call_out(void *unused)
{
	(void)unused;
	died[RUNNING] = 0;
	hold(RUNNING, call_out);
}

static void test_foreign(void)
{
	struct coro *co = create(hold_and_call_out, NULL);

	coro_resume(co, NULL);
	coro_destroy(co);
	collect();
	most_died(CALLED_BACK, "afterwards");
}

/* ---- on another thread ----------------------------------------------------------------- */

static pthread_barrier_t barrier;

static void wait_twice(void)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
}

static void hold_elsewhere(void *unused)
{
	(void)unused;
	hold(OTHER_THREAD, wait_twice);
}

static void *run_elsewhere(void *unused)
{
	struct coro *co = create(hold_elsewhere, NULL);

	coro_resume(co, NULL);
	coro_destroy(co);
	return unused;
}

static void test_other_thread(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, run_elsewhere, NULL);
	pthread_barrier_wait(&barrier);
	collect();
	all_live(OTHER_THREAD);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	collect();
	most_died(OTHER_THREAD, "afterwards");
}

/* Its stop finds it on its alternate stack, and where it was before is not known. */
static void handle(int number)
{
	(void)number;
	wait_twice();
}

static void be_interrupted(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static void hold_interrupted(void *unused)
{
	(void)unused;
	hold(OTHER_THREAD, be_interrupted);
}

static void *run_interrupted(void *unused)
{
	struct coro *co = create(hold_interrupted, NULL);

	coro_resume(co, NULL);
	coro_destroy(co);
	return unused;
}

static void test_in_a_handler(void)
{
	struct coro *co = create(hold_suspended, NULL);
	pthread_t thread;

	coro_resume(co, NULL);
	pthread_create(&thread, NULL, run_interrupted, NULL);
	pthread_barrier_wait(&barrier);
	collect();
	all_live(OTHER_THREAD);
	all_live(SUSPENDED);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	coro_destroy(co);
}

/* ---- not on a stack ----------------------------------------------------------------------- */

static void drop(void *unused)
{
	(void)unused;
}

static __attribute__((noinline)) void defer_one(struct coro_frame *frame)
{
	struct object **table = make_table(DEFERRED);

	coro_defer_at(drop, &table, sizeof(struct object **), frame);
	memset(&table, 0, sizeof(struct object **));
}

static void defer_and_yield(void *unused)
{
	CORO_FRAME;

	(void)unused;
	defer_one(CORO_FRAME_HERE);
	coro_yield(NULL);
}

static void test_deferred(void)
{
	struct coro *co = create(defer_and_yield, NULL);

	coro_resume(co, NULL);
	collect();
	all_live(DEFERRED);
	coro_resume(co, NULL);
	collect();
	most_died(DEFERRED, "which was made");
	coro_destroy(co);
}

static coro_key key;

static void set_and_yield(void *unused)
{
	(void)unused;
	coro_setspecific(key, make_table(BY_KEY));
	coro_yield(NULL);
}

static void test_by_key(void)
{
	coro_key_create(&key, NULL);
	struct coro *co = create(set_and_yield, NULL);
	coro_resume(co, NULL);
	collect();
	all_live(BY_KEY);
	coro_resume(co, NULL);
	collect();
	most_died(BY_KEY, "of one that finished");
	coro_destroy(co);
}

static __attribute__((noinline)) struct coro *create_with_argument(void)
{
	return create(drop, make_table(ARGUMENT));
}

static void test_argument(void)
{
	struct coro *co = create_with_argument();

	collect();
	all_live(ARGUMENT);
	coro_resume(co, NULL);
	collect();
	most_died(ARGUMENT, "that finished");
	coro_destroy(co);

	co = create_with_argument();
	coro_cancel(co);
	collect();
	most_died(ARGUMENT, "that was cancelled");
	coro_destroy(co);
}

static void test_the_programs_own(void)
{
	struct coro_stack stack;

	if (coro_stackalloc(&stack, 64 << 10) != 0)
		abort();
	make_all(stack.lo, PROGRAMS);
	collect();
	all_live(PROGRAMS);
	check_all(stack.lo, PROGRAMS);
	coro_stackfree(&stack);
	collect();
	most_died(PROGRAMS, "which was freed");
}

/* ---- many, while threads switch ------------------------------------------------------------ */

enum { SWITCHERS = 2, COROS = 30, COLLECTIONS = 60 };

static bool is_over;

/* What it holds changes hands each time: it is in registers as often as on the stack. */
static void pass_on(void *unused)
{
	struct object *mine = make(SUSPENDED, 0);

	(void)unused;
	for (;;) {
		if (mine->group != SUSPENDED || mine->number < 0)
			abort();
		mine->number++;
		mine = coro_yield(mine);
	}
}

static void come_and_go(void)
{
	static const struct coro_attr attr = {.stack_bytes = 16 << 10};
	struct coro *co;

	if (coro_create(&co, &attr, pass_on, NULL) != 0)
		abort();
	coro_resume(co, NULL);
	coro_destroy(co);
}

static void *switch_all_the_time(void *unused)
{
	struct coro *all[COROS];
	struct object *objects[COROS];

	for (int i = 0; i < COROS; i++) {
		all[i] = create(pass_on, NULL);
		objects[i] = coro_resume(all[i], NULL);
	}
	for (int i = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
		int from = i % COROS, to = (i * 7 + 3) % COROS;
		struct object *object = coro_resume(all[from], objects[to]);
		objects[to] = objects[from];
		objects[from] = object;
		if (i % 16 == 0)
			come_and_go();
		if (i % 64 == 0)
			coro_trim();
	}
	for (int i = 0; i < COROS; i++)
		coro_destroy(all[i]);
	return unused;
}

static void test_while_threads_switch(void)
{
	pthread_t threads[SWITCHERS];
	int failures = 0;

	died[SUSPENDED] = 0;
	for (int i = 0; i < SWITCHERS; i++)
		pthread_create(&threads[i], NULL, switch_all_the_time, NULL);
	for (int i = 0; i < COLLECTIONS; i++)
		failures += mstat_collect() < 0;
	tap_is(0, failures, "collections while two threads switch to and fro");
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < SWITCHERS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	tap_begin();
	test_suspended();
	test_below_the_stack_pointer();
	test_running_and_waiting();
	test_below_what_the_thread_left();
	test_foreign();
	test_other_thread();
	test_in_a_handler();
	test_deferred();
	test_by_key();
	test_argument();
	test_the_programs_own();
	test_while_threads_switch();
	return tap_done();
}
