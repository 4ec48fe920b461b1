/*
 * bench/spawn.c - processes that begin and end: /bin/true, or a fork of this
 * process whose child ends at once, with so many MiB live in it.
 *
 * What it shows: what an allocator does before main and after it, and how much
 * of the address space that a fork copies is its own.  The CPU time of the
 * children counts with the parent's.
 */
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common.h"

enum { BLOCK_BYTES = 64 << 10 };

static const char usage[] = "exec|fork MIB COUNT";

static uint64_t rusage_ns(int who)
{
	struct rusage usage_now;

	getrusage(who, &usage_now);
	return (uint64_t)(usage_now.ru_utime.tv_sec + usage_now.ru_stime.tv_sec) * 1000000000 +
		(uint64_t)(usage_now.ru_utime.tv_usec + usage_now.ru_stime.tv_usec) * 1000;
}

static uint64_t family_cpu_ns(void)
{
	return rusage_ns(RUSAGE_SELF) + rusage_ns(RUSAGE_CHILDREN);
}

static pid_t child_start(const char *kind)
{
	static char name[] = "true", *true_argv[] = {name, NULL};
	pid_t pid;

	if (strcmp(kind, "exec") == 0)
		return posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv, environ) == 0 ? pid : -1;
	pid = fork();
	if (pid == 0)
		exit(0);
	return pid;
}

int main(int argc, char **argv)
{
	const char *kind = argument(argc, argv, 1, usage);
	uint64_t blocks = argument_number(argc, argv, 2, usage) * ((1 << 20) / BLOCK_BYTES);
	uint64_t count = argument_number(argc, argv, 3, usage);

	/* What stays live until the end, as it would in a server. */
	for (uint64_t i = 0; i < blocks; i++)
		touch_pages(needed(malloc(BLOCK_BYTES)), BLOCK_BYTES);
	uint64_t begin_ns = family_cpu_ns();
	for (uint64_t left = count; left > 0; left--) {
		int status;
		pid_t pid = child_start(kind);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	report_time(count, family_cpu_ns() - begin_ns);
	return 0;
}
