/*
 * steps.c - what a worker may do next, and how likely.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/model/kernel.h"
#include "tests/model/life.h"
#include "tests/model/run.h"

enum {
	MOOD_CHANCES = 300,
	SIZE_MOODS = 7,
	TIME_MOST_NS = 400 * 1000 * 1000,
	MORE_MEMORY_BYTES = 6 << 20
};

static struct object *slot_any(struct worker *worker)
{
	return &worker->slots[choice_below(&worker->choice, plan.slots)];
}

static void step_make_or_end(struct worker *worker)
{
	struct object *slot = slot_any(worker);
	bool is_wanted = choice_below(&worker->choice, 256) < worker->free_mood;

	if (slot->ptr != NULL && (!is_wanted || choice_one_in(&worker->choice, 2)))
		life_end(worker, slot);
	if (slot->ptr == NULL && is_wanted)
		life_make(worker, slot);
}

static void step_resize(struct worker *worker)
{
	struct object *slot = slot_any(worker);

	if (slot->ptr != NULL)
		life_resize(worker, slot);
}

static void step_look(struct worker *worker)
{
	struct object *slot = slot_any(worker);
	void *base = NULL;
	size_t bytes = 0;

	if (slot->ptr == NULL)
		return;
	worker->operation = "a look";
	life_look(worker, slot);
	if (mstat_lookup == NULL || slot->usable_bytes == 0)
		return;
	const char *inside = slot->ptr + choice_below(&worker->choice, slot->usable_bytes);
	worker->tally.nlookup++;
	if (mstat_lookup(inside, &base, &bytes) != 0 || base != slot->ptr || bytes < slot->usable_bytes)
		model_fail(worker, "mstat_lookup(%p) finds %p of %zu bytes instead of %p of %zu",
			(const void *)inside, base, bytes, (void *)slot->ptr, slot->usable_bytes);
}

static void step_give(struct worker *worker)
{
	struct object *slot = slot_any(worker);
	struct mailbox *mailbox = &mailboxes[choice_below(&worker->choice, MAILBOXES)];
	uint32_t state = MAILBOX_EMPTY;

	if (slot->ptr == NULL || !__atomic_compare_exchange_n(&mailbox->state, &state, MAILBOX_BUSY,
					 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	mailbox->object = *slot;
	worker->live_bytes -= slot->usable_bytes < worker->live_bytes ? slot->usable_bytes
								      : worker->live_bytes;
	slot->ptr = NULL;
	__atomic_store_n(&mailbox->state, MAILBOX_FULL, __ATOMIC_RELEASE);
}

static void step_take(struct worker *worker)
{
	struct object *slot = slot_any(worker);
	struct mailbox *mailbox = &mailboxes[choice_below(&worker->choice, MAILBOXES)];
	uint32_t state = MAILBOX_FULL;

	if (slot->ptr != NULL || !__atomic_compare_exchange_n(&mailbox->state, &state, MAILBOX_BUSY,
					 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	*slot = mailbox->object;
	worker->live_bytes += slot->usable_bytes;
	mailbox->object.ptr = NULL;
	__atomic_store_n(&mailbox->state, MAILBOX_EMPTY, __ATOMIC_RELEASE);
}

static void step_tie(struct worker *worker)
{
	struct object *slot = slot_any(worker);

	if (slot->ptr == NULL)
		return;
	if (choice_one_in(&worker->choice, 3))
		life_untie(worker, slot);
	else
		life_tie(worker, slot);
}

static void step_impossible(struct worker *worker)
{
	life_impossible(worker, slot_any(worker));
}

/* The figures of a moment at which others run are not held against anything. */
static void step_ask(struct worker *worker)
{
	static FILE *nowhere;
	struct stretch stretch = stretch_begin();

	worker->operation = "a question";
	switch (choice_below(&worker->choice, 5)) {
	case 0:
		books_read();
		break;
	case 1:
		if (mallinfo2().arena == 0 && plan.has_books)
			model_fail(worker, "mallinfo2() knows of no memory");
		break;
	case 2:
		if (nowhere == NULL && plan.threads == 1 && !worker->is_child)
			nowhere = fopen("/dev/null", "we");
		if (nowhere != NULL && malloc_info(0, nowhere) != 0)
			model_fail(worker, "malloc_info() fails with %d", errno);
		break;
	case 3:
		mallopt(M_TRIM_THRESHOLD, 1 << 20);
		break;
	default:
		if (mstat_dump != NULL) {
			int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
			bool json = choice_one_in(&worker->choice, 2);
			if (fd >= 0 && mstat_dump(fd, json ? "json" : "text") != 0 && errno != EBUSY)
				model_fail(worker, "mstat_dump() fails with %d", errno);
			close(fd);
		}
	}
	stretch_end(&stretch, &worker->tally);
}

static void step_trim(struct worker *worker)
{
	worker->operation = "malloc_trim";
	life_trouble(worker);
	malloc_trim(choice_below(&worker->choice, 1 << 20));
	life_calm();
}

/* Whatever can be collected is in a slot, a mailbox or a hand: nothing is. */
static void step_collect(struct worker *worker)
{
	if (mstat_collect == NULL || plan.is_fuzzed || plan.has_lost ||
		(worker->is_child && plan.threads > 1))
		return;
	worker->operation = "mstat_collect";
	life_trouble(worker);
	long count = mstat_collect();
	life_calm();
	if (count > 0)
		model_fail(worker, "%ld objects were taken that the program holds", count);
	if (count < 0 && errno != EBUSY && errno != ENOMEM && errno != EAGAIN && errno != ETIMEDOUT)
		model_fail(worker, "it fails with errno %d", errno);
}

static void step_fork(struct worker *worker)
{
	if (!plan.is_fuzzed && !worker->is_child)
		run_fork(worker);
}

static void step_leave(struct worker *worker)
{
	worker->is_leaving = worker->index != 0;
}

static void step_time(struct worker *worker)
{
	kernel_clock_advance(choice_below(&worker->choice, TIME_MOST_NS));
}

/* No more than there is now, or a little more; or as much as there ever was. */
static void step_limit(struct worker *worker)
{
	if (!plan.is_limited)
		return;
	bool is_off = choice_one_in(&worker->choice, 2);
	kernel_limit(is_off ? 0 : kernel_mapped_bytes() + choice_below(&worker->choice, MORE_MEMORY_BYTES));
}

static struct step {
	const char *name;
	void (*take)(struct worker *worker);
	uint32_t share;
	uint64_t count;
} steps[] = {
	{"make or end", step_make_or_end, 3000, 0}, {"resize", step_resize, 500, 0},
	{"look", step_look, 300, 0}, {"give", step_give, 400, 0}, {"take", step_take, 400, 0},
	{"tie", step_tie, 150, 0}, {"what cannot be", step_impossible, 20, 0},
	{"ask", step_ask, 20, 0}, {"trim", step_trim, 4, 0}, {"collect", step_collect, 2, 0},
	{"fork", step_fork, 2, 0}, {"leave", step_leave, 4, 0}, {"time", step_time, 150, 0},
	{"limit", step_limit, 50, 0}};

enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

static struct step *step_any(struct worker *worker)
{
	static uint32_t all;
	uint32_t sum = 0;

	if (all == 0) {
		for (int i = 0; i < STEP_COUNT; i++)
			sum += steps[i].share;
		__atomic_store_n(&all, sum, __ATOMIC_RELAXED);
	}
	uint64_t dice = choice_below(&worker->choice, all);
	struct step *step = steps;
	for (; dice >= step->share; step++)
		dice -= step->share;
	return step;
}

void worker_step(struct worker *worker)
{
	struct step *step = step_any(worker);

	if (worker->steps_done == 0 || choice_one_in(&worker->choice, MOOD_CHANCES)) {
		worker->size_mood = (uint32_t)choice_below(&worker->choice, SIZE_MOODS);
		worker->free_mood = 64 + (uint32_t)choice_below(&worker->choice, 192);
	}
	worker->operation = step->name;
	__atomic_fetch_add(&step->count, 1, __ATOMIC_RELAXED);
	step->take(worker);
	worker->steps_done++;
}

static void report_never(const char *name)
{
	printf(" %s;", name);
}

void steps_report(void)
{
	for (int i = 0; i < STEP_COUNT; i++)
		printf("%s%s %lu", i == 0 ? "steps: " : ", ", steps[i].name, steps[i].count);
	printf("\nnever:");
	entries_never(report_never);
	printf("\n");
}
