#include "preload/fault.h"

#include <errno.h>
#include <unistd.h>

#include "base/bits.h"
#include "check/fault.h"
#include "preload/process.h"
#include "preload/sigaction.h"

static bool is_watching;

/* The program's.  A handler may come while it is set: by halves it is never read, since the
   one that is not in use is written. */
static struct sigaction program_actions[2];
static uint32_t program_action;

static const struct sigaction *action_now(void)
{
	return &program_actions[__atomic_load_n(&program_action, __ATOMIC_ACQUIRE)];
}

static void action_keep(const struct sigaction *action)
{
	uint32_t other = !__atomic_load_n(&program_action, __ATOMIC_RELAXED);

	program_actions[other] = *action;
	__atomic_store_n(&program_action, other, __ATOMIC_RELEASE);
}

/* As if it had never been handled: the instruction is tried again, a signal sent again. */
static void let_default(int number, const siginfo_t *info)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction_of_libc(number, &action, NULL);
	if (info->si_code <= 0)
		raise(number);
}

static void handle(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	struct sigaction action = *action_now();
	bool is_fault = info->si_code > 0;

	fault_report(info, context);
	errno = saved;
	if (action.sa_handler == SIG_DFL || (action.sa_handler == SIG_IGN && is_fault)) {
		let_default(number, info);
		return;
	}
	if (action.sa_handler == SIG_IGN)
		return;
	if ((action.sa_flags & (int)SA_RESETHAND) != 0)
		action_keep(&(struct sigaction){.sa_handler = SIG_DFL});
	if ((action.sa_flags & SA_SIGINFO) != 0)
		action.sa_sigaction(number, info, context);
	else
		action.sa_handler(number);
}

/* In the kernel. */
static int install(int number, const struct sigaction *program)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	if (program->sa_handler != SIG_DFL && program->sa_handler != SIG_IGN) {
		action.sa_flags = (program->sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
		action.sa_mask = program->sa_mask;
	}
	return sigaction_of_libc(number, &action, NULL);
}

void fault_watch(void)
{
	struct sigaction now;

	if (sigaction_of_libc(SIGSEGV, NULL, &now) != 0)
		return;
	action_keep(&now);
	is_watching = install(SIGSEGV, &now) == 0;
}

bool fault_is_watched(int number)
{
	return number == SIGSEGV && is_watching;
}

int fault_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	struct sigaction before = *action_now();

	if (action != NULL && !process_is_self()) {
		/* A child of vfork() has handlers of its own but our memory. */
		if (sigaction_of_libc(number, action, NULL) != 0)
			return -1;
	} else if (action != NULL) {
		struct sigaction now = *action;
		if (install(number, &now) != 0)
			return -1;
		action_keep(&now);
	}
	if (old != NULL)
		*old = before;
	return 0;
}
