#include "coro/thread.h"

#include <pthread.h>

#include "coro/defer.h"
#include "coro/key.h"
#include "coro/overflow.h"
#include "coro/sanitizer.h"
#include "coro/unwind.h"

THREAD_LOCAL struct thread coro_thread;

/* Whether there is a panic is not known here. */
struct coro thread_nobody = {.panics = (struct panic *)1};

/* Threads that were here, and the foreign calls of those that ended. */
static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	pthread_key_t key;
	struct thread *first;
	uint64_t ended_foreign_count;
	uint64_t last_id;
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

/* C++'s, if its library is there: exceptions that are caught at the moment. */
#pragma weak __cxa_get_globals
void *__cxa_get_globals(void);

static uintptr_t no_exceptions[2];

void thread_drop_dead(struct thread *thread)
{
	while (thread->first_dead != NULL) {
		struct coro *co = thread->first_dead;
		thread->first_dead = co->next_dead;
		thread->dead_room++;
		coro_delete(co);
	}
}

static void thread_end(void *state)
{
	struct thread *thread = state;

	values_end(&thread->root);
	thread_drop_dead(thread);
	unwind_forget(&thread->root, UNWIND_ALL);
	defer_free_chunks(&thread->root);
	overflow_forget();
	pthread_mutex_lock(&threads.lock);
	threads.ended_foreign_count += thread->foreign_count;
	thread->foreign_count = 0;
	*thread->link = thread->next;
	if (thread->next != NULL)
		thread->next->link = thread->link;
	pthread_mutex_unlock(&threads.lock);
	thread->running = thread->held = NULL; /* a later destructor begins anew */
	thread->dead_room = 0;
}

static void fork_begin(void)
{
	pthread_mutex_lock(&threads.lock);
	stack_fork_begin();
	sanitizer_fork_begin();
}

static void fork_end(void)
{
	sanitizer_fork_end();
	stack_fork_end();
	pthread_mutex_unlock(&threads.lock);
}

/* The other threads are not in the child. */
static void fork_end_in_child(void)
{
	struct thread *self = &coro_thread;

	for (const struct thread *thread = threads.first; thread != NULL; thread = thread->next)
		if (thread != self)
			threads.ended_foreign_count += thread->foreign_count;
	threads.first = NULL;
	if (self->running != NULL) {
		threads.first = self;
		self->link = &threads.first;
		self->next = NULL;
	}
	fork_end();
}

/* Before any thread may hold a lock while another forks. */
static __attribute__((constructor)) void fork_watch(void)
{
	pthread_atfork(fork_begin, fork_end, fork_end_in_child);
}

static void key_create(void)
{
	pthread_key_create(&threads.key, thread_end);
}

void thread_begin(struct thread *thread)
{
	thread->root.is_active = true;
	thread->self = pthread_self();
	thread->exceptions = __cxa_get_globals != NULL ? __cxa_get_globals() : no_exceptions;
	thread->is_sanitized = sanitizer_is_here();
	thread->dead_room = THREAD_DEAD_MOST;
	thread->held = &thread->root;
	thread_come_back(thread);
	overflow_watch();
	pthread_once(&threads.once, key_create);
	pthread_setspecific(threads.key, thread);
	pthread_mutex_lock(&threads.lock);
	thread->id = ++threads.last_id;
	thread->next = threads.first;
	thread->link = &threads.first;
	if (thread->next != NULL)
		thread->next->link = &thread->next;
	__atomic_store_n(&threads.first, thread, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&threads.lock);
}

bool thread_runs(const struct coro *co)
{
	bool runs = false;

	pthread_mutex_lock(&threads.lock);
	for (const struct thread *thread = threads.first; thread != NULL && !runs; thread = thread->next)
		runs = thread_current(thread) == co;
	pthread_mutex_unlock(&threads.lock);
	return runs;
}

void thread_visit(void (*visit)(const struct thread *thread, void *arg), void *arg)
{
	for (const struct thread *thread = threads.first; thread != NULL; thread = thread->next)
		visit(thread, arg);
}

uint64_t thread_foreign_counts(void)
{
	pthread_mutex_lock(&threads.lock);
	uint64_t sum = threads.ended_foreign_count;
	for (const struct thread *thread = threads.first; thread != NULL; thread = thread->next)
		sum += __atomic_load_n(&thread->foreign_count, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&threads.lock);
	return sum;
}
