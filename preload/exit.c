/*
 * preload/exit.c - the ways out that run no destructors.
 *
 * WHY        A process that ends by _exit() has ended well: its box goes.  A
 *            box that stays behind says that its process was killed.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "preload/process.h"

static _Noreturn void leave(int status)
{
	process_end();
	for (;;)
		syscall(SYS_exit_group, status);
}

EXPORT void _exit(int status)
{
	leave(status);
}

EXPORT void _Exit(int status)
{
	leave(status);
}

/* at_quick_exit() handlers are libc's to run; ours is the last word. */
EXPORT void quick_exit(int status)
{
	void (*libc)(int) = (void (*)(int))dlsym(RTLD_NEXT, "quick_exit");

	process_end();
	if (libc != NULL)
		libc(status);
	leave(status);
}
