/*
 * bench/queue.c - as many threads that only allocate as threads that only free,
 * with a queue of batches between them.
 *
 * What it shows: a heap whose every object dies in another thread, with more
 * than one thread on either side.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench/common.h"

enum { BATCH = 128, WAITING_MAX = 64 };

static const size_t sizes[] = {8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048};

static const char usage[] = "THREADS COUNT";

struct batch {
	struct batch *next;
	void *objects[BATCH];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static struct batch *queue;
static unsigned waiting;

struct worker {
	uint64_t number;
	uint64_t batches;
};

static void queue_push(struct batch *batch)
{
	pthread_mutex_lock(&lock);
	while (waiting >= WAITING_MAX)
		pthread_cond_wait(&not_full, &lock);
	batch->next = queue;
	queue = batch;
	waiting++;
	pthread_cond_signal(&not_empty);
	pthread_mutex_unlock(&lock);
}

static struct batch *queue_pop(void)
{
	pthread_mutex_lock(&lock);
	while (queue == NULL)
		pthread_cond_wait(&not_empty, &lock);
	struct batch *batch = queue;
	queue = batch->next;
	waiting--;
	pthread_cond_signal(&not_full);
	pthread_mutex_unlock(&lock);
	return batch;
}

static struct batch *batch_new(struct rng *rng)
{
	struct batch *batch = needed(malloc(sizeof(*batch)));

	for (int i = 0; i < BATCH; i++) {
		batch->objects[i] =
			needed(malloc(sizes[rng_below(rng, sizeof(sizes) / sizeof(sizes[0]))]));
		*(volatile char *)batch->objects[i] = 1;
	}
	return batch;
}

static void batch_free(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++)
		free(batch->objects[i]);
	free(batch);
}

/* The even ones allocate, the odd ones free. */
static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct rng rng = rng_stream(worker->number);

	for (uint64_t left = worker->batches; left > 0; left--)
		if (worker->number % 2 == 0)
			queue_push(batch_new(&rng));
		else
			batch_free(queue_pop());
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = (unsigned)argument_number(argc, argv, 1, usage);
	uint64_t count = argument_number(argc, argv, 2, usage);
	uint64_t batches = count / BATCH / (threads / 2);
	struct worker *workers = needed(calloc(threads, sizeof(*workers)));

	for (unsigned i = 0; i < threads; i++)
		workers[i] = (struct worker){i, batches};
	report_time(batches * BATCH * (threads / 2),
		threads_run(threads, worker_run, workers, sizeof(*workers)));
	return 0;
}
