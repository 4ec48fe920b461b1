/*
 * check_fuzz.c - all of coro/ at once: random programs, against a model.
 *
 * Proves: where control comes to, with which value, in which order deferred calls are made,
 * who recovers from what, and each error, is what fuzz/model.h says beforehand, whatever
 * coroutines, deferred calls, panics, exits, foreign calls, copied stacks, barriers and keys
 * do to each other, on one thread and on several; and all that was taken is given back.
 *
 * A program that failed is run again by the seed that stands in its message, with
 * MSTAT_SEED=N of the suite.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/config.h"
#include "coro/stack.h"
#include "tests/coro/fuzz/model.h"
#include "tests/coro/run.h"
#include "tests/suite.h"

enum { PROGRAMS = 10, STEPS = 10000, THREADS = 3, THREAD_PROGRAMS = 6, SPREADS = 3 };

/* The program that this thread runs.  (Whose coroutine goes on may be on another thread.) */
static THREAD_LOCAL struct model *model_here;

static NOINLINE struct model *here(void)
{
	__asm__ volatile("");
	return model_here;
}

/* What a function has of its own. */
struct local {
	struct local *self;
	uint32_t id;
};

static NOINLINE void arrive(struct local *local, enum model_place place, uint64_t number)
{
	ck_assert_ptr_eq(local->self, local); /* its stack may have been moved */
	model_arrive(here(), (struct arrival){place, local->id, number}, local);
}

static NOINLINE void begin(struct local *local, uint64_t number)
{
	local->self = local;
	local->id = model_arrive(here(), (struct arrival){AT_BEGIN, 0, number}, local);
}

static void *as_value(uint64_t number)
{
	return (void *)(uintptr_t)number;
}

static void arrive_value(struct local *local, void *value)
{
	if (value == CORO_FAILED)
		arrive(local, AT_ERROR, (uint64_t)errno);
	else
		arrive(local, AT_VALUE, (uintptr_t)value);
}

/* ---- what may be done anywhere ----------------------------------------------------------- */

static void function(void *nothing);
static void scoped(uint64_t number);
static void *foreign(void *number);

/* What a rescan tells of. */
struct told {
	const char *covered;
	int visits;
	bool is_covered;
};

static void tell(const void *lo, const void *hi, void *arg)
{
	struct told *told = arg;
	const char *covered = told->covered;

	ck_assert((const char *)lo <= (const char *)hi); /* of a new one there is nothing */
	told->is_covered |= covered >= (const char *)lo && covered < (const char *)hi;
	told->visits++;
}

static int rescan(const struct act *act)
{
	struct told told = {.covered = act->covered};
	int error = coro_rescan(act->co, tell, &told);

	if (error == 0) {
		ck_assert_int_eq(told.visits, 2);
		ck_assert(told.is_covered || act->covered == NULL || SUITE_IS_SANITIZED);
	}
	return error;
}

static int create(const struct act *act)
{
	struct coro_attr attr = {.stack_bytes = act->bytes, .is_relocatable = act->is_relocatable,
		.is_measured = act->is_measured};

	*act->made = create_surely(&attr, function, NULL);
	return 0;
}

static int backtrace_self(void)
{
	const struct coro *self = coro_self();
	void *pcs[8];

	if (self == NULL)
		return 0;
	int count = coro_backtrace(self, pcs, 8);
	return count > 0 && pcs[0] != NULL ? 0 : -1;
}

/* What returns an int. */
static int done(const struct act *act)
{
	switch (act->act) {
	case DO_CREATE: return create(act);
	case DO_CANCEL: return coro_cancel(act->co);
	case DO_DESTROY: return coro_destroy(act->co);
	case DO_LOCK: return coro_lock_thread();
	case DO_UNLOCK: return coro_unlock_thread();
	case DO_COPYSTACK: return coro_copystack(act->co, act->bytes);
	case DO_SHRINK: return coro_shrink(act->co);
	case DO_BARRIERS_SET: return coro_barriers_set((enum coro_barriers)act->number);
	case DO_BARRIERS_INSTALL: return coro_barriers_install(act->co);
	case DO_BARRIERS_REMOVE: return coro_barriers_remove(act->co);
	case DO_BARRIERS_UNWIND:
		return coro_barriers_unwind(act->co, (void *)UINTPTR_MAX);
	case DO_RESCAN: return rescan(act);
	case DO_KEY_SET: return coro_setspecific(here()->keys[act->site], as_value(act->number));
	case DO_STATUS: return coro_status(act->co);
	default: return backtrace_self(); /* DO_BACKTRACE */
	}
}

static void carry_out(struct local *local, const struct act *act)
{
	switch (act->act) {
	case DO_CALL:
		function(NULL);
		arrive(local, AT_BACK, 0);
		break;
	case DO_CALL_SCOPED:
		scoped(act->number);
		arrive(local, AT_BACK, 0);
		break;
	case DO_YIELD: arrive_value(local, coro_yield(as_value(act->number))); break;
	case DO_RESUME: arrive_value(local, coro_resume(act->co, as_value(act->number))); break;
	case DO_TRANSFER: arrive_value(local, coro_transfer(act->co, as_value(act->number))); break;
	case DO_PANIC: coro_panic(as_value(act->number));
	case DO_EXIT: coro_exit(as_value(act->number));
	case DO_FOREIGN: arrive_value(local, coro_foreign(foreign, as_value(act->number))); break;
	case DO_KEY_GET: arrive_value(local, coro_getspecific(here()->keys[act->site])); break;
	default: arrive(local, AT_DONE, (uint64_t)(int64_t)done(act)); break;
	}
}

/* ---- functions of each kind --------------------------------------------------------------- */

/* Until it is told to return; what it is to return then. */
static NOINLINE uint64_t go_on(struct local *local)
{
	for (;;) {
		struct act act = model_choose(here());
		if (act.act == DO_RETURN)
			return act.number;
		if (act.act == DO_RECOVER)
			arrive(local, AT_VALUE, (uintptr_t)coro_recover());
		else
			carry_out(local, &act);
	}
}

static void lexical(void *number)
{
	struct local local;

	begin(&local, (uintptr_t)number);
	go_on(&local);
}

void scoped(uint64_t number)
{
	struct local local;

	CORO_DEFER(lexical, as_value(number));
	begin(&local, 0);
	go_on(&local);
}

static void *callback(void *number)
{
	struct local local;

	begin(&local, (uintptr_t)number);
	return as_value(go_on(&local));
}

void *foreign(void *number)
{
	struct local local;

	begin(&local, (uintptr_t)number);
	for (;;) {
		struct act act = model_choose(here());
		if (act.act == DO_RETURN)
			return as_value(act.number);
		if (act.act == DO_CALLBACK)
			arrive_value(&local, coro_callback(callback, as_value(act.number)));
		else
			carry_out(&local, &act);
	}
}

static void destructor(void *number)
{
	struct local local;

	begin(&local, (uintptr_t)number);
	go_on(&local);
}

static void other_destructor(void *number)
{
	destructor(number);
	__asm__ volatile("");
}

/* Of a deferred call, as the model has it; not on the stack. */
static const void *args_of(struct local *local, const struct act *act)
{
	struct model *model = here();

	model_args_fill(model->args, act->number, act->bytes);
	if (act->has_pointer)
		memcpy(model->args, &local, sizeof(void *));
	return model->args;
}

static void args_check(const void *args)
{
	const struct call *call = &here()->made;
	struct local *local;

	ck_assert(model_args_are(args, call));
	if (!call->has_pointer)
		return;
	memcpy(&local, args, sizeof(void *));
	ck_assert_ptr_eq(local->self, local);
	ck_assert_uint_eq(local->id, call->owner);
}

static void deferred(void *args)
{
	struct local local;
	CORO_FRAME;

	args_check(args);
	begin(&local, here()->made.number);
	for (;;) {
		const struct act act = model_choose(here());
		switch (act.act) {
		case DO_RETURN: return;
		case DO_RECOVER: arrive(&local, AT_VALUE, (uintptr_t)coro_recover()); break;
		case DO_DEFER:
			if (act.site == 0) {
				if (coro_defer(deferred, args_of(&local, &act), act.bytes) == 0)
					arrive(&local, AT_DEFERRED, 0);
				else
					arrive(&local, AT_RECOVERY, 0);
			} else {
				if (coro_defer(deferred, args_of(&local, &act), act.bytes) == 0)
					arrive(&local, AT_DEFERRED, 0);
				else
					arrive(&local, AT_RECOVERY, 1);
			}
			break;
		default: carry_out(&local, &act); break;
		}
	}
}

/* A coroutine's first, and what functions call. */
void function(void *nothing)
{
	struct local local;
	CORO_FRAME;

	(void)nothing;
	begin(&local, 0);
	for (;;) {
		const struct act act = model_choose(here());
		switch (act.act) {
		case DO_RETURN: return;
		case DO_DEFER:
			if (act.site == 0) {
				if (coro_defer(deferred, args_of(&local, &act), act.bytes) == 0)
					arrive(&local, AT_DEFERRED, 0);
				else
					arrive(&local, AT_RECOVERY, 0);
			} else {
				if (coro_defer(deferred, args_of(&local, &act), act.bytes) == 0)
					arrive(&local, AT_DEFERRED, 0);
				else
					arrive(&local, AT_RECOVERY, 1);
			}
			break;
		case DO_SCOPE: {
			CORO_DEFER(lexical, as_value(act.number));
			arrive(&local, AT_DEFERRED, 0);
			for (;;) {
				const struct act inner = model_choose(here());
				if (inner.act == DO_RETURN)
					return;
				if (inner.act == DO_SCOPE_END)
					break;
				if (inner.act != DO_DEFER)
					carry_out(&local, &inner);
				else if (coro_defer(deferred, args_of(&local, &inner), inner.bytes) == 0)
					arrive(&local, AT_DEFERRED, 0);
				else
					arrive(&local, AT_RECOVERY, 2);
			}
		}
			arrive(&local, AT_BACK, 0);
			break;
		default: carry_out(&local, &act); break;
		}
	}
}

/* On a thread's own stack, until it has ended or is to be moved. */
static enum model_act run(struct model *model, uint32_t *thread)
{
	struct local local = {&local, model->coros[0].activations[0].id};

	model_here = model;
	for (;;) {
		struct act act = model_choose(model);
		if (act.act == DO_END || act.act == DO_MOVE) {
			*thread = (uint32_t)act.number;
			return act.act;
		}
		carry_out(&local, &act);
	}
}

/* ---- on one thread -------------------------------------------------------------------------- */

static coro_key keys[MODEL_KEYS];

static void setup(void)
{
	static void (*const destructors[MODEL_KEYS])(void *) = {destructor, other_destructor, NULL};

	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < MODEL_KEYS; i++)
		ck_assert_int_eq(coro_key_create(&keys[i], destructors[i]), 0);
}

static void expect_nothing_left(void)
{
	uint64_t inuse_bytes, sys_bytes;

	coro_trim();
	stack_totals(&inuse_bytes, &sys_bytes);
	ck_assert_uint_eq(inuse_bytes, 0);
	ck_assert_uint_eq(sys_bytes, 0);
}

static void begin_program(struct model *model)
{
	model_begin(model, random_number(), STEPS);
	memcpy(model->keys, keys, sizeof(keys));
}

static void *run_alone(void *arg)
{
	struct model *model = arg;
	uint32_t thread;

	ck_assert_int_eq(run(model, &thread), DO_END);
	return NULL;
}

/* On a thread of its own, whose end gives back what it had kept. */
static void run_program(struct model *model)
{
	uint64_t foreign_before = coro_foreign_count();
	pthread_t thread;

	begin_program(model);
	model->sets_barriers = true;
	coro_barriers_set(CORO_BARRIERS_SPACED);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_alone, model), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(coro_foreign_count() - foreign_before, model->foreign_count);
	expect_nothing_left();
}

START_TEST(test_a_random_program_does_what_the_model_says)
{
	static struct model model;

	random_start((uint64_t)_i << 32);
	run_program(&model); /* what libc keeps is there now */
	size_t before = mallinfo2().uordblks;
	run_program(&model);
	ck_assert_uint_eq(mallinfo2().uordblks, before);
}
END_TEST

/* ---- on several ----------------------------------------------------------------------------- */

/* Programs that a thread is to go on with. */
static struct queue {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct model *models[THREAD_PROGRAMS];
	uint32_t count;
} queues[THREADS];

static struct model models[THREAD_PROGRAMS];
static uint32_t ended_count;

static void queue_put(struct queue *queue, struct model *model)
{
	pthread_mutex_lock(&queue->lock);
	queue->models[queue->count++] = model;
	pthread_cond_signal(&queue->came);
	pthread_mutex_unlock(&queue->lock);
}

/* NULL: all have ended. */
static struct model *queue_take(struct queue *queue)
{
	struct model *model = NULL;

	pthread_mutex_lock(&queue->lock);
	while (queue->count == 0 && __atomic_load_n(&ended_count, __ATOMIC_ACQUIRE) < THREAD_PROGRAMS)
		pthread_cond_wait(&queue->came, &queue->lock);
	if (queue->count > 0) {
		model = queue->models[0];
		queue->count--;
		memmove(&queue->models[0], &queue->models[1], queue->count * sizeof(void *));
	}
	pthread_mutex_unlock(&queue->lock);
	return model;
}

static void end_one(void)
{
	if (__atomic_add_fetch(&ended_count, 1, __ATOMIC_ACQ_REL) < THREAD_PROGRAMS)
		return;
	for (int i = 0; i < THREADS; i++) {
		pthread_mutex_lock(&queues[i].lock);
		pthread_cond_signal(&queues[i].came);
		pthread_mutex_unlock(&queues[i].lock);
	}
}

static void *run_queue(void *arg)
{
	struct model *model;
	uint32_t thread;

	while ((model = queue_take(arg)) != NULL) {
		if (run(model, &thread) == DO_MOVE)
			queue_put(&queues[thread], model);
		else
			end_one();
	}
	return NULL;
}

START_TEST(test_programs_go_on_on_other_threads)
{
	pthread_t threads[THREADS];

	random_start(((uint64_t)_i << 32) + 1);
	for (uint32_t i = 0; i < THREADS; i++)
		queues[i] = (struct queue){.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
	for (uint32_t i = 0; i < THREAD_PROGRAMS; i++) {
		begin_program(&models[i]);
		models[i].thread_count = THREADS;
		models[i].thread = i % THREADS;
		queue_put(&queues[i % THREADS], &models[i]);
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_queue, &queues[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_nothing_left();
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("coro/fuzz", setup, NULL);

	tcase_add_loop_test(tests, test_a_random_program_does_what_the_model_says, 0, PROGRAMS);
	tcase_add_loop_test(tests, test_programs_go_on_on_other_threads, 0, SPREADS);
	return suite_end();
}
