#include "tests/model/run.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/model/kernel.h"
#include "tests/model/life.h"
#include "tests/model/shadow.h"

enum {
	STACK_BYTES = 256 << 10,
	STEPS_A_PROCESS = 40000,
	CHILD_STEPS = 400,
	HANG_S = 60,
	LAST_STEPS = 6,           /* in a thread's destructors */
	THREAD_TRIES = 1000,
	LOST_MOST = 64,
	CHILD_IS_GOOD = 0
};

struct plan plan;
struct worker workers[WORKERS_MAX];
struct mailbox mailboxes[MAILBOXES];
struct run_figures run_figures;
__thread struct worker *worker_self;

static pthread_key_t last_key;
static sem_t ends;
static uint64_t lost_count; /* of objects that are lost and not collected yet */
static struct finalizer *lost_finalizers[LOST_MOST];

void plan_make(uint64_t seed, uint32_t threads, uint32_t steps)
{
	struct choice choice;

	choice_seed(&choice, seed, 0);
	plan.seed = seed;
	plan.threads = choice_one_in(&choice, 4) ? 1 : 2 + (uint32_t)choice_below(&choice, 15);
	plan.threads = threads != 0 ? threads : plan.threads;
	plan.rounds = 1 + (uint32_t)choice_below(&choice, 4);
	plan.steps = steps != 0 ? steps : STEPS_A_PROCESS;
	plan.steps = plan.steps / plan.threads / plan.rounds + 1;
	plan.slots = 8 << choice_below(&choice, 7);
	plan.refusal_chances = (uint32_t)(choice_one_in(&choice, 4) ? 0 : 1 << choice_below(&choice, 8));
	plan.is_limited = choice_one_in(&choice, 4);
	plan.live_most_bytes = ((size_t)(4 << choice_below(&choice, 6)) << 20) / plan.threads;
}

/* ---- threads ---------------------------------------------------------------------------- */

/* Once the library's own destructor has run, as like as not. */
static void thread_last(void *arg)
{
	struct worker *worker = arg;

	worker_self = worker;
	worker->is_last = true;
	for (int i = 0; i < LAST_STEPS; i++) {
		struct object object = {0};
		if (!life_make(worker, &object))
			continue;
		life_resize(worker, &object);
		life_end(worker, &object);
	}
	worker->is_last = false;
	worker_self = NULL;
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;

	worker_self = worker;
	worker->is_leaving = false;
	if (choice_one_in(&worker->choice, 2))
		pthread_setspecific(last_key, worker);
	while (worker->steps_done < worker->steps_end && !worker->is_leaving)
		worker_step(worker);
	worker_self = NULL;
	worker->is_over = true;
	sem_post(&ends);
	return NULL;
}

/* What libc allocates for it is counted; where the library refuses by itself, tried again. */
static void thread_start(struct worker *by, struct worker *worker)
{
	struct stretch stretch = stretch_begin();
	pthread_attr_t attributes;
	int error = EAGAIN;

	worker->is_over = false;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < THREAD_TRIES && error == EAGAIN; i++)
		error = pthread_create(&worker->thread, &attributes, thread_main, worker);
	pthread_attr_destroy(&attributes);
	stretch_end(&stretch, &by->tally);
	if (error != 0)
		model_fail(by, "pthread_create: %s", strerror(error));
	__atomic_fetch_add(&run_figures.threads, 1, __ATOMIC_RELAXED);
}

static void thread_join(struct worker *by, struct worker *worker)
{
	struct stretch stretch = stretch_begin();

	pthread_join(worker->thread, NULL);
	stretch_end(&stretch, &by->tally);
	worker->is_over = false;
}

/* Threads that leave are followed by others, until each worker has done its steps. */
static void threads_run(struct worker *by, uint32_t first, uint32_t end)
{
	uint32_t running = end - first;

	for (uint32_t i = first; i < end; i++)
		thread_start(by, &workers[i]);
	while (running > 0) {
		while (sem_wait(&ends) != 0)
			;
		uint32_t i = first;
		while (!__atomic_load_n(&workers[i].is_over, __ATOMIC_ACQUIRE))
			i = i + 1 < end ? i + 1 : first;
		thread_join(by, &workers[i]);
		if (workers[i].steps_done < workers[i].steps_end)
			thread_start(by, &workers[i]);
		else
			running--;
	}
}

/* ---- rests -------------------------------------------------------------------------------- */

static void books_check(const struct worker *by, const struct tally *tally,
	const struct mstat_snapshot *before)
{
	struct mstat_snapshot after = books_read();
	const char *wrong = plan.has_books ? books_differ(tally, before, &after) : NULL;

	if (wrong != NULL)
		model_fail(by, "%s", wrong);
	run_figures.rests++;
	run_figures.vague_rests += tally->is_vague;
}

/* With nobody else about. */
static void steps_run(struct worker *worker, const struct mstat_snapshot *before)
{
	while (worker->steps_done < worker->steps_end) {
		worker_step(worker);
		if (plan.checks_each_step)
			books_check(worker, &worker->tally, before);
	}
}

static struct tally tally_of_all(void)
{
	static const struct tally none;
	struct tally sum = none;

	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		tally_add(&sum, &workers[i].tally);
		workers[i].tally = none;
	}
	return sum;
}

static void finalizer_lost(struct worker *worker, struct finalizer *finalizer)
{
	for (uint32_t i = 0; finalizer != NULL; i++) {
		if (i == LOST_MOST)
			model_fail(worker, "the model has no room for what is lost");
		if (lost_finalizers[i] == NULL) {
			lost_finalizers[i] = finalizer;
			return;
		}
	}
}

/* Some of what can be collected is known to nobody from now on. */
static void __attribute__((noinline)) lose_some(struct worker *main_worker)
{
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
			struct object *object = &workers[i].slots[slot];
			if (object->ptr == NULL || !object->is_collectable || object->usable_bytes == 0 ||
				lost_count >= LOST_MOST || !choice_one_in(&main_worker->choice, 2))
				continue;
			finalizer_lost(main_worker, object->finalizer);
			life_lose(&workers[i], object);
			lost_count++;
		}
}

/* Each was called once at most, for the object as it was. */
static void lost_check(const struct worker *worker)
{
	for (uint32_t i = 0; i < LOST_MOST; i++) {
		struct finalizer *finalizer = lost_finalizers[i];
		if (finalizer == NULL)
			continue;
		if (finalizer->calls > 1 || finalizer->has_failed)
			model_fail(worker, "a lost object's finalizer was called %u times%s", finalizer->calls,
				finalizer->has_failed ? ", not as it should have been" : "");
		if (finalizer->calls == 0)
			continue;
		finalizer->is_taken = 0;
		lost_finalizers[i] = NULL;
	}
}

/* What is lost, and nothing else, is taken: what is not is looked at when it ends. */
static void collect_lost(struct worker *worker)
{
	if (mstat_collect == NULL)
		return;
	worker->operation = "mstat_collect at rest";
	lose_some(worker);
	struct mstat_snapshot before = books_read();
	struct tally taken = {0};
	worker->is_collecting = true;
	long count = mstat_collect();
	worker->is_collecting = false;
	struct mstat_snapshot after = books_read();
	const char *wrong = books_collected(&taken, &before, &after, lost_count);
	if (wrong != NULL)
		model_fail(worker, "%s", wrong);
	uint64_t freed = (after.nfree - before.nfree) -
		(before.tiny_alloc - after.tiny_alloc) / 16 + (after.tiny_nfree - before.tiny_nfree);
	if (count < (long)freed && count >= 0)
		model_fail(worker, "%lu were taken, and it says %ld", freed, count);
	lost_check(worker);
	lost_count -= freed;
	plan.has_lost = lost_count != 0;
	run_figures.collected += freed;
}

/* ---- forks -------------------------------------------------------------------------------- */

/* What the other threads held is lost with them.  Nobody knows what they had in hand:
   all that can be said is that what this one has is untouched. */
static void child_collect(struct worker *worker)
{
	worker->operation = "mstat_collect";
	worker->is_collecting = true;
	if (mstat_collect != NULL)
		mstat_collect();
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		if (worker->slots[slot].ptr != NULL)
			life_look(worker, &worker->slots[slot]);
	_exit(CHILD_IS_GOOD);
}

/* Of several threads a child has one, and what that had.  While the kernel copies one page
   after the other the others go on: what they did in the meantime is in the child in parts,
   and the child, as any program's, looks at nothing that they may have touched without a lock. */
static void others_forget(struct worker *worker)
{
	shadow_forget();
	for (uint32_t i = 0; i < MAILBOXES; i++)
		mailboxes[i].state = MAILBOX_BUSY;
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		if (worker->slots[slot].ptr != NULL && worker->slots[slot].usable_bytes != 0)
			shadow_enter(worker->slots[slot].ptr, worker->slots[slot].usable_bytes);
}

static void child_run(struct worker *worker)
{
	static const struct tally none;
	uint32_t others = 1 + (uint32_t)choice_below(&worker->choice, 3);
	bool is_crowd = choice_one_in(&worker->choice, 3);

	worker->is_child = true;
	worker->operation = "a child begins";
	alarm(HANG_S);
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		workers[i].tally = none;
		if (&workers[i] == worker)
			continue;
		memset(workers[i].slots, 0, sizeof(workers[i].slots));
		workers[i].live_bytes = 0;
		workers[i].is_child = true;
		choice_seed(&workers[i].choice, plan.seed, choice_word(&worker->choice));
		workers[i].steps_end = workers[i].steps_done + CHILD_STEPS;
	}
	if (plan.threads > 1)
		others_forget(worker);
	if (choice_one_in(&worker->choice, 4))
		child_collect(worker);
	struct mstat_snapshot before = books_read();
	worker->steps_end = worker->steps_done + CHILD_STEPS;
	steps_run(worker, &before);
	if (is_crowd) {
		uint32_t first = worker->index + others < WORKERS_MAX ? worker->index + 1 : 1;
		first = first <= worker->index && worker->index < first + others ? worker->index + 1 : first;
		sem_init(&ends, 0, 0);
		threads_run(worker, first, first + others < WORKERS_MAX ? first + others : WORKERS_MAX);
	}
	run_end_objects(worker);
	worker->operation = "the books of a child";
	struct tally sum = tally_of_all();
	books_check(worker, &sum, &before);
	_exit(CHILD_IS_GOOD);
}

void run_fork(struct worker *worker)
{
	int status;

	worker->operation = "fork";
	pid_t child = fork();
	if (child == 0)
		child_run(worker);
	if (child < 0)
		return;
	worker->operation = "fork: its child";
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			model_fail(worker, "waitpid: errno %d", errno);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_IS_GOOD)
		model_fail(worker, "a child ended with status %#x", (unsigned)status);
	__atomic_fetch_add(&run_figures.forks, 1, __ATOMIC_RELAXED);
}

/* ---- all of it ------------------------------------------------------------------------------ */

void run_end_objects(struct worker *worker)
{
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		if (worker->slots[slot].ptr != NULL)
			life_end(worker, &worker->slots[slot]);
}

void run_end_mail(struct worker *worker)
{
	for (uint32_t i = 0; i < MAILBOXES; i++) {
		if (mailboxes[i].state == MAILBOX_FULL)
			life_end(worker, &mailboxes[i].object);
		mailboxes[i].state = MAILBOX_EMPTY;
	}
}

static void round_run(struct worker *main_worker, uint32_t round)
{
	struct mstat_snapshot before = books_read();

	for (uint32_t i = 0; i <= plan.threads; i++)
		workers[i].steps_end = (uint64_t)(round + 1) * plan.steps;
	if (plan.threads == 1)
		steps_run(main_worker, &before);
	else
		threads_run(main_worker, 1, plan.threads + 1);
	if (round + 1 == plan.rounds) {
		kernel_limit(0);
		for (uint32_t i = 0; i <= plan.threads; i++)
			run_end_objects(&workers[i]);
		run_end_mail(main_worker);
	}
	main_worker->operation = "the books";
	struct tally sum = tally_of_all();
	books_check(main_worker, &sum, &before);
}

void run_plan(void)
{
	struct worker *main_worker = &workers[0];

	sem_init(&ends, 0, 0);
	if (pthread_key_create(&last_key, thread_last) != 0)
		model_fail(main_worker, "there is no key");
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		workers[i].index = i;
		choice_seed(&workers[i].choice, plan.seed, i + 1);
	}
	worker_self = main_worker;
	for (uint32_t round = 0; round < plan.rounds; round++) {
		round_run(main_worker, round);
		collect_lost(main_worker);
	}
	for (uint32_t i = 0; i < WORKERS_MAX; i++)
		run_figures.digest = choice_mix(run_figures.digest ^ workers[i].digest);
}
