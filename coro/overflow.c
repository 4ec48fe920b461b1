#include "coro/overflow.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "base/format.h"
#include "base/os.h"
#include "coro/thread.h"

/* More than the kernel's frame with the largest registers that there are. */
enum { HANDLER_STACK_BYTES = 64 << 10, LINE_BYTES = 160 };

static THREAD_LOCAL void *handler_stack;

static _Noreturn void overflow_tell(const struct coro *co)
{
	char buffer[LINE_BYTES];
	struct format line;

	format_init(&line, buffer, sizeof(buffer), -1);
	format_text(&line, "stack overflow in coroutine ");
	if (co->name[0] != '\0')
		format_text(&line, co->name);
	else
		format_hex(&line, (uintptr_t)co);
	format_text(&line, ", a stack of ");
	format_unsigned(&line, co->stack.bytes);
	format_text(&line, " bytes");
	format_terminate(&line);
	fatal(buffer);
}

static void handle(int number, siginfo_t *info, void *context)
{
	const struct coro *co = thread_current(&coro_thread);

	(void)context;
	if (co != NULL && co->stack.bytes != 0 && stack_guards(&co->stack, info->si_addr))
		overflow_tell(co);
	signal(number, SIG_DFL); /* and the instruction is tried once more */
	if (info->si_code <= 0)
		raise(number); /* there was none: somebody sent it */
}

static void handler_install(void)
{
	struct sigaction now, ours = {.sa_sigaction = handle,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	if (sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
		now.sa_handler == SIG_DFL)
		sigaction(SIGSEGV, &ours, NULL);
}

void overflow_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	stack_t now;

	pthread_once(&once, handler_install);
	if (sigaltstack(NULL, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0)
		return; /* the program has one */
	handler_stack = os_map(HANDLER_STACK_BYTES);
	if (handler_stack == NULL)
		return;
	stack_t ours = {.ss_sp = handler_stack, .ss_size = HANDLER_STACK_BYTES};
	sigaltstack(&ours, NULL);
}

void overflow_forget(void)
{
	stack_t now, none = {.ss_flags = SS_DISABLE};

	if (handler_stack == NULL)
		return;
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == handler_stack)
		sigaltstack(&none, NULL);
	os_unmap(handler_stack, HANDLER_STACK_BYTES);
	handler_stack = NULL;
}
