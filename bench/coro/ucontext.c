/*
 * bench/coro/ucontext.c - libc's own coroutines.  Each switch is a system call, for the
 * signal mask.
 */
#include <string.h>
#include <ucontext.h>

#include "bench/common.h"

static const char usage[] = "switch|create COUNT";

static ucontext_t outside, inside;
static char stack[64 << 10] __attribute__((aligned(16)));

static void yield_always(void)
{
	for (;;)
		swapcontext(&inside, &outside);
}

static void return_at_once(void)
{
}

static void prepare(void (*fn)(void))
{
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof(stack);
	inside.uc_link = &outside;
	makecontext(&inside, fn, 0);
}

static void switch_run(uint64_t count)
{
	prepare(yield_always);
	for (uint64_t left = count; left > 0; left--)
		swapcontext(&outside, &inside);
}

static void create_run(uint64_t count)
{
	for (uint64_t left = count; left > 0; left--) {
		prepare(return_at_once);
		swapcontext(&outside, &inside);
	}
}

int main(int argc, char **argv)
{
	void (*run)(uint64_t) =
		strcmp(argument(argc, argv, 1, usage), "create") == 0 ? create_run : switch_run;
	uint64_t count = argument_number(argc, argv, 2, usage);

	run(1);
	uint64_t begin_ns = clock_cpu_ns();
	run(count);
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
