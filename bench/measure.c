/*
 * bench/measure.c - runs one command with one library preloaded and says what
 * the kernel counted for it.
 *
 * WHY    A process begins with the peak of the one that it was forked from, so
 *        a runner of many MiB would be seen in every small program's figure.
 *        This one is smaller than anything that it measures.
 *
 *        And a virtual machine may give its free pages back to its host, huge
 *        ones first, so that the next program to touch one waits for the host.
 *        Which allocator that hits depends on whom it follows.  So a child
 *        touches as much as the command will need, and ends, before each run:
 *        all find the same machine.
 *
 * usage: measure RESULT-FILE LIBRARY|"" WARM-MIB COMMAND...
 *
 * Writes one line: exit status (or 256 + signal), ns from start to end, user
 * and system us, peak KiB, minor faults.  Children that the command waited for
 * count with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long us_of(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static void memory_warm(size_t mib)
{
	pid_t pid = fork();

	if (pid == 0) {
		char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			_exit(0);
		madvise(memory, mib << 20, MADV_HUGEPAGE);
		for (size_t i = 0; i < mib << 20; i += 4096)
			((volatile char *)memory)[i] = 1;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int measure(const char *library, char **command, FILE *result)
{
	long long begin_ns = now_ns();
	pid_t pid = fork();
	struct rusage used;
	int status;

	if (pid == 0) {
		if (library[0] != '\0')
			setenv("LD_PRELOAD", library, 1);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 1;
	fprintf(result, "%d %lld %lld %lld %ld %ld\n",
		WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status), now_ns() - begin_ns,
		us_of(used.ru_utime), us_of(used.ru_stime), used.ru_maxrss, used.ru_minflt);
	return fclose(result) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: measure RESULT-FILE LIBRARY WARM-MIB COMMAND...\n");
		return 2;
	}
	/* Closed in the command: a descriptor of ours would be one of its own. */
	FILE *result = fopen(argv[1], "we");
	if (result == NULL)
		return 1;
	memory_warm(strtoul(argv[3], NULL, 10));
	return measure(argv[2], argv + 4, result);
}
