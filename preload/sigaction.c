#include "preload/sigaction.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "preload/fault.h"
#include "preload/process.h"
#include "preload/signal.h"

typedef void handler_fn(int);
typedef int sigaction_fn(int number, const struct sigaction *action, struct sigaction *old);
typedef handler_fn *set_handler_fn(int number, handler_fn *handler);

/*
 * What libc has by another name can be linked, and is at hand in a signal handler
 * and before main: to look up seven names at each start took as long as ten system
 * calls.  So bsd_signal(), which headers have long ceased to declare, is left to
 * libc; who calls it is noticed as a raw system call is.
 */
sigaction_fn __sigaction;
set_handler_fn bsd_signal;

int sigaction_of_libc(int number, const struct sigaction *action, struct sigaction *old)
{
	return __sigaction(number, action, old);
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
	if (UNLIKELY(fault_is_watched(number)))
		return fault_sigaction(number, action, old);
	int result = sigaction_of_libc(number, action, old);

	if (result == 0 && old != NULL && is_dump_signal(number) && is_our_handler(old->sa_handler))
		*old = (struct sigaction){.sa_handler = SIG_DFL};
	if (action != NULL)
		recheck(number);
	return result;
}

static handler_fn *shown(int number, handler_fn *old)
{
	recheck(number);
	return is_our_handler(old) ? SIG_DFL : old;
}

static handler_fn *handler_set(int number, handler_fn *handler, int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
	sigaction_fn *set = fault_is_watched(number) ? fault_sigaction : __sigaction;

	return set(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* libc's knows of siginterrupt(). */
static handler_fn *bsd_set(int number, handler_fn *handler)
{
	if (UNLIKELY(fault_is_watched(number) && handler != SIG_ERR))
		return handler_set(number, handler, SA_RESTART);
	return shown(number, bsd_signal(number, handler));
}

EXPORT handler_fn *signal(int number, handler_fn *handler)
{
	return bsd_set(number, handler);
}

EXPORT handler_fn *ssignal(int number, handler_fn *handler)
{
	return bsd_set(number, handler);
}

/* System V's are as sigaction(3) says: once, and not blocked meanwhile. */
EXPORT handler_fn *__sysv_signal(int number, handler_fn *handler)
{
	if (handler != SIG_ERR)
		return shown(number, handler_set(number, handler, (int)SA_RESETHAND | SA_NODEFER));
	errno = EINVAL;
	return SIG_ERR;
}

EXPORT handler_fn *sysv_signal(int number, handler_fn *handler)
{
	return __sysv_signal(number, handler);
}

static handler_fn *handler_now(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 ? now.sa_handler : SIG_ERR;
}

/* As sigset(3) says: SIG_HOLD blocks the signal, any other disposition unblocks it. */
EXPORT handler_fn *sigset(int number, handler_fn *handler)
{
	bool is_hold = handler == SIG_HOLD;
	sigset_t set, before;

	sigemptyset(&set);
	if (sigaddset(&set, number) != 0)
		return SIG_ERR;
	handler_fn *old = is_hold ? handler_now(number) : handler_set(number, handler, 0);
	if (old == SIG_ERR || sigprocmask(is_hold ? SIG_BLOCK : SIG_UNBLOCK, &set, &before) != 0)
		return SIG_ERR;
	old = shown(number, old);
	return sigismember(&before, number) == 1 ? SIG_HOLD : old;
}
