#include "preload/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap/cache.h"
#include "heap/slowpath.h"

static pthread_key_t end_key;
static bool has_key;

/* What the key is set to: how often its destructor is still to be called. */
enum { ROUNDS = 2 };

static void thread_end(void *value)
{
	uintptr_t rounds = (uintptr_t)value - 1;

	if (rounds > 0) {
		pthread_setspecific(end_key, (void *)rounds);
		return;
	}
	heap_process_look(); /* before it writes into the box */
	cache_detach();
}

void thread_watch_init(void)
{
	has_key = pthread_key_create(&end_key, thread_end) == 0;
	if (cache_own != &cache_none)
		thread_attached();
}

void thread_attached(void)
{
	if (has_key)
		pthread_setspecific(end_key, (void *)ROUNDS);
}
