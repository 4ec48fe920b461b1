/*
 * preload/confine.c - prctl(), by which a program announces that it will forbid itself
 * system calls.
 *
 * WHY        What the library looks for now and then - whose the dump signal is, whether
 *            a child is filtered - takes calls that no malloc makes, and servers behind
 *            their privileges are killed for those.  Even to ask whether there is a filter
 *            is such a call.  Whoever sets one without being root has to give up new
 *            privileges first, or says at once what it sets; both go by way of prctl().
 *
 * What was filtered before the program began is left to those who did it.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/os.h"
#include "heap/slowpath.h"
#include "preload/process.h"
#include "preload/signal.h"

static void confine(void)
{
	if (os_is_confined || !process_is_self()) /* of a vfork's child only the parent knows */
		return;
	heap_init(); /* by which children are known without a question */
	os_is_confined = true;
	signal_publish(); /* that dumps are off; nothing is forbidden yet */
}

EXPORT int prctl(int option, ...)
{
	unsigned long given[4];
	va_list arguments;

	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		given[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
		confine();
	return (int)syscall(SYS_prctl, option, given[0], given[1], given[2], given[3]);
}
