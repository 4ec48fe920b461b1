#include "preload/thread.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap/cache.h"

static pthread_key_t end_key;
static bool has_key;

static void thread_end(void *value)
{
	uintptr_t round = (uintptr_t)value;

	if (round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(end_key, (void *)(round + 1));
	else
		cache_detach();
}

void thread_watch_init(void)
{
	has_key = pthread_key_create(&end_key, thread_end) == 0;
	if (cache_self != &cache_none)
		thread_attached();
}

void thread_attached(void)
{
	if (has_key)
		pthread_setspecific(end_key, (void *)1);
}
