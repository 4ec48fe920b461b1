/*
 * altstack.c - the dump signal on a signal stack as small as programs have them.
 *
 * Proves: beyond what the kernel itself puts there, a dump needs 3 KiB, which leaves
 * room on a stack of SIGSTKSZ (8 KiB) with the widest registers that there are now.
 *
 * The argument is the dump's path; MSTAT_CONF names it too.
 */
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "tests/preload/tap.h"

enum { STACK_BYTES = 64 << 10, DUMP_NEEDS_BYTES = 3 << 10, UNTOUCHED = 0xa5 };

static unsigned char stack[STACK_BYTES];

int main(int argc, char **argv)
{
	stack_t on = {.ss_sp = stack, .ss_size = sizeof(stack)};
	size_t untouched_bytes = 0;

	tap_begin();
	if (argc != 2 || sigaltstack(&on, NULL) != 0)
		return 2;
	memset(stack, UNTOUCHED, sizeof(stack));
	raise(SIGUSR2);
	while (untouched_bytes < sizeof(stack) && stack[untouched_bytes] == UNTOUCHED)
		untouched_bytes++;
	size_t used_bytes = sizeof(stack) - untouched_bytes;
	size_t kernel_bytes = getauxval(AT_MINSIGSTKSZ);
	tap_ok(used_bytes > 0 && access(argv[1], F_OK) == 0, "the dump was written on it");
	tap_ok(used_bytes < kernel_bytes + DUMP_NEEDS_BYTES,
		"it took %zu bytes, the kernel's frame up to %zu of them", used_bytes, kernel_bytes);
	return tap_done();
}
