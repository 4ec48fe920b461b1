#include "preload/sigaction.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "preload/process.h"
#include "preload/signal.h"

typedef void handler_fn(int);
typedef handler_fn *set_handler_fn(int number, handler_fn *handler);
typedef int sigaction_fn(int number, const struct sigaction *action, struct sigaction *old);

enum libc_name {
	SIGACTION,
	SIGNAL,
	SSIGNAL,
	BSD_SIGNAL,
	SYSV_SIGNAL,
	SYSV_SIGNAL_ALIAS,
	SIGSET,
	NAME_COUNT
};

static struct {
	const char *name;
	void *function;
} libc_names[NAME_COUNT] = {{"sigaction", NULL}, {"signal", NULL}, {"ssignal", NULL},
	{"bsd_signal", NULL}, {"sysv_signal", NULL}, {"__sysv_signal", NULL}, {"sigset", NULL}};

static void *libc_function(enum libc_name name)
{
	void **known = &libc_names[name].function;
	void *function = __atomic_load_n(known, __ATOMIC_RELAXED);

	if (function != NULL)
		return function;
	function = dlsym(RTLD_NEXT, libc_names[name].name);
	if (function == NULL)
		errno = ENOSYS;
	__atomic_store_n(known, function, __ATOMIC_RELAXED);
	return function;
}

void sigaction_find(void)
{
	for (enum libc_name name = 0; name < NAME_COUNT; name++)
		libc_function(name);
}

int sigaction_of_libc(int number, const struct sigaction *action, struct sigaction *old)
{
	sigaction_fn *libc = (sigaction_fn *)libc_function(SIGACTION);

	return libc != NULL ? libc(number, action, old) : -1;
}

static bool is_dump_signal(int number)
{
	return number != 0 && number == process_conf.signal_number;
}

/* A child of vfork() has handlers of its own but our memory. */
static void recheck(int number)
{
	int saved = errno;

	if (is_dump_signal(number) && process_is_self())
		signal_check();
	errno = saved;
}

static bool is_our_handler(handler_fn *handler)
{
	return (void *)handler == (void *)signal_handle;
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	int result = sigaction_of_libc(number, action, old);

	if (result == 0 && old != NULL && is_dump_signal(number) && is_our_handler(old->sa_handler))
		*old = (struct sigaction){.sa_handler = SIG_DFL};
	if (action != NULL)
		recheck(number);
	return result;
}

/* signal() and its kin differ in what they make of a handler, not in this. */
static handler_fn *set_handler(enum libc_name name, int number, handler_fn *handler)
{
	set_handler_fn *libc = (set_handler_fn *)libc_function(name);

	if (libc == NULL)
		return SIG_ERR;
	handler_fn *old = libc(number, handler);
	recheck(number);
	return is_our_handler(old) ? SIG_DFL : old;
}

EXPORT handler_fn *signal(int number, handler_fn *handler)
{
	return set_handler(SIGNAL, number, handler);
}

EXPORT handler_fn *ssignal(int number, handler_fn *handler)
{
	return set_handler(SSIGNAL, number, handler);
}

EXPORT handler_fn *bsd_signal(int number, handler_fn *handler);
EXPORT handler_fn *bsd_signal(int number, handler_fn *handler)
{
	return set_handler(BSD_SIGNAL, number, handler);
}

EXPORT handler_fn *sysv_signal(int number, handler_fn *handler)
{
	return set_handler(SYSV_SIGNAL, number, handler);
}

EXPORT handler_fn *__sysv_signal(int number, handler_fn *handler)
{
	return set_handler(SYSV_SIGNAL_ALIAS, number, handler);
}

EXPORT handler_fn *sigset(int number, handler_fn *handler)
{
	return set_handler(SIGSET, number, handler);
}
