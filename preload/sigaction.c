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

static void *libc_symbol(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		errno = ENOSYS;
	return found;
}

int sigaction_of_libc(int number, const struct sigaction *action, struct sigaction *old)
{
	static sigaction_fn *libc;

	if (libc == NULL)
		libc = (sigaction_fn *)libc_symbol("sigaction");
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
static handler_fn *set_handler(const char *name, int number, handler_fn *handler)
{
	set_handler_fn *libc = (set_handler_fn *)libc_symbol(name);

	if (libc == NULL)
		return SIG_ERR;
	handler_fn *old = libc(number, handler);
	recheck(number);
	return is_our_handler(old) ? SIG_DFL : old;
}

EXPORT handler_fn *signal(int number, handler_fn *handler)
{
	return set_handler("signal", number, handler);
}

EXPORT handler_fn *ssignal(int number, handler_fn *handler)
{
	return set_handler("ssignal", number, handler);
}

EXPORT handler_fn *bsd_signal(int number, handler_fn *handler);
EXPORT handler_fn *bsd_signal(int number, handler_fn *handler)
{
	return set_handler("bsd_signal", number, handler);
}

EXPORT handler_fn *sysv_signal(int number, handler_fn *handler)
{
	return set_handler("sysv_signal", number, handler);
}

EXPORT handler_fn *__sysv_signal(int number, handler_fn *handler)
{
	return set_handler("__sysv_signal", number, handler);
}

EXPORT handler_fn *sigset(int number, handler_fn *handler)
{
	return set_handler("sigset", number, handler);
}
