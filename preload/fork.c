#include "preload/fork.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "heap/heap.h"
#include "preload/process.h"
#include "profile/sites.h"
#include "stats/box.h"
#include "tinyalloc/special.h"

typedef void fork_handler_fn(void);
typedef int register_fn(fork_handler_fn *prepare, fork_handler_fn *parent, fork_handler_fn *child,
	void *dso_handle);

/* A handler that forks interrupted its own thread, which has a lock of the heap's: nothing
   can be prepared.  The child finds out that it is a new process by itself. */
static THREAD_LOCAL bool is_amid;

static void fork_begins(void)
{
	is_amid = lock_is_any_mine();
	if (is_amid)
		return;
	heap_fork_prepare();
	special_fork_prepare();
	sites_fork_prepare();
}

static void fork_ends(void)
{
	if (is_amid)
		return;
	sites_fork_end();
	special_fork_end();
	heap_fork_parent();
}

static void fork_child(void)
{
	if (is_amid)
		box_leave();
	else
		process_fork_child();
}

void fork_watch(void)
{
	static bool is_watched;

	if (__atomic_exchange_n(&is_watched, true, __ATOMIC_RELAXED))
		return;
	pthread_atfork(fork_begins, fork_ends, fork_child);
}

/* What pthread_atfork() calls, which each library has a copy of. */
EXPORT register_fn __register_atfork;
EXPORT int __register_atfork(fork_handler_fn *prepare, fork_handler_fn *parent,
	fork_handler_fn *child, void *dso_handle)
{
	register_fn *libc = (register_fn *)dlsym(RTLD_NEXT, "__register_atfork");

	if (libc == NULL)
		return ENOMEM;
	fork_watch();
	return libc(prepare, parent, child, dso_handle);
}
