#include "tests/stats/source_made.h"

#include <string.h>

#include "tests/suite.h"

struct mstat_snapshot made_snapshot;
struct source_class made_classes[MADE_CLASSES];
struct source_thread made_threads[MADE_THREADS];

/* JSON's integers are signed: the reports' figures are bytes and counts below. */
static uint64_t figure(void)
{
	return random_number() >> (1 + random_below(63));
}

static void figures_make(void *memory, size_t bytes)
{
	uint64_t *words = memory;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = figure();
}

void source_make(void)
{
	figures_make(&made_snapshot, sizeof(made_snapshot));
	made_snapshot.size_class_count = MADE_CLASSES;
	figures_make(made_classes, sizeof(made_classes));
	for (int i = 0; i < MADE_THREADS; i++) {
		figures_make(&made_threads[i].figures, sizeof(made_threads[i].figures));
		made_threads[i].figures.alloc = -(int64_t)figure();
		made_threads[i].tid = 1000 + i;
		made_threads[i].is_live = i != 1;
		memcpy(made_threads[i].name, "thread", sizeof("thread"));
	}
}

static void snapshot(struct mstat_snapshot *out)
{
	*out = made_snapshot;
}

static uint32_t class_count(void)
{
	return MADE_CLASSES;
}

static void size_class(uint32_t class, struct source_class *out)
{
	*out = made_classes[class];
}

static uint32_t thread_count(void)
{
	return MADE_THREADS;
}

static bool thread(uint32_t index, struct source_thread *out)
{
	*out = made_threads[index];
	return index != 2;
}

const struct source source_made = {
	.snapshot = snapshot,
	.class_count = class_count,
	.size_class = size_class,
	.thread_count = thread_count,
	.thread = thread,
};
